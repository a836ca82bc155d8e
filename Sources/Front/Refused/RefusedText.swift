internal import Analytics
internal import Wire

/// Refused events as JSON.
enum RefusedText {
    /// A page; `next` is what to ask for `after`, null at the end.
    static func json(_ events: [RefusedEvent], hasMore: Bool) -> [UInt8] {
        var json = Array("{\"refused\":".utf8)
        json.appendJSONList(events) { json, event in
            json.appendJSON(literal: "{\"id\":")
            json.appendJSON(event.id.description)
            json.appendJSON(literal: ",\"entry\":")
            json.appendJSON(event.entry)
            json.appendJSON(literal: ",\"reason\":")
            json.appendJSON(event.reason)
            json.appendJSON(literal: ",\"received\":")
            json.appendJSON(Int(event.receivedMs))
            json.appendJSON(literal: ",\"bytes\":")
            json.appendJSON(event.byteCount)
            if event.isWhole {
                json.appendJSON(literal: ",\"cut\":false,\"fields\":")
            } else {
                json.appendJSON(literal: ",\"cut\":true,\"fields\":")
            }
            // In pairs: a name may stand twice, which is one of the reasons to be refused.
            json.appendJSONList(stride(from: 0, to: event.fields.count - 1, by: 2)) { json, place in
                json.appendJSONList([text(event.fields[place]), text(event.fields[place + 1])])
            }
            json.appendJSON(literal: "}")
        }
        json.appendJSON(literal: ",\"next\":")
        if hasMore, let last = events.last {
            json.appendJSON(last.id.description)
        } else {
            json.appendJSON(literal: "null")
        }
        json.appendJSON(literal: "}\n")
        return json
    }

    /// The text that bytes are; where they are none, with `\xff` for what is not printable ASCII.
    static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var text = ""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }
}
