/// Columns with a heading, aligned: texts to the left, numbers to the right.
struct TextTable {
    struct Column {
        /// Lines above the cells; every column of a table has as many.
        var heading: [String]
        var isRight = false
        var cells: [String]

        var width: Int { (heading + cells).map(TerminalText.width).max() ?? 0 }
    }

    private static let gap = "  "

    var columns: [Column]

    /// Of the whole table.
    var width: Int { columns.reduce(0) { $0 + $1.width } + Self.gap.count * max(0, columns.count - 1) }

    /// The table's lines, without spaces at their ends.
    func lines(_ style: TerminalStyle = .plain) -> [String] {
        let widths = columns.map(\.width)
        func line(_ texts: [String]) -> String {
            var line = ""
            for (index, text) in texts.enumerated() {
                if index > 0 { line += Self.gap }
                line += TerminalText.padded(text, to: widths[index], isRight: columns[index].isRight)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
        let headings = (0..<(columns.first?.heading.count ?? 0)).map { row in
            style.frame(line(columns.map { $0.heading[row] }))
        }
        return headings + (0..<(columns.first?.cells.count ?? 0)).map { row in line(columns.map { $0.cells[row] }) }
    }
}
