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
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }), let ms = UInt64(parts[0]),
            let sequence = UInt64(parts[1])
        else { return nil }
        self.init(ms: ms, sequence: sequence)
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
