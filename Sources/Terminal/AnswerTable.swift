/// An answer as a table: times down, and a column for each series and aggregation where they have room beside each other;
/// else a line for each series and time, with the labels in front.
package struct AnswerTable {
    private let reply: QueryReply
    private let zone: TerminalZone
    private let width: Int
    private let style: TerminalStyle

    /// - Parameters:
    ///   - reply: the answer.
    ///   - zone: in which times are written.
    ///   - width: columns of the terminal.
    ///   - style: colours or none.
    package init(_ reply: QueryReply, zone: TerminalZone, width: Int, style: TerminalStyle) {
        self.reply = reply
        self.zone = zone
        self.width = width
        self.style = style
    }

    /// The lines, with what the answer is about above them.
    package var lines: [String] {
        if reply.series.isEmpty { return [reply.title(zone), "no events"] }
        let wide = TextTable(columns: seriesBesideEachOther)
        if wide.width <= width { return [reply.title(zone)] + wide.lines(style) }
        var table = TextTable(columns: seriesBelowEachOther)
        // Items are the last column and may be many: what has no room is cut, numbers never.
        if reply.aggregations == ["top"], table.width > width, let last = table.columns.indices.last {
            let room = max(10, width - (table.width - table.columns[last].width))
            table.columns[last].cells = table.columns[last].cells.map { TerminalText.cut($0, to: room) }
        }
        return [reply.title(zone)] + table.lines(style)
    }

    private var seriesBesideEachOther: [TextTable.Column] {
        let times = Array(Set(reply.series.flatMap(\.times))).sorted()
        let isOne = reply.series.count == 1 && reply.series[0].labels.isEmpty
        let namesRatherThanUnits = reply.aggregations.count == 1 && !isOne
        let head = isOne || namesRatherThanUnits ? ["time"] : ["", "time"]
        var columns = [TextTable.Column(heading: head, cells: texts(times))]
        let decimals = decimals
        for series in reply.series {
            let places = Dictionary(
                series.times.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
            for (index, aggregation) in reply.aggregations.enumerated() {
                let cells = times.map { time in places[time].map { series.cells[index][$0] } ?? .absent }
                let name = reply.name(of: series)
                let heading = reply.heading(of: aggregation)
                columns.append(
                    column(
                        isOne ? [heading] : namesRatherThanUnits ? [name] : [name, heading], cells,
                        decimals: decimals[index]))
            }
        }
        return columns
    }

    private var seriesBelowEachOther: [TextTable.Column] {
        var columns = reply.labelNames.map { name in
            TextTable.Column(
                heading: [name],
                cells: reply.series.flatMap { series in
                    Array(repeating: series.value(of: name) ?? "–", count: series.times.count)
                })
        }
        columns.append(TextTable.Column(heading: ["time"], cells: texts(reply.series.flatMap(\.times))))
        let decimals = decimals
        for (index, aggregation) in reply.aggregations.enumerated() {
            columns.append(
                column(
                    [reply.heading(of: aggregation)], reply.series.flatMap { $0.cells[index] },
                    decimals: decimals[index]))
        }
        return columns
    }

    /// By aggregation: the same in all series, which are to be compared.
    private var decimals: [Int] {
        reply.aggregations.indices.map { index in
            NumberText.decimals(for: reply.series.lazy.flatMap { $0.cells[index] }.compactMap(\.number))
        }
    }

    private func column(_ heading: [String], _ cells: [QueryReply.Cell], decimals: Int) -> TextTable.Column {
        var hasText = false
        let texts = cells.map { cell in
            switch cell {
            case .absent: return "–"
            case .number(let number): return NumberText.fixed(number, decimals: decimals)
            case .text(let text):
                hasText = true
                return text
            }
        }
        return TextTable.Column(heading: heading, isRight: !hasText, cells: texts)
    }

    /// As short as they are told apart: the date only where there are several, seconds only for fine steps.
    private func texts(_ times: [Int64]) -> [String] {
        let locals = times.map(zone.local)
        let hasDates = Set(locals.map(\.date)).count > 1
        let areDays = hasDates && locals.allSatisfy { $0.secondOfDay == 0 }
        return locals.map { local in
            if areDays { return local.date }
            let clock = local.clock(seconds: reply.stepMs < 60_000)
            return hasDates ? "\(local.date) \(clock)" : clock
        }
    }
}
