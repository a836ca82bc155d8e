/// Writes the few kinds of MessagePack values that a Redis Function is given; Lua decodes them in C.
///
/// Source: the MessagePack specification, formats array 32, int family, str family.
package struct MessagePack: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Begins an array; exactly `count` values follow.
    package mutating func beginArray(_ count: Int) {
        bytes.append(0xDD)
        appendBigEndian(UInt64(count), byteCount: 4)
    }

    /// Adds an integer in its shortest form.
    package mutating func append(_ number: Int64) {
        switch number {
        case 0..<128: bytes.append(UInt8(number))
        case 0...0xFFFF:
            bytes.append(0xCD)
            appendBigEndian(UInt64(number), byteCount: 2)
        case 0...0xFFFF_FFFF:
            bytes.append(0xCE)
            appendBigEndian(UInt64(number), byteCount: 4)
        default:
            bytes.append(0xD3)
            appendBigEndian(UInt64(bitPattern: number), byteCount: 8)
        }
    }

    /// Bytes as a Lua string.
    package mutating func append(_ text: [UInt8]) {
        beginString(text.count)
        bytes.append(contentsOf: text)
    }

    /// Adds a string of UTF-8.
    package mutating func append(_ text: String) {
        beginString(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    /// Adds a whole number as a string of its decimal digits.
    package mutating func append(digits number: Int64) {
        var digits: (UInt64, count: Int) = (0, 0)
        var rest = number.magnitude
        guard number >= 0, rest < 100_000_000 else { return append("\(number)") }
        repeat {
            digits.0 = digits.0 << 8 | UInt64(rest % 10 + 48)
            digits.count += 1
            rest /= 10
        } while rest > 0
        beginString(digits.count)
        for _ in 0..<digits.count {
            bytes.append(UInt8(truncatingIfNeeded: digits.0))
            digits.0 >>= 8
        }
    }

    /// Makes room for `count` more bytes.
    package mutating func reserve(bytes count: Int) { bytes.reserveCapacity(bytes.count + count) }

    private mutating func beginString(_ count: Int) {
        if count < 32 {
            bytes.append(0xA0 | UInt8(count))
        } else if count < 65_536 {
            bytes.append(0xDA)
            appendBigEndian(UInt64(count), byteCount: 2)
        } else {
            bytes.append(0xDB)
            appendBigEndian(UInt64(count), byteCount: 4)
        }
    }

    private mutating func appendBigEndian(_ number: UInt64, byteCount: Int) {
        for place in (0..<byteCount).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (place * 8))) }
    }
}
