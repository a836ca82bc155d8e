/// An answer as a chart for each unit, with a legend that says for each line its last, least and greatest value.
package struct AnswerChart {
    /// The most lines that one chart shows: more cannot be told apart.
    package static let maxLines = 8

    /// A line with what the legend says of it.
    private struct Plotted {
        let name: String
        let points: [(ms: Int64, value: Double)]
    }

    private let reply: QueryReply
    private let zone: TerminalZone
    private let width: Int
    private let height: Int
    private let style: TerminalStyle

    /// - Parameters:
    ///   - reply: the answer.
    ///   - zone: in which times are written.
    ///   - width: columns to fill, at least 30.
    ///   - height: rows to fill, as far as legends leave the charts enough of them.
    ///   - style: colours or none.
    package init(_ reply: QueryReply, zone: TerminalZone, width: Int, height: Int, style: TerminalStyle) {
        self.reply = reply
        self.zone = zone
        self.width = max(width, 30)
        self.height = height
        self.style = style
    }

    /// The rows, with what the answer is about above them.
    package var rows: [String] {
        let title = TerminalText.cut(reply.title(zone), to: width)
        if reply.series.isEmpty { return [title, "no events"] }
        let charts = charts
        if charts.isEmpty {
            return [title, "\(reply.aggregations.joined(separator: ", ")) is no number: there is nothing to draw"]
        }
        let legends = charts.map { min($0.lines.count, Self.maxLines) + 1 }.reduce(0, +)
        let left = max(0, height - 1 - legends - hidden(charts).count)
        return [title]
            + charts.flatMap { rows(of: $0.lines, $0.unit, height: max(7, left / charts.count)) } + hidden(charts)
    }

    /// By unit, in the order of the aggregations.
    private var charts: [(unit: String, lines: [Plotted])] {
        var charts: [(unit: String, lines: [Plotted])] = []
        let isOne = reply.series.count == 1 && reply.series[0].labels.isEmpty
        for series in reply.series {
            for (index, aggregation) in reply.aggregations.enumerated() {
                let points = zip(series.times, series.cells[index]).compactMap { time, cell in
                    cell.number.map { (ms: time, value: $0) }
                }
                if points.isEmpty { continue }
                let names = [
                    isOne ? nil : reply.name(of: series), reply.aggregations.count > 1 || isOne ? aggregation : nil,
                ]
                let line = Plotted(name: names.compactMap(\.self).joined(separator: " "), points: points)
                // A ratio and a count have no unit, and still nothing in common.
                let unit = reply.unit(of: aggregation).isEmpty ? " " + aggregation : reply.unit(of: aggregation)
                if let place = charts.firstIndex(where: { $0.unit == unit }) {
                    charts[place].lines.append(line)
                } else {
                    charts.append((unit, [line]))
                }
            }
        }
        return charts
    }

    private func rows(of lines: [Plotted], _ unit: String, height: Int) -> [String] {
        let shown = Array(lines.prefix(Self.maxLines))
        let letters = shown.count == 1 ? [nil] : "ABCDEFGH".map(Optional.some)
        let chart = LineChart(
            lines: zip(shown, letters).map { LineChart.Line(points: $0.points, mark: $1) }, fromMs: reply.fromMs,
            toMs: reply.toMs - reply.stepMs, stepMs: reply.stepMs, unit: unit.hasPrefix(" ") ? "" : unit, zone: zone,
            width: width, height: height, style: style)
        return chart.rows() + legend(shown, unit)
    }

    private func legend(_ lines: [Plotted], _ unit: String) -> [String] {
        let values = lines.map { $0.points.map(\.value) }
        let decimals = NumberText.decimals(for: values.joined())
        func column(_ heading: String, _ value: ([Double]) -> Double?) -> TextTable.Column {
            TextTable.Column(
                heading: [heading], isRight: true,
                cells: values.map { value($0).map { NumberText.fixed($0, decimals: decimals) } ?? "" })
        }
        let heading = unit.hasPrefix(" ") ? "" : "in \(unit)"
        let numbers = [column("last", \.last), column("min") { $0.min() }, column("max") { $0.max() }]
        let room = width - 4 - numbers.reduce(0) { $0 + $1.width + 2 }
        let names = lines.map { TerminalText.cut($0.name, to: max(room, 4)) }
        let table = TextTable(columns: [TextTable.Column(heading: [heading], cells: names)] + numbers).lines()
        let marks = lines.count == 1 ? ["━━"] : "ABCDEFGH".map { "\($0) " }
        return [style.frame("   " + table[0])]
            + table.dropFirst().enumerated().map { style.line($0, marks[$0]) + " " + $1 }
    }

    /// What has no place in a chart is said.
    private func hidden(_ charts: [(unit: String, lines: [Plotted])]) -> [String] {
        let most = charts.map(\.lines.count).max() ?? 0
        return most > Self.maxLines
            ? [TerminalText.cut("the \(Self.maxLines) heaviest of \(most) lines are drawn", to: width)] : []
    }
}
