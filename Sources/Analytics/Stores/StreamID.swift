/// The id of an entry of a Redis stream: milliseconds and a number within them. Ids only grow.
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let ms: UInt64
    package let sequence: UInt64

    /// Before every entry.
    package static let zero = StreamID(ms: 0, sequence: 0)

    package init(ms: UInt64, sequence: UInt64) {
        self.ms = ms
        self.sequence = sequence
    }

    /// Reads `1795428000000-3`; nil where the text is something else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    /// The same for bytes; every entry of a stream comes with one.
    package init?(_ text: Span<UInt8>) {
        var numbers: (ms: UInt64, sequence: UInt64) = (0, 0)
        var (number, digits, isSecond) = (UInt64(0), 0, false)
        for place in text.indices {
            let byte = text[place]
            if byte == UInt8(ascii: "-") && !isSecond && digits > 0 {
                numbers.ms = number
                (number, digits, isSecond) = (0, 0, true)
                continue
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeByOne) = tens.addingReportingOverflow(UInt64(digit))
            if isTooLarge || isTooLargeByOne { return nil }
            (number, digits) = (sum, digits + 1)
        }
        guard isSecond, digits > 0 else { return nil }
        numbers.sequence = number
        self.init(ms: numbers.ms, sequence: numbers.sequence)
    }

    package var description: String { "\(ms)-\(sequence)" }

    /// The id as one positive 64-bit number that orders the same way: 44 bits of milliseconds (till the year 2527), 19 bits
    /// of the number within them. What does not fit takes the greatest value, so the order never turns round.
    package var packed: Int64 {
        let maxMs = UInt64(1) << 44 - 1
        let maxSequence = UInt64(1) << 19 - 1
        return ms > maxMs ? .max : Int64(ms << 19 | min(sequence, maxSequence))
    }

    package static func < (a: StreamID, b: StreamID) -> Bool { (a.ms, a.sequence) < (b.ms, b.sequence) }
}
