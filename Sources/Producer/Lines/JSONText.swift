/// Writing JSON into a growing array of bytes, without a `String` on the way.
extension [UInt8] {
    mutating func append(literal text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(decimal number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = number.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for index in first..<20 { append(digits[index]) }
    }

    /// Appends `range` of `text` as a JSON string: control characters escaped, what is not UTF-8 replaced by U+FFFD.
    mutating func append(jsonString text: borrowing Span<UInt8>, _ range: Range<Int>) {
        append(UInt8(ascii: "\""))
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = text[index]
            if byte >= 0x80 {
                let sequence = UTF8Sequence(text, at: index, end: range.upperBound)
                if sequence.isValid {
                    for offset in 0..<sequence.length { append(text[index + offset]) }
                } else {
                    append(literal: "\u{FFFD}")
                }
                index += sequence.length
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): append(literal: "\\\"")
            case UInt8(ascii: "\\"): append(literal: "\\\\")
            case 0x0a: append(literal: "\\n")
            case 0x0d: append(literal: "\\r")
            case 0x09: append(literal: "\\t")
            case 0..<0x20:
                append(literal: "\\u00")
                append(UInt8(ascii: "0") + byte >> 4)
                let low = byte & 15
                append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
            default: append(byte)
            }
            index += 1
        }
        append(UInt8(ascii: "\""))
    }
}

/// One step through bytes that ought to be UTF-8: a whole character, or the part that is to be replaced as one.
struct UTF8Sequence {
    let isValid: Bool
    /// Bytes to go on by, at least 1; for what is not valid, the longest beginning of a character (Unicode, table 3-8).
    let length: Int

    init(_ bytes: borrowing Span<UInt8>, at start: Int, end: Int) {
        let lead = bytes[start]
        // The second byte has bounds of its own where the plain ones would allow overlong forms, surrogates, or too much.
        let (count, second): (Int, ClosedRange<UInt8>) =
            switch lead {
            case 0..<0x80: (1, 0...0)
            case 0xc2...0xdf: (2, 0x80...0xbf)
            case 0xe0: (3, 0xa0...0xbf)
            case 0xed: (3, 0x80...0x9f)
            case 0xe1...0xef: (3, 0x80...0xbf)
            case 0xf0: (4, 0x90...0xbf)
            case 0xf1...0xf3: (4, 0x80...0xbf)
            case 0xf4: (4, 0x80...0x8f)
            default: (0, 0...0)
            }
        var length = 1
        while length < count, start + length < end {
            let byte = bytes[start + length]
            guard length == 1 ? second.contains(byte) : byte & 0xc0 == 0x80 else { break }
            length += 1
        }
        self.isValid = length == count
        self.length = length
    }

    /// Whether all of `bytes` is UTF-8.
    static func allValid(_ bytes: borrowing Span<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            let sequence = UTF8Sequence(bytes, at: index, end: bytes.count)
            guard sequence.isValid else { return false }
            index += sequence.length
        }
        return true
    }
}
