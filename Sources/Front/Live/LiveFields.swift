internal import Analytics

/// Why a message cannot be obeyed, for the client to read.
struct BadMessage: Error {
    let detail: String

    init(_ detail: String) { self.detail = detail }
}

/// The members of a message; each is taken once, and what is left at the end was not understood.
struct LiveFields {
    /// The message's id, for answers, even where the message is wrong.
    let id: String?
    private var members: [String: JSONValue] = [:]

    init(_ members: [(name: String, value: JSONValue)]) {
        for member in members { self.members[member.name] = member.value }
        if case .string(let id)? = self.members["id"], id.utf8.count <= ClientMessage.maxIDBytes {
            self.id = id
        } else {
            id = nil
        }
    }

    mutating func take(_ name: String) -> JSONValue? { members.removeValue(forKey: name) }

    mutating func identifier() throws(BadMessage) -> String {
        guard let text = try string("id"), !text.isEmpty, text.utf8.count <= ClientMessage.maxIDBytes else {
            throw BadMessage("id: a text of 1 to \(ClientMessage.maxIDBytes) bytes.")
        }
        return text
    }

    mutating func string(_ name: String) throws(BadMessage) -> String? {
        switch take(name) {
        case nil: nil
        case .string(let text): text
        default: throw BadMessage("\(name): must be a text.")
        }
    }

    /// A list of texts; one alone stands for a list of it.
    mutating func strings(_ name: String) throws(BadMessage) -> [String]? {
        switch take(name) {
        case nil: return nil
        case .string(let text): return [text]
        case .array(let elements):
            var texts: [String] = []
            for element in elements {
                guard case .string(let text) = element else { throw BadMessage("\(name): must be a list of texts.") }
                texts.append(text)
            }
            return texts
        default: throw BadMessage("\(name): must be a list of texts.")
        }
    }

    mutating func integer(_ name: String) throws(BadMessage) -> Int? {
        switch take(name) {
        case nil: return nil
        case .number(let number):
            guard let integer = Int(exactly: number) else { throw BadMessage("\(name): must be a whole number.") }
            return integer
        default: throw BadMessage("\(name): must be a whole number.")
        }
    }

    /// Names with texts: the members of an object.
    mutating func texts(_ name: String) throws(BadMessage) -> [(name: String, value: String)] {
        switch take(name) {
        case nil: return []
        case .object(let members):
            var texts: [(name: String, value: String)] = []
            for member in members {
                guard case .string(let text) = member.value else {
                    throw BadMessage("\(name).\(member.name): must be a text.")
                }
                texts.append((member.name, text))
            }
            return texts
        default: throw BadMessage("\(name): must be an object of texts.")
        }
    }

    /// A length of time in milliseconds: a whole number with its unit (`100ms`, `1s`, `5m`, `1h`, `7d`).
    mutating func duration(_ name: String) throws(BadMessage) -> Int64? {
        guard let text = try string(name) else { return nil }
        guard let ms = TimeExpression.durationMs(text) else {
            throw BadMessage("\(name): a number with ms, s, m, h or d, such as 5m; not '\(text)'.")
        }
        return ms
    }

    /// Nothing may be left.
    func checkAllTaken() throws(BadMessage) {
        guard let unknown = members.keys.min() else { return }
        throw BadMessage("Unknown member '\(unknown)'.")
    }
}
