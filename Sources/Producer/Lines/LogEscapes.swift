/// What Apache and nginx do to bytes that would break a quoted field: `\"`, `\\`, `\n`, `\x1b`.
enum LogEscapes {
    /// Whether there is a backslash at all.
    static func occur(in line: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where line[index] == UInt8(ascii: "\\") { return true }
        return false
    }

    /// Puts `range` into `output` without its escapes.
    ///
    /// Where the bytes behind `\x80` … `\xff` do not make UTF-8, those escapes stay as logged: replaced by U+FFFD, different
    /// texts in an old encoding would become one.
    static func undo(_ line: borrowing Span<UInt8>, _ range: Range<Int>, into output: inout [UInt8]) {
        undo(line, range, highBytesToo: true, into: &output)
        if !UTF8Sequence.allValid(output.span) { undo(line, range, highBytesToo: false, into: &output) }
    }

    private static func undo(
        _ line: borrowing Span<UInt8>, _ range: Range<Int>, highBytesToo: Bool, into output: inout [UInt8]
    ) {
        output.removeAll(keepingCapacity: true)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = line[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < range.upperBound else {
                output.append(byte)
                continue
            }
            let kind = line[index]
            index += 1
            switch kind {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(kind)
            case UInt8(ascii: "n"): output.append(0x0a)
            case UInt8(ascii: "r"): output.append(0x0d)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "v"): output.append(0x0b)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0c)
            case UInt8(ascii: "x") where index + 1 < range.upperBound:
                if let high = hex(line[index]), let low = hex(line[index + 1]), highBytesToo || high < 8 {
                    output.append(high << 4 | low)
                    index += 2
                } else {
                    output.append(byte)
                    output.append(kind)
                }
            default:
                output.append(byte)
                output.append(kind)
            }
        }
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
