package import Analytics

/// Why a line is no event; said to whoever sent it.
package struct EventError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// Reads one JSON event at a time from bytes, filling only the fields that a `FieldTable` asks for and checking all of it.
///
/// Strict JSON (RFC 8259): strings must be UTF-8 without bare control characters, a key may not appear twice where it is
/// needed, numbers must be finite. Nested objects are read as dotted names; arrays are refused; null counts as absent.
package struct EventScanner: Sendable {
    private let table: FieldTable
    private var plain = PlainEventReader()
    /// The dotted name of the member at hand, where it is nested.
    private var path: [UInt8] = []
    /// Where the top-level name at hand stands, for messages.
    private var keyRange = 0..<0
    private var start = 0
    private var position = 0
    private var end = 0

    /// How deep objects may be nested.
    package static let maxDepth = 16

    package init(table: FieldTable) { self.table = table }

    /// Reads the event that fills `range` of `bytes`, blanks around it allowed.
    ///
    /// - Throws: `EventError`; `event` then holds nothing of use.
    package mutating func scan(
        _ bytes: Span<UInt8>, _ range: Range<Int>, into event: inout EventFields
    ) throws(EventError) {
        event.removeAll()
        if plain.read(bytes, range, table: table, into: &event) { return }
        event.removeAll()
        start = range.lowerBound
        position = start
        end = range.upperBound
        path.removeAll(keepingCapacity: true)
        skipBlanks(bytes)
        guard position < end, bytes[position] == UInt8(ascii: "{") else {
            throw EventError("expected a JSON object, found \(found(bytes))")
        }
        try object(bytes, &event, depth: 1)
        skipBlanks(bytes)
        guard position == end else { throw EventError("unexpected \(found(bytes)) after the object") }
    }

    private mutating func object(
        _ bytes: Span<UInt8>, _ event: inout EventFields, depth: Int
    ) throws(EventError) {
        guard depth <= Self.maxDepth else { throw EventError("objects nested more than \(Self.maxDepth) deep") }
        position += 1
        skipBlanks(bytes)
        if consume(UInt8(ascii: "}"), bytes) { return }
        while true {
            guard position < end, bytes[position] == UInt8(ascii: "\"") else {
                throw EventError("expected a field's name in quotes, found \(found(bytes))")
            }
            let key = try string(bytes, &event)
            let outer = path.count
            let slot: Int?
            if depth == 1 && !key.isInScratch {
                slot = table.slot(of: bytes, key.range)
                keyRange = key.range
            } else {
                if depth > 1 { path.append(UInt8(ascii: ".")) }
                appendKey(bytes, key, event)
                slot = table.slot(of: path.span, 0..<path.count)
            }
            skipBlanks(bytes)
            guard consume(UInt8(ascii: ":"), bytes) else {
                throw EventError("expected \":\" after a field's name, found \(found(bytes))")
            }
            skipBlanks(bytes)
            if position < end && bytes[position] == UInt8(ascii: "{") {
                if depth == 1 && !key.isInScratch { appendKey(bytes, key, event) }
                try object(bytes, &event, depth: depth + 1)
            } else {
                try value(bytes, &event, slot: slot)
            }
            path.removeSubrange(outer...)
            skipBlanks(bytes)
            if consume(UInt8(ascii: ","), bytes) {
                skipBlanks(bytes)
                continue
            }
            if consume(UInt8(ascii: "}"), bytes) { return }
            throw EventError("expected \",\" or \"}\" after a field, found \(found(bytes))")
        }
    }

    private mutating func appendKey(_ bytes: Span<UInt8>, _ key: Text, _ event: EventFields) {
        if key.isInScratch {
            path.append(contentsOf: event.scratch[key.range])
        } else {
            for place in key.range { path.append(bytes[place]) }
        }
    }

    private mutating func value(
        _ bytes: Span<UInt8>, _ event: inout EventFields, slot: Int?
    ) throws(EventError) {
        guard position < end else { throw EventError("the line ends where a value should stand") }
        let start = position
        switch bytes[position] {
        case UInt8(ascii: "\""):
            let text = try string(bytes, &event)
            try set(
                slot, &event,
                .init(
                    start: text.range.lowerBound, count: text.range.count, kind: .string,
                    isInScratch: text.isInScratch))
        case UInt8(ascii: "t"):
            try word("true", bytes)
            try set(slot, &event, .init(start: start, count: 4, kind: .bool))
        case UInt8(ascii: "f"):
            try word("false", bytes)
            try set(slot, &event, .init(start: start, count: 5, kind: .bool))
        case UInt8(ascii: "n"): try word("null", bytes)
        case UInt8(ascii: "["):
            throw EventError("\(fieldName(bytes)) is an array; fields are strings, numbers or booleans")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number(bytes)
            if slot != nil, parseNumber(bytes, start..<position) == nil {
                throw EventError("\(fieldName(bytes)) is a number out of range")
            }
            try set(slot, &event, .init(start: start, count: position - start, kind: .number))
        default: throw EventError("expected a value, found \(found(bytes))")
        }
    }

    private func set(_ slot: Int?, _ event: inout EventFields, _ value: EventFields.Value) throws(EventError) {
        guard let slot else { return }
        guard !event.isPresent(slot) else { throw EventError("the field \"\(table.names[slot])\" appears twice") }
        event.values[slot] = value
    }

    private mutating func word(_ word: StaticString, _ bytes: Span<UInt8>) throws(EventError) {
        let text = word.description.utf8
        guard end - position >= text.count, zip(text, position...).allSatisfy({ $0 == bytes[$1] }) else {
            throw EventError("expected a value, found \(found(bytes)); texts stand in quotes")
        }
        position += text.count
    }

    private mutating func number(_ bytes: Span<UInt8>) throws(EventError) {
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let first = position
        digits(bytes)
        guard position > first, position == first + 1 || bytes[first] != UInt8(ascii: "0") else {
            throw EventError("malformed number")
        }
        if position < end && bytes[position] == UInt8(ascii: ".") {
            position += 1
            let start = position
            digits(bytes)
            guard position > start else { throw EventError("malformed number") }
        }
        if position < end && bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end && (bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")) {
                position += 1
            }
            let start = position
            digits(bytes)
            guard position > start else { throw EventError("malformed number") }
        }
    }

    private mutating func digits(_ bytes: Span<UInt8>) {
        while position < end && bytes[position] >= UInt8(ascii: "0") && bytes[position] <= UInt8(ascii: "9") {
            position += 1
        }
    }

    /// Where a string's text stands once its quotes are gone.
    private struct Text {
        var range: Range<Int>
        var isInScratch: Bool
    }

    /// Reads the string that begins at `position`; the usual one, plain ASCII, is a scan and no copy.
    private mutating func string(_ bytes: Span<UInt8>, _ event: inout EventFields) throws(EventError) -> Text {
        position += 1
        let start = position
        while position < end {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return Text(range: start..<position - 1, isInScratch: false)
            }
            if byte == UInt8(ascii: "\\") { return try escaped(bytes, from: start, &event) }
            if byte < 0x20 { throw EventError("a control character in a text; write it as \\u00XX") }
            position += byte < 0x80 ? 1 : try characterLength(bytes)
        }
        throw EventError("a text is not closed: \" is missing")
    }

    private mutating func escaped(
        _ bytes: Span<UInt8>, from start: Int, _ event: inout EventFields
    ) throws(EventError) -> Text {
        let first = event.scratch.count
        for place in start..<position { event.scratch.append(bytes[place]) }
        while position < end {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return Text(range: first..<event.scratch.count, isInScratch: true)
            }
            if byte == UInt8(ascii: "\\") {
                try appendEscape(bytes, &event)
            } else if byte < 0x20 {
                throw EventError("a control character in a text; write it as \\u00XX")
            } else {
                let length = byte < 0x80 ? 1 : try characterLength(bytes)
                for place in position..<position + length { event.scratch.append(bytes[place]) }
                position += length
            }
        }
        throw EventError("a text is not closed: \" is missing")
    }

    private mutating func appendEscape(_ bytes: Span<UInt8>, _ event: inout EventFields) throws(EventError) {
        position += 1
        guard position < end else { throw EventError("a text is not closed: \" is missing") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): event.scratch.append(byte)
        case UInt8(ascii: "b"): event.scratch.append(8)
        case UInt8(ascii: "f"): event.scratch.append(12)
        case UInt8(ascii: "n"): event.scratch.append(10)
        case UInt8(ascii: "r"): event.scratch.append(13)
        case UInt8(ascii: "t"): event.scratch.append(9)
        case UInt8(ascii: "u"):
            var code = try hexadecimal(bytes)
            if (0xD800..<0xDC00).contains(code) {
                guard consume(UInt8(ascii: "\\"), bytes), consume(UInt8(ascii: "u"), bytes) else {
                    throw EventError("half of a surrogate pair in a text")
                }
                let low = try hexadecimal(bytes)
                guard (0xDC00..<0xE000).contains(low) else { throw EventError("half of a surrogate pair in a text") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw EventError("half of a surrogate pair in a text") }
            event.scratch.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw EventError("unknown escape \\\(Character(Unicode.Scalar(byte))) in a text")
        }
    }

    private mutating func hexadecimal(_ bytes: Span<UInt8>) throws(EventError) -> UInt32 {
        guard end - position >= 4 else { throw EventError("\\u needs four hexadecimal digits") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw EventError("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    /// Length of the character of two to four bytes at `position`. Table 3-7 of the Unicode Standard.
    private func characterLength(_ bytes: Span<UInt8>) throws(EventError) -> Int {
        let first = bytes[position]
        let length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
        guard length > 0, position + length <= end else { throw EventError("a text is not valid UTF-8") }
        let second = bytes[position + 1]
        let low: UInt8 = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80
        let high: UInt8 = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF
        guard second >= low, second <= high else { throw EventError("a text is not valid UTF-8") }
        for place in position + 2..<position + length where bytes[place] & 0xC0 != 0x80 {
            throw EventError("a text is not valid UTF-8")
        }
        return length
    }

    private mutating func consume(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func found(_ bytes: Span<UInt8>) -> String {
        guard position < end else { return "the end of the line" }
        let byte = bytes[position]
        let isPrintable = byte >= 0x20 && byte < 0x7F
        let what = isPrintable ? "\"\(Character(Unicode.Scalar(byte)))\"" : "the byte \(byte)"
        return "\(what) at byte \(position - start + 1)"
    }

    private func fieldName(_ bytes: Span<UInt8>) -> String {
        if !path.isEmpty { return "the field \"\(String(decoding: path.prefix(100), as: UTF8.self))\"" }
        var name: [UInt8] = []
        for place in keyRange.prefix(100) { name.append(bytes[place]) }
        return "the field \"\(String(decoding: name, as: UTF8.self))\""
    }
}
