/// The opening handshake of RFC 6455, section 4.
package enum WebSocketHandshake {
    /// What `Sec-WebSocket-Accept` answers to a `Sec-WebSocket-Key`.
    package static func accept(key: String) -> String {
        Base64.encode(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// What was agreed on with a client.
    package struct Agreement: Hashable, Sendable {
        /// Those of the 101 answer.
        package let fields: HTTPFieldList
        package let subprotocol: String?
        /// How messages are compressed; nil where none are.
        package let compression: PerMessageDeflate?
    }

    /// Checks a request that wants to become a WebSocket, picks the subprotocol, and answers the offers of compression.
    ///
    /// `protocols` is what the server speaks, best first; a client that offers none gets none. `compresses` allows
    /// permessage-deflate; every other extension is declined by leaving it out of the answer.
    /// Throws 400, or 426 where no upgrade or another version is asked for.
    package static func answer(
        _ request: HTTPRequestHead, protocols: [String], compresses: Bool = true
    ) throws(HTTPParseError) -> Agreement {
        guard request.method == .get, request.minorVersion == 1, request.wantsUpgrade,
            request.fields.has("websocket", in: "upgrade")
        else { throw HTTPParseError(.upgradeRequired, "This address speaks WebSocket: ask for an upgrade.") }
        guard request.fields["sec-websocket-version"] == "13" else {
            throw HTTPParseError(.upgradeRequired, "Only version 13 of the WebSocket protocol is spoken here.")
        }
        let keys = request.fields.all("sec-websocket-key")
        guard keys.count == 1, Base64.decodedCount(keys[0]) == 16 else {
            throw HTTPParseError(.badRequest, "Sec-WebSocket-Key must be 16 bytes in Base64.")
        }
        var fields = HTTPFieldList()
        fields.append("Upgrade", "websocket")
        fields.append("Connection", "Upgrade")
        fields.append("Sec-WebSocket-Accept", accept(key: keys[0]))
        let offered = request.fields.all("sec-websocket-protocol").joined(separator: ",")
        let names = offered.split(separator: ",").map { name in
            String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        let chosen = protocols.first(where: names.contains)
        if let chosen { fields.append("Sec-WebSocket-Protocol", chosen) }
        let offers = request.fields.all("sec-websocket-extensions").joined(separator: ",")
        let compression = compresses ? PerMessageDeflate(offers: offers) : nil
        if let compression { fields.append("Sec-WebSocket-Extensions", compression.answer) }
        return Agreement(fields: fields, subprotocol: chosen, compression: compression)
    }
}
