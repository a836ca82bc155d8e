package import Service

extension [UInt8] {
    /// Appends a value that was read, as JSON on one line.
    package mutating func appendJSON(_ value: JSON5Value) {
        switch value.content {
        case .null: appendJSON(literal: "null")
        case .bool(true): appendJSON(literal: "true")
        case .bool(false): appendJSON(literal: "false")
        case .number(let number, _):
            if let whole = value.integer { appendJSON(Int(whole)) } else { appendJSON(number) }
        case .string(let text): appendJSON(text)
        case .array(let elements):
            append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSON(element)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                appendJSON(member.key)
                append(UInt8(ascii: ":"))
                appendJSON(member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }
}
