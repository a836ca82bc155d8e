internal import Glibc

/// The field names that matter to a set of definitions, each with a slot number; names nobody asks for have none.
///
/// An event is read once, and every field that is needed lands in its slot: no dictionary and no string for an event.
package struct FieldTable: Sendable {
    /// By slot.
    package private(set) var names: [String] = []
    /// The names' bytes, one behind the other, and by slot where each ends.
    private var bytes: [UInt8] = []
    private var ends: [Int32] = []
    /// The first slot of each bucket of names, and by slot the next in its bucket; -1 ends it. Buckets go by a name's length
    /// and first byte; few names share one.
    private var heads: [Int32] = Array(repeating: -1, count: 64)
    private var next: [Int32] = []

    /// The slot of the event's time.
    package static let timeSlot = 0

    package init() { _ = slot(adding: "ts") }

    /// The slot of `name`, made where it has none yet.
    package mutating func slot(adding name: String) -> Int {
        if let known = names.firstIndex(of: name) { return known }
        names.append(name)
        bytes.append(contentsOf: name.utf8)
        ends.append(Int32(bytes.count))
        let bucket = Self.bucket(count: name.utf8.count, first: name.utf8.first ?? 0)
        next.append(heads[bucket])
        heads[bucket] = Int32(names.count - 1)
        return names.count - 1
    }

    /// The slot of the name at `range` of `text`; nil where nobody needs it.
    package func slot(of text: Span<UInt8>, _ range: Range<Int>) -> Int? {
        let name = text.extracting(range)
        var slot = Int(heads[Self.bucket(count: name.count, first: name.isEmpty ? 0 : name[0])])
        while slot >= 0 {
            let start = slot == 0 ? 0 : Int(ends[slot - 1])
            if bytes.span.extracting(start..<Int(ends[slot])).hasSameBytes(as: name) { return slot }
            slot = Int(next[slot])
        }
        return nil
    }

    private static func bucket(count: Int, first: UInt8) -> Int { (count &* 7 &+ Int(first)) & 63 }
}

extension Span<UInt8> {
    /// Equal bytes, and as many.
    func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { ours in
            unsafe other.withUnsafeBytes { theirs in
                guard let a = ours.baseAddress, let b = theirs.baseAddress else { return true }
                return unsafe memcmp(a, b, ours.count) == 0
            }
        }
    }
}

/// One event's values, by slot of a `FieldTable`, as places in the bytes it was read from.
package struct EventFields: Sendable {
    /// What a value was written as.
    package enum Kind: Sendable { case absent, string, number, bool }

    /// Where a value's text stands.
    package struct Value: Sendable {
        package var start: Int32 = 0
        package var count: Int32 = 0
        package var kind = Kind.absent
        /// True where the text had escapes and stands in `scratch` instead of the event's bytes.
        package var isInScratch = false
        /// The number that the text stands for, where whoever read it knows already; NaN where not.
        package var number = Double.nan

        package init() {}

        package init(start: Int, count: Int, kind: Kind, isInScratch: Bool = false, number: Double = .nan) {
            self.start = Int32(start)
            self.count = Int32(count)
            self.kind = kind
            self.isInScratch = isInScratch
            self.number = number
        }
    }

    /// By slot.
    package var values: [Value]
    /// Text that could not be used as it stood: strings with escapes, decoded.
    package var scratch: [UInt8] = []

    package init(slots: Int) { values = Array(repeating: Value(), count: slots) }

    /// Forgets the values, keeping the memory.
    package mutating func removeAll() {
        for slot in values.indices { values[slot].kind = .absent }
        scratch.removeAll(keepingCapacity: true)
    }

    /// Whether the event has the field.
    package func isPresent(_ slot: Int) -> Bool { values[slot].kind != .absent }

    /// The value's number; nil where its text is no finite number.
    package func number(_ slot: Int, in bytes: Span<UInt8>) -> Double? {
        let value = values[slot]
        guard value.kind == .number || value.kind == .string else { return nil }
        if !value.number.isNaN { return value.number }
        let range = Int(value.start)..<Int(value.start + value.count)
        return value.isInScratch ? parseNumber(scratch.span, range) : parseNumber(bytes, range)
    }

    /// The value's text; nil where it is absent. Numbers have one canonical text: `200.0` is `200`.
    package func text(_ slot: Int, in bytes: Span<UInt8>) -> String? {
        guard isPresent(slot) else { return nil }
        var text: [UInt8] = []
        appendText(slot, in: bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the value's text to `text`; see `text(_:in:)`.
    package func appendText(_ slot: Int, in bytes: Span<UInt8>, to text: inout [UInt8]) {
        let value = values[slot]
        let range = Int(value.start)..<Int(value.start + value.count)
        if value.kind == .number && !isPlainInteger(bytes, range), let number = parseNumber(bytes, range) {
            text.append(contentsOf: canonicalText(of: number).utf8)
        } else if value.isInScratch {
            text.append(contentsOf: scratch[range])
        } else {
            let part = bytes.extracting(range)
            unsafe part.withUnsafeBufferPointer { unsafe text.append(contentsOf: $0) }
        }
    }
}

/// Digits with no leading zero: the usual number, which is its own canonical text. Also where it is more than a double can
/// tell apart, so that long ids stay distinct.
private func isPlainInteger(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let first = range.first else { return false }
    let isNegative = bytes[first] == UInt8(ascii: "-")
    let digits = isNegative ? first + 1..<range.upperBound : range
    if digits.isEmpty || bytes[digits.lowerBound] == UInt8(ascii: "0") { return !isNegative && digits.count == 1 }
    for place in digits where bytes[place] < UInt8(ascii: "0") || bytes[place] > UInt8(ascii: "9") { return false }
    return true
}

/// The one text of a number: shortest that reads back the same, whole numbers without a fraction.
package func canonicalText(of number: Double) -> String {
    if number == number.rounded() && abs(number) < 1e16 { return String(Int64(number)) }
    return number.description
}
