import Analytics

/// A value of an event as it is written.
enum Written: Sendable, ExpressibleByStringLiteral {
    case string(String), number(String), bool(Bool)
    /// A string that had escapes, so that its text stands apart.
    case escaped(String)

    init(stringLiteral value: String) { self = .string(value) }
}

/// An event with the bytes it stands in, as a scanner leaves them.
struct TestEvent {
    let fields: EventFields
    let bytes: [UInt8]

    init(_ values: [String: Written], table: FieldTable) {
        var fields = EventFields(slots: table.names.count)
        var bytes: [UInt8] = Array("{".utf8)
        for (name, value) in values {
            let nameBytes = Array(name.utf8)
            guard let slot = table.slot(of: nameBytes.span, 0..<nameBytes.count) else { continue }
            let (text, kind): (String, EventFields.Kind) =
                switch value {
                case .string(let text), .escaped(let text): (text, .string)
                case .number(let text): (text, .number)
                case .bool(let flag): (flag ? "true" : "false", .bool)
                }
            if case .escaped = value {
                let start = fields.scratch.count
                fields.scratch += Array(text.utf8)
                fields.values[slot] = .init(start: start, count: text.utf8.count, kind: kind, isInScratch: true)
            } else {
                fields.values[slot] = .init(start: bytes.count, count: text.utf8.count, kind: kind)
                bytes += Array(text.utf8) + [UInt8(ascii: ",")]
            }
        }
        self.fields = fields
        self.bytes = bytes
    }
}
