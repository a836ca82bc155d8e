/// Whether and how what is drawn is coloured.
package struct TerminalStyle: Sendable, Equatable {
    package var hasColours: Bool

    package init(hasColours: Bool) { self.hasColours = hasColours }

    /// Without any control sequence: for files, pipes, and whoever sets `NO_COLOR`.
    package static let plain = TerminalStyle(hasColours: false)

    /// Of the palette that the terminal's user has chosen: cyan, yellow, magenta, green, blue, red, and their bright ones.
    private static let palette = [36, 33, 35, 32, 34, 31, 96, 93]

    /// `text` in the colour of the line number `index`.
    func line(_ index: Int, _ text: String) -> String {
        hasColours ? "\u{1B}[\(Self.palette[index % Self.palette.count])m\(text)\u{1B}[0m" : text
    }

    /// `text` as what frames the rest: axes and headings.
    func frame(_ text: String) -> String { hasColours && !text.isEmpty ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
}
