internal import Glibc

/// How log lines look: for people, as JSON, or by what standard error is.
package enum LogFormat: String, Sendable, CaseIterable {
    /// `human` where standard error is a terminal, `json` otherwise.
    case auto
    case human
    case json
}

/// Writes log lines: one event each, with the fields that join it to others.
///
/// A message below the logger's level is never built. Libraries log at debug only; info and above belong to the processes.
package struct Logger: Sendable {
    /// What is below it is dropped.
    package let level: LogLevel
    private let process: String
    private let context: LogFields
    private let time: TimeSource
    private let sink: LogSink

    /// Makes a logger that hands its records to `sink`.
    package init(
        process: String, level: LogLevel = .info, time: TimeSource = .system, sink: @escaping LogSink
    ) {
        self.init(process: process, level: level, context: [:], time: time, sink: sink)
    }

    private init(process: String, level: LogLevel, context: LogFields, time: TimeSource, sink: @escaping LogSink) {
        self.process = process
        self.level = level
        self.context = context
        self.time = time
        self.sink = sink
    }

    /// A logger that writes nothing.
    package static let silent = Logger(process: "", level: .error, sink: { _ in })

    /// A logger that writes to standard error, each line in one `write`, so that lines of several processes do not mix.
    ///
    /// Coloured on a terminal unless `NO_COLOR` is set. A reader that does not drain the pipe stops the writer, as is usual.
    package static func standardError(
        process: String, level: LogLevel = .info, format: LogFormat = .auto
    ) -> Logger {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let human = format == .human || (format == .auto && isTerminal)
        let noColour = unsafe getenv("NO_COLOR").map { unsafe $0.pointee != 0 } ?? false
        let coloured = isTerminal && !noColour
        return Logger(process: process, level: level) { record in
            let line = human ? record.humanLine(coloured: coloured) : record.jsonLine()
            writeFully(line, to: STDERR_FILENO)
        }
    }

    /// A logger whose lines all carry `fields` too.
    package func with(_ fields: LogFields) -> Logger {
        Logger(process: process, level: level, context: context.appending(fields), time: time, sink: sink)
    }

    /// What only a developer who looks for something wants to read.
    package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.debug, message(), fields())
    }

    /// Normal life of the process.
    package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.info, message(), fields())
    }

    /// Normal, but worth a look: a start, a stop, a change of state.
    package func notice(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.notice, message(), fields())
    }

    /// Something is wrong and the process copes.
    package func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.warning, message(), fields())
    }

    /// Something is wrong and somebody has to act.
    package func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.error, message(), fields())
    }

    /// Writes a line at `level`, building message and fields only if the logger lets that level through.
    package func log(
        _ level: LogLevel, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard level >= self.level else { return }
        sink(
            LogRecord(
                timeMs: time.wallMs(), level: level, process: process, message: message(),
                fields: context.appending(fields())))
    }
}
