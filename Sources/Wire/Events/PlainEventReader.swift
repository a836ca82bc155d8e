internal import Analytics

/// Reads the usual event quickly: one flat object, plain ASCII texts without escapes, numbers without exponents.
///
/// Whatever is otherwise, errors included, it leaves to `EventScanner`, whose answer it would have given too. Two things make
/// it quick. Texts are looked at eight bytes at a time. And it remembers which names came in which order, since events of
/// one source are alike: a name that is the expected one is compared, neither scanned nor looked up.
struct PlainEventReader: Sendable {
    /// A name with its quotes and colon, as it stood in an earlier event.
    private struct Expected {
        var count: Int32 = 0
        /// -1 where nobody needs the field.
        var slot: Int32 = -1
    }

    private static let maxExpected = 32
    /// Bytes of a remembered name, quotes and colon included.
    private static let maxNameBytes = 32

    private var expected = [Expected](repeating: Expected(), count: maxExpected)
    private var names = [UInt8](repeating: 0, count: maxExpected * maxNameBytes)

    /// Fills `event`, which holds nothing yet; false where it is not for this reader, and `event` then holds anything.
    mutating func read(
        _ bytes: Span<UInt8>, _ range: Range<Int>, table: FieldTable, into event: inout EventFields
    ) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var text = unsafe Text(bytes: buffer, place: range.lowerBound, end: range.upperBound)
            return unsafe read(&text, bytes, table, &event)
        }
    }

    private mutating func read(
        _ text: inout Text, _ bytes: Span<UInt8>, _ table: FieldTable, _ event: inout EventFields
    ) -> Bool {
        unsafe text.skipBlanks()
        guard unsafe text.take(UInt8(ascii: "{")) else { return false }
        unsafe text.skipBlanks()
        var field = 0
        while true {
            guard let slot = unsafe name(&text, bytes, table, field) else { return false }
            unsafe text.skipBlanks()
            guard unsafe value(&text, bytes, slot, &event) else { return false }
            unsafe text.skipBlanks()
            field += 1
            if unsafe text.take(UInt8(ascii: ",")) {
                unsafe text.skipBlanks()
                continue
            }
            guard unsafe text.take(UInt8(ascii: "}")) else { return false }
            unsafe text.skipBlanks()
            return unsafe text.place == text.end
        }
    }

    /// Takes a name and the colon behind it; the field's slot, -1 where nobody needs it, nil where this is no plain name.
    private mutating func name(
        _ text: inout Text, _ bytes: Span<UInt8>, _ table: FieldTable, _ field: Int
    ) -> Int? {
        if field < Self.maxExpected {
            let known = expected[field]
            if known.count > 0, unsafe text.take(names.span, field * Self.maxNameBytes, Int(known.count)) {
                return Int(known.slot)
            }
        }
        let start = unsafe text.place
        guard let found = unsafe text.takeString() else { return nil }
        guard unsafe text.take(UInt8(ascii: ":")) else { return nil }
        let slot = table.slot(of: bytes, found) ?? -1
        let count = unsafe text.place - start
        if field < Self.maxExpected, count <= Self.maxNameBytes {
            expected[field] = Expected(count: Int32(count), slot: Int32(slot))
            for offset in 0..<count { names[field * Self.maxNameBytes + offset] = bytes[start + offset] }
        }
        return slot
    }

    private func value(
        _ text: inout Text, _ bytes: Span<UInt8>, _ slot: Int, _ event: inout EventFields
    ) -> Bool {
        let start = unsafe text.place
        let value: EventFields.Value
        switch unsafe text.byte {
        case UInt8(ascii: "\""):
            guard let found = unsafe text.takeString() else { return false }
            value = .init(start: found.lowerBound, count: found.count, kind: .string)
        case UInt8(ascii: "t"):
            guard unsafe text.take("true") else { return false }
            value = .init(start: start, count: 4, kind: .bool)
        case UInt8(ascii: "f"):
            guard unsafe text.take("false") else { return false }
            value = .init(start: start, count: 5, kind: .bool)
        case UInt8(ascii: "n"): return unsafe text.take("null")
        default:
            guard var number = unsafe text.takeNumber() else { return false }
            let range = unsafe start..<text.place
            // Too many digits to be exact: the careful way of reading them.
            if number.isNaN && slot >= 0 {
                guard let read = parseNumber(bytes, range) else { return false }
                number = read
            }
            value = .init(start: start, count: range.count, kind: .number, number: number)
        }
        if slot < 0 { return true }
        guard !event.isPresent(slot) else { return false }
        event.values[slot] = value
        return true
    }
}

/// The bytes of an event and how far they have been read; takes nothing at or behind `end`.
@unsafe private struct Text {
    let bytes: UnsafeRawBufferPointer
    var place: Int
    let end: Int

    /// The next byte; 0, which stands nowhere in an event, at the end.
    @inline(__always) var byte: UInt8 { unsafe place < end ? bytes[place] : 0 }

    @inline(__always) mutating func take(_ expected: UInt8) -> Bool {
        guard unsafe byte == expected else { return false }
        unsafe place += 1
        return true
    }

    @inline(__always) mutating func skipBlanks() {
        while unsafe byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { unsafe place += 1 }
    }

    @inline(__always) private func word(_ place: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }

    /// Takes `count` bytes that equal those of `other` from `start` on, of which 32 can be read.
    @inline(__always) mutating func take(_ other: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
        guard unsafe place + count <= end else { return false }
        let isEqual = unsafe other.withUnsafeBytes { other in
            var offset = 0
            while offset + 8 <= count {
                let theirs = unsafe other.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self)
                if unsafe UInt64(littleEndian: theirs) != word(place + offset) { return false }
                offset += 8
            }
            while offset < count {
                if unsafe other[start + offset] != bytes[place + offset] { return false }
                offset += 1
            }
            return true
        }
        if isEqual { unsafe place += count }
        return isEqual
    }

    mutating func take(_ word: StaticString) -> Bool {
        guard unsafe place + word.utf8CodeUnitCount <= end else { return false }
        for offset in 0..<word.utf8CodeUnitCount
        where unsafe bytes[place + offset] != word.utf8Start[offset] { return false }
        unsafe place += word.utf8CodeUnitCount
        return true
    }

    /// Takes a text in quotes; where it stands without them, or nil where it is none of plain ASCII without escapes.
    @inline(__always) mutating func takeString() -> Range<Int>? {
        guard unsafe byte == UInt8(ascii: "\"") else { return nil }
        let start = unsafe place + 1
        var at = start
        // The eight bytes may go past this event's end into the next one; a quote found there is not taken.
        while unsafe at < end && at + 8 <= bytes.count {
            let stop = unsafe Self.stops(word(at))
            if stop != 0 {
                at += stop.trailingZeroBitCount / 8
                guard unsafe at < end, unsafe bytes[at] == UInt8(ascii: "\"") else { return nil }
                unsafe place = at + 1
                return start..<at
            }
            at += 8
        }
        while unsafe at < end {
            let byte = unsafe bytes[at]
            if byte == UInt8(ascii: "\"") {
                unsafe place = at + 1
                return start..<at
            }
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return nil }
            at += 1
        }
        return nil
    }

    /// Marks with its high bit the first byte of eight that is a quote, a backslash, a control character or not ASCII;
    /// further marks may be wrong. (x - 0x01…) & ~x has the high bit of a zero byte, as in "Bit Twiddling Hacks" by Anderson.
    @inline(__always) private static func stops(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ ones &* UInt64(UInt8(ascii: "\""))
        let backslash = word ^ ones &* UInt64(UInt8(ascii: "\\"))
        let marks =
            ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word) | word
        return marks & (ones &* 0x80)
    }

    /// Takes a number without an exponent: its value, or NaN where it has more than 15 digits; nil where this is none.
    @inline(__always) mutating func takeNumber() -> Double? {
        var at = unsafe place
        let isNegative = unsafe byte == UInt8(ascii: "-")
        if isNegative { at += 1 }
        let first = at
        var mantissa: Int64 = 0
        while unsafe at < end, let digit = unsafe digit(at) {
            mantissa = mantissa &* 10 &+ digit
            at += 1
        }
        guard at > first, unsafe at == first + 1 || bytes[first] != UInt8(ascii: "0") else { return nil }
        var digits = at - first
        var fraction = 0
        if unsafe at < end, unsafe bytes[at] == UInt8(ascii: ".") {
            at += 1
            let start = at
            while unsafe at < end, let digit = unsafe digit(at) {
                mantissa = mantissa &* 10 &+ digit
                at += 1
            }
            guard at > start else { return nil }
            fraction = at - start
            digits += fraction
        }
        if unsafe at < end, unsafe bytes[at] | 0x20 == UInt8(ascii: "e") { return nil }
        unsafe place = at
        guard digits <= 15 else { return .nan }
        let magnitude = decimal(mantissa, fraction: fraction)
        return isNegative ? -magnitude : magnitude
    }

    @inline(__always) private func digit(_ place: Int) -> Int64? {
        let digit = unsafe bytes[place] &- UInt8(ascii: "0")
        return digit < 10 ? Int64(digit) : nil
    }
}
