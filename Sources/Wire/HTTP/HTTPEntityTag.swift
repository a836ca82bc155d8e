/// The name of one version of an answer (RFC 9110, section 8.8.3), by which a client asks whether there is a newer one.
package struct HTTPEntityTag: Hashable, Sendable, CustomStringConvertible {
    /// What stands between the quotes: printable ASCII without quotes.
    package let opaque: String
    /// True where equal tags mean that the answers say the same, not that their bytes are equal.
    package let isWeak: Bool

    /// - Precondition: `opaque` holds printable ASCII without quotes.
    package init(_ opaque: String, isWeak: Bool) {
        precondition(opaque.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 }, "a tag is printable ASCII")
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// As it stands in a field: `W/"1f"`.
    package var description: String { isWeak ? "W/\"\(opaque)\"" : "\"\(opaque)\"" }

    /// The same for an answer whose bytes may differ.
    package var weakened: HTTPEntityTag { HTTPEntityTag(opaque, isWeak: true) }
}

extension HTTPFields {
    /// True where `If-None-Match` names `tag`, weak or not, or is `*`: the client has this answer.
    ///
    /// What is malformed names nothing.
    package func hasNoneMatch(_ tag: HTTPEntityTag) -> Bool {
        all("if-none-match").contains { value in
            if value == "*" { return true }
            var rest = value.utf8[...]
            while !rest.isEmpty {
                rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab || $0 == UInt8(ascii: ",") }
                if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
                guard rest.first == UInt8(ascii: "\"") else { return false }
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return false }
                if rest[..<end].elementsEqual(tag.opaque.utf8) { return true }
                rest = rest[end...].dropFirst()
            }
            return false
        }
    }
}
