/// Lines over time, drawn with braille dots: an axis of values on the left, one of time below.
///
/// Neighbouring buckets are joined; where one is missing the line is interrupted, and one that stands alone is a dot.
struct LineChart {
    /// One line; its points ascend by time.
    struct Line {
        let points: [(ms: Int64, value: Double)]
        /// Written where the line ends, at the right edge, so that lines are told apart without colours too.
        let mark: Character?
    }

    let lines: [Line]
    /// Starts of the first and the last bucket.
    let fromMs: Int64
    let toMs: Int64
    let stepMs: Int64
    let unit: String
    let zone: TerminalZone
    /// Of all, the axes included.
    let width: Int
    let height: Int
    let style: TerminalStyle

    private static let axisHeight = 2
    private static let leastPlot = (width: 10, height: 2)

    /// The rows, from the top.
    func rows() -> [String] {
        let values = lines.flatMap { $0.points.map(\.value) }
        let plotHeight = max(Self.leastPlot.height, height - Self.axisHeight)
        let scale = ValueScale(
            from: values.min() ?? 0, to: values.max() ?? 0, labels: min(max(plotHeight / 3, 2), 8))
        let axisUnit = AxisUnit(unit, upTo: max(abs(scale.low), abs(scale.high)))
        var labels: [Int: String] = [:]
        for value in scale.labels.reversed() {
            let row = y(value, scale, dotRows: plotHeight * 4) / 4
            labels[row] = axisUnit.text(value, step: scale.step)
        }
        let gutter = labels.values.map(TerminalText.width).max() ?? 0
        let marksWidth = lines.contains { $0.mark != nil } ? 3 : 0
        let plotWidth = max(Self.leastPlot.width, width - gutter - 2 - marksWidth)
        var canvas = BrailleCanvas(width: plotWidth, height: plotHeight)
        // The heaviest last, above the others.
        for (index, line) in lines.enumerated().reversed() { draw(line, index, scale, &canvas) }
        let marks = marks(scale, plotHeight)
        var rows = (0..<plotHeight).map { row -> String in
            let label = TerminalText.padded(labels[row] ?? "", to: gutter, isRight: true)
            let axis = style.frame("\(label) \(labels[row] == nil ? "│" : "┤")")
            let text = axis + canvas.row(row, style)
            return (marks[row].map { text + " " + $0 }) ?? Self.trimmed(text)
        }
        rows += timeAxis(gutter: gutter, plotWidth: plotWidth)
        return rows
    }

    private func x(_ ms: Int64, dotColumns: Int) -> Int {
        guard toMs > fromMs else { return dotColumns / 2 }
        return Int((Double(ms - fromMs) / Double(toMs - fromMs) * Double(dotColumns - 1)).rounded())
    }

    private func y(_ value: Double, _ scale: ValueScale, dotRows: Int) -> Int {
        Int(((scale.high - value) / (scale.high - scale.low) * Double(dotRows - 1)).rounded())
    }

    private func draw(_ line: Line, _ owner: Int, _ scale: ValueScale, _ canvas: inout BrailleCanvas) {
        var before: (ms: Int64, x: Int, y: Int)?
        for point in line.points {
            let (x, y) = (
                x(point.ms, dotColumns: canvas.dotColumns), y(point.value, scale, dotRows: canvas.dotRows)
            )
            if let before, point.ms - before.ms <= stepMs {
                canvas.line((before.x, before.y), (x, y), owner: owner)
            } else {
                canvas.set(x, y, owner: owner)
            }
            before = (point.ms, x, y)
        }
    }

    /// By row, the marks of the lines that end there: at most two, the heavier ones.
    private func marks(_ scale: ValueScale, _ plotHeight: Int) -> [Int: String] {
        var marks: [Int: [(Int, Character)]] = [:]
        for (index, line) in lines.enumerated() {
            guard let mark = line.mark, let last = line.points.last else { continue }
            marks[y(last.value, scale, dotRows: plotHeight * 4) / 4, default: []].append((index, mark))
        }
        return marks.mapValues { $0.prefix(2).map { style.line($0.0, String($0.1)) }.joined() }
    }

    private func timeAxis(gutter: Int, plotWidth: Int) -> [String] {
        var line = Array(repeating: Character("─"), count: plotWidth)
        // Labels stand around their columns, as far as there is room at the edges.
        var texts = Array(repeating: Character(" "), count: max(width, gutter + 2 + plotWidth))
        var free = 0
        for label in TimeScale.labels(fromMs: fromMs, toMs: toMs, width: plotWidth, zone: zone) {
            let column = x(label.ms, dotColumns: plotWidth * 2) / 2
            line[column] = "┬"
            let start = min(gutter + 2 + column - label.text.count / 2, texts.count - label.text.count)
            guard start >= free else { continue }
            for (place, character) in label.text.enumerated() { texts[start + place] = character }
            free = start + label.text.count + 1
        }
        let frame = String(repeating: " ", count: gutter + 1) + "└" + String(line)
        return [style.frame(frame), style.frame(Self.trimmed(String(texts)))]
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }
}
