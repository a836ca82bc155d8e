/// A reply of Redis: an owned copy, independent of the connection it came by.
package enum RedisValue: Sendable, Equatable {
    case integer(Int)
    /// A short text of the server itself, such as `OK` or `QUEUED`.
    case status(String)
    /// A value, in any bytes.
    case bulk([UInt8])
    case array([RedisValue])
    case null
    /// An error reply inside a pipeline or an array; its first word is the kind.
    case error(String)

    /// True for `OK`.
    package var isOK: Bool { self == .status("OK") }

    package var isNull: Bool { self == .null }

    /// The number, also where it came as digits in a bulk or a status.
    package var integer: Int? {
        switch self {
        case .integer(let number): number
        case .bulk(let bytes): Self.integer(bytes)
        case .status(let text): Int(text)
        case .array, .null, .error: nil
        }
    }

    /// The number that digits say, as `Int` reads them.
    private static func integer(_ bytes: [UInt8]) -> Int? {
        // Up to 18 digits cannot overflow; whatever else there is goes the long way.
        guard (1...18).contains(bytes.count) else {
            return String(validating: bytes, as: UTF8.self).flatMap { Int($0) }
        }
        var number = 0
        for byte in bytes {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return String(validating: bytes, as: UTF8.self).flatMap { Int($0) } }
            number = number &* 10 &+ Int(digit)
        }
        return number
    }

    /// The bytes of a bulk.
    package var bytes: [UInt8]? {
        if case .bulk(let bytes) = self { bytes } else { nil }
    }

    /// The text of a bulk that is UTF-8, of a status, or an integer's digits.
    package var text: String? {
        switch self {
        case .bulk(let bytes): String(validating: bytes, as: UTF8.self)
        case .status(let text): text
        case .integer(let number): String(number)
        case .array, .null, .error: nil
        }
    }

    /// The elements of an array.
    package var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    /// The server's words where this is an error reply.
    package var errorText: String? {
        if case .error(let text) = self { text } else { nil }
    }

    /// An element of an array; nil where this is none, or a shorter one.
    package subscript(index: Int) -> RedisValue? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }
}
