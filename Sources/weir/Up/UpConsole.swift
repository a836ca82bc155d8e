import Glibc
import Service

/// What `weir up` tells: plain words for people, JSON lines for machines, and the lines of its children.
struct UpConsole: Sendable {
    /// For what happens while everything runs.
    let logger: Logger
    /// What the children are told about their own log lines.
    let childOptions: [String]
    private let isHuman: Bool

    init(_ settings: Settings) {
        let format = settings[StandardSettings.logFormat]
        isHuman = format == .human || (format == .auto && isatty(STDERR_FILENO) == 1)
        // People who start all this want to see that it works, not every listener; who asks for a level gets it.
        let isChosen = settings.origin(of: StandardSettings.logLevel) != .builtIn
        let level = isChosen || !isHuman ? settings[StandardSettings.logLevel] : .warning
        logger = Logger.standardError(process: "up", level: level, format: isHuman ? .human : .json)
        childOptions = ["--log-format", isHuman ? "human" : "json", "--log-level", level.rawValue]
    }

    /// Tells about progress of the start or the stop.
    func report(_ text: String) {
        if isHuman {
            write(text, to: STDERR_FILENO)
        } else {
            logger.info(text)
        }
    }

    /// Tells people what machines learn from the log.
    func remark(_ text: String) {
        if isHuman { write(text, to: STDERR_FILENO) }
    }

    /// Prints what whoever started us has waited for, on standard output.
    func announce(_ lines: [String]) { write("\n" + lines.joined(separator: "\n") + "\n", to: STDOUT_FILENO) }

    /// Hands on a line of one of our own processes, which names the process already unless it is no log line.
    func pass(_ line: String, from process: String) {
        guard !line.isEmpty else { return }
        let isLogLine = isHuman ? Self.beginsWithTime(line) : line.hasPrefix("{")
        if isLogLine {
            write(line, to: STDERR_FILENO)
        } else if isHuman {
            write("\(process): \(line)", to: STDERR_FILENO)
        } else {
            Logger.standardError(process: process, format: .json).warning(line)
        }
    }

    /// Hands on a line of a server that is not ours.
    func pass(_ line: String, from process: String, level: LogLevel) {
        let format: LogFormat = isHuman ? .human : .json
        Logger.standardError(process: process, level: logger.level, format: format).log(level, line)
    }

    private static func beginsWithTime(_ line: String) -> Bool {
        let start = Array(line.utf8.prefix(5))
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return start.count == 5 && start[4] == UInt8(ascii: "-") && start[..<4].allSatisfy(digits.contains)
    }

    private func write(_ text: String, to descriptor: Int32) {
        var line = text + "\n"
        line.withUTF8 { bytes in _ = unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
    }
}

/// `0.3 s`, for progress lines.
func seconds(_ duration: Duration) -> String {
    let tenths = duration / .milliseconds(100)
    return "\(Int(tenths) / 10).\(Int(tenths) % 10) s"
}
