/// Byte classes of RFC 9110 and small scans over bytes.
enum ASCII {
    static let cr: UInt8 = 13
    static let lf: UInt8 = 10
    static let space: UInt8 = 32
    static let tab: UInt8 = 9
    static let colon: UInt8 = 58

    /// `tchar`, as a bit set over 0...127.
    private static let tokenLow: UInt64 = set("!#$%&'*+-.0123456789").low
    private static let tokenHigh: UInt64 = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~").high

    private static func set(_ characters: StaticString) -> (low: UInt64, high: UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        for byte in "\(characters)".utf8 {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
        }
        return (low, high)
    }

    /// True for the characters of methods and field names.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        byte < 64 ? tokenLow >> UInt64(byte) & 1 == 1 : byte < 128 && tokenHigh >> UInt64(byte - 64) & 1 == 1
    }

    /// True for what may stand in a field value: visible characters, spaces, tabs and bytes from 128 on.
    @inline(__always)
    static func isFieldText(_ byte: UInt8) -> Bool { byte >= 32 && byte != 127 || byte == tab }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 0x20 : byte }

    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// True where `bytes[range]` is `name` but for the case of letters; `name` is lower-case ASCII.
    static func equals(_ bytes: [UInt8], _ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        let start = unsafe name.utf8Start
        for offset in 0..<range.count where unsafe lowercased(bytes[range.lowerBound + offset]) != start[offset] {
            return false
        }
        return true
    }

    /// True where `bytes[range]` is `name` but for the case of letters.
    static func equals(_ bytes: [UInt8], _ range: Range<Int>, _ name: String) -> Bool {
        var index = range.lowerBound
        for byte in name.utf8 {
            guard index < range.upperBound, lowercased(bytes[index]) == lowercased(byte) else { return false }
            index += 1
        }
        return index == range.upperBound
    }

    /// `range` without spaces and tabs at both ends.
    static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, bytes[lower] == space || bytes[lower] == tab { lower += 1 }
        while upper > lower, bytes[upper - 1] == space || bytes[upper - 1] == tab { upper -= 1 }
        return lower..<upper
    }

    /// Appends the decimal digits of `value`, which is not negative.
    static func append(decimal value: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(48 + value / divisor % 10))
            divisor /= 10
        }
    }
}
