/// The extension permessage-deflate (RFC 7692) as agreed on with one client.
///
/// The client keeps no context between messages. We refer to earlier messages only within one write, which many clients share
/// (and not at all for clients that do not want it): so the same compressed bytes serve all of them, and a connection costs no
/// memory for compression while it is idle. The client may use any window.
package struct PerMessageDeflate: Hashable, Sendable {
    /// The window that the client can decompress with, in bits, 9...15: the smaller, the less it finds again.
    package let serverWindowBits: Int
    /// Whether the client keeps what it has decompressed, so that a message may refer to the one before.
    package let serverMayKeepContext: Bool
    /// Said to clients that asked about it.
    private let saysWindowBits: Bool

    /// Takes the first offer that can be met in the value of `Sec-WebSocket-Extensions`; nil where there is none.
    ///
    /// An offer with an unknown, repeated or malformed parameter is declined, as RFC 7692, section 7, demands; so is one that
    /// limits our window to 8 bits, with which zlib cannot compress.
    package init?(offers: String) {
        for offer in ExtensionOffer.list(offers) where offer.name == "permessage-deflate" {
            guard let agreed = PerMessageDeflate(offer) else { continue }
            self = agreed
            return
        }
        return nil
    }

    private init?(_ offer: ExtensionOffer) {
        var seen: Set<String> = []
        var bits: Int?
        for (name, value) in offer.parameters {
            guard seen.insert(name).inserted else { return nil }
            switch (name, value) {
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
            case ("client_max_window_bits", nil): break
            case ("client_max_window_bits", let value?):
                guard PerMessageDeflate.bits(value) != nil else { return nil }
            case ("server_max_window_bits", let value?):
                guard let number = PerMessageDeflate.bits(value), number > 8 else { return nil }
                bits = number
            default: return nil
            }
        }
        serverWindowBits = bits ?? 15
        saysWindowBits = bits != nil
        serverMayKeepContext = !seen.contains("server_no_context_takeover")
    }

    /// What the 101 answer says of it.
    package var answer: String {
        "permessage-deflate; " + (serverMayKeepContext ? "" : "server_no_context_takeover; ")
            + "client_no_context_takeover"
            + (saysWindowBits ? "; server_max_window_bits=\(serverWindowBits)" : "")
    }

    /// 8...15, in decimal digits without a leading zero.
    private static func bits(_ text: String) -> Int? {
        (8...15).first { String($0) == text }
    }
}

/// One member of `Sec-WebSocket-Extensions` (RFC 6455, section 9.1): a name and parameters with or without a value.
struct ExtensionOffer: Hashable {
    struct Parameter: Hashable {
        let name: String
        let value: String?
    }

    let name: String
    private let list: [Parameter]

    var parameters: [(name: String, value: String?)] { list.map { ($0.name, $0.value) } }

    /// The members of a list; those that are malformed are left out. Names in lower case.
    static func list(_ text: String) -> [ExtensionOffer] {
        split(text, at: ",").compactMap { member in
            let parts = split(member, at: ";")
            guard let name = parts.first, isToken(name) else { return nil }
            var parameters: [Parameter] = []
            for part in parts.dropFirst() {
                let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
                guard isToken(sides[0]) else { return nil }
                var value: String?
                if sides.count == 2 {
                    // A quoted value must be a token once its quotes are gone.
                    let quoted = sides[1].count >= 2 && sides[1].hasPrefix("\"") && sides[1].hasSuffix("\"")
                    let bare = quoted ? String(sides[1].dropFirst().dropLast()) : sides[1]
                    guard isToken(bare) else { return nil }
                    value = bare
                }
                parameters.append(Parameter(name: sides[0].lowercased(), value: value))
            }
            return ExtensionOffer(name: name.lowercased(), list: parameters)
        }
    }

    private static func split(_ text: String, at separator: Character) -> [String] {
        text.split(separator: separator, omittingEmptySubsequences: false).map(trimmed)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    private static func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(ASCII.isToken) }
}
