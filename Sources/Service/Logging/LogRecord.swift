/// How much a log line matters; a logger drops what lies below its own level.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, notice, warning, error

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .notice: 2
        case .warning: 3
        case .error: 4
        }
    }
}

/// One log line before it is written.
package struct LogRecord: Sendable {
    package let timeMs: Int64
    package let level: LogLevel
    package let process: String
    package let message: String
    package let fields: LogFields
}

/// Where a logger's records go; called on the thread that logs, several at once.
package typealias LogSink = @Sendable (LogRecord) -> Void

extension LogRecord {
    /// The record for people, one line: `2026-11-23T10:00:00.123Z INFO  serve: listening address=127.0.0.1:8080`.
    ///
    /// Control characters are escaped, so that what a client sends cannot forge a line or reach the terminal.
    package func humanLine(coloured: Bool) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(128)
        let name = level.rawValue.uppercased()
        line.append(text: rfc3339(milliseconds: timeMs))
        line.append(UInt8(ascii: " "))
        if coloured { line.append(text: level.colour) }
        line.append(text: name)
        if coloured { line.append(text: "\u{1b}[0m") }
        line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(1, 8 - name.utf8.count)))
        line.append(text: process)
        line.append(text: ": ")
        line.append(escaping: message, quote: false)
        for (key, value) in fields.entries {
            line.append(UInt8(ascii: " "))
            if coloured { line.append(text: "\u{1b}[2m") }
            line.append(text: key)
            line.append(UInt8(ascii: "="))
            if coloured { line.append(text: "\u{1b}[0m") }
            switch value {
            case .string(let text):
                let plain =
                    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d && $0 != 0x7f }
                if plain {
                    line.append(text: text)
                } else {
                    line.append(quoting: text)
                }
            case .int(let number): line.append(text: String(number))
            case .double(let number): line.append(text: String(number))
            case .bool(let flag): line.append(text: flag ? "true" : "false")
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// The record as one JSON object and a line feed: `ts`, `level`, `process`, `msg`, then the fields beside them.
    ///
    /// A field that bears one of those four names gets an underscore at its end.
    package func jsonLine() -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(192)
        line.append(text: "{\"ts\":\"\(rfc3339(milliseconds: timeMs))\",\"level\":\"\(level.rawValue)\",\"process\":")
        line.append(quoting: process)
        line.append(text: ",\"msg\":")
        line.append(quoting: message)
        for (key, value) in fields.entries {
            line.append(UInt8(ascii: ","))
            line.append(quoting: ["ts", "level", "process", "msg"].contains(key) ? key + "_" : key)
            line.append(UInt8(ascii: ":"))
            switch value {
            case .string(let text): line.append(quoting: text)
            case .int(let number): line.append(text: String(number))
            case .double(let number) where number.isFinite: line.append(text: String(number))
            case .double(let number): line.append(quoting: String(number))
            case .bool(let flag): line.append(text: flag ? "true" : "false")
            }
        }
        line.append(text: "}\n")
        return line
    }
}

extension LogLevel {
    fileprivate var colour: String {
        switch self {
        case .debug: "\u{1b}[2m"
        case .info: "\u{1b}[32m"
        case .notice: "\u{1b}[36m"
        case .warning: "\u{1b}[33m"
        case .error: "\u{1b}[1;31m"
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(text: String) { append(contentsOf: text.utf8) }

    /// Appends `text` as a JSON string.
    fileprivate mutating func append(quoting text: String) {
        append(UInt8(ascii: "\""))
        append(escaping: text, quote: true)
        append(UInt8(ascii: "\""))
    }

    fileprivate mutating func append(escaping text: String, quote: Bool) {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\"") where quote: append(text: "\\\"")
            case UInt8(ascii: "\\") where quote: append(text: "\\\\")
            case 0x0a: append(text: "\\n")
            case 0x0d: append(text: "\\r")
            case 0x09: append(text: "\\t")
            case 0..<0x20, 0x7f: append(text: "\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
            case 0x80..<0xa0 where previous == 0xc2:
                // U+0080 to U+009F: terminals take some of them for the start of an escape sequence.
                removeLast()
                append(text: "\\u00" + String(byte, radix: 16))
            default: append(byte)
            }
            previous = byte
        }
    }
}
