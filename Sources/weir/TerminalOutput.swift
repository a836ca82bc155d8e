import Glibc
import Service
import Terminal

/// Standard output as the place where something is drawn.
enum TerminalOutput {
    /// Whether it is a terminal.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colours where it is a terminal that has them, unless `NO_COLOR` is set to anything (no-color.org).
    static func style(environment: [String: String]) -> TerminalStyle {
        let isWanted = environment["NO_COLOR"]?.isEmpty ?? true
        return TerminalStyle(hasColours: isTerminal && isWanted && environment["TERM"] != "dumb")
    }

    /// Its columns and rows; where it is none, those of `COLUMNS` and `LINES`, or 100 by 24.
    static func size(environment: [String: String]) -> (columns: Int, rows: Int) {
        var size = winsize()
        if unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 {
            return (Int(size.ws_col), Int(size.ws_row))
        }
        func variable(_ name: String, _ fallback: Int) -> Int {
            environment[name].flatMap(Int.init).flatMap { (1...10_000).contains($0) ? $0 : nil } ?? fallback
        }
        return (variable("COLUMNS", 100), variable("LINES", 24))
    }
}
