/// The field names that matter to a set of definitions, each with a slot number; names nobody asks for have none.
///
/// An event is read once, and every field that is needed lands in its slot: no dictionary and no string for an event.
package struct FieldTable: Sendable {
    /// By slot.
    package private(set) var names: [String] = []
    private var bytes: [[UInt8]] = []
    /// Slots by the names' lengths and first bytes; few names share one.
    private var buckets: [[Int]] = Array(repeating: [], count: 64)

    /// The slot of the event's time.
    package static let timeSlot = 0

    package init() { _ = slot(adding: "ts") }

    /// The slot of `name`, made where it has none yet.
    package mutating func slot(adding name: String) -> Int {
        if let known = names.firstIndex(of: name) { return known }
        names.append(name)
        bytes.append(Array(name.utf8))
        let slot = names.count - 1
        buckets[Self.bucket(count: name.utf8.count, first: name.utf8.first ?? 0)].append(slot)
        return slot
    }

    /// The slot of the name at `range` of `text`; nil where nobody needs it.
    package func slot(of text: Span<UInt8>, _ range: Range<Int>) -> Int? {
        let bucket = Self.bucket(count: range.count, first: range.isEmpty ? 0 : text[range.lowerBound])
        next: for slot in buckets[bucket] where bytes[slot].count == range.count {
            for offset in 0..<range.count where bytes[slot][offset] != text[range.lowerBound + offset] {
                continue next
            }
            return slot
        }
        return nil
    }

    private static func bucket(count: Int, first: UInt8) -> Int { (count &* 7 &+ Int(first)) & 63 }
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

        package init() {}

        package init(start: Int, count: Int, kind: Kind, isInScratch: Bool = false) {
            self.start = Int32(start)
            self.count = Int32(count)
            self.kind = kind
            self.isInScratch = isInScratch
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
            for place in range { text.append(bytes[place]) }
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
