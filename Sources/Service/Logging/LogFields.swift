/// A value in a log line.
package enum LogValue: Sendable, Equatable {
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)

    /// A whole number of any width that 64 signed bits hold; a greater one is written as text.
    package static func int(_ number: some BinaryInteger) -> LogValue {
        Int64(exactly: number).map(LogValue.int) ?? .string(String(number))
    }
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// The fields of a log line, in the order written: `["partition": 0, "cursor": "\(id)", "lag": .int(n)]`.
package struct LogFields: Sendable, ExpressibleByDictionaryLiteral {
    /// Keys with their values; a key that stands twice is written twice.
    package private(set) var entries: [(key: String, value: LogValue)]

    package init(dictionaryLiteral elements: (String, LogValue)...) { entries = elements.map { ($0, $1) } }

    /// The value under `key`, the last one if it stands twice.
    package subscript(key: String) -> LogValue? { entries.last { $0.key == key }?.value }

    /// These fields followed by those.
    package func appending(_ others: LogFields) -> LogFields {
        var all = self
        all.entries += others.entries
        return all
    }
}
