/// The opening handshake of RFC 6455, section 4.
package enum WebSocketHandshake {
    /// What `Sec-WebSocket-Accept` answers to a `Sec-WebSocket-Key`.
    package static func accept(key: String) -> String {
        Base64.encode(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// Checks a request that wants to become a WebSocket and picks the subprotocol.
    ///
    /// Extensions are not negotiated: an offer of `permessage-deflate` is declined by leaving it out of the answer.
    /// `protocols` is what the server speaks, best first; a client that offers none gets none. The fields are those of the 101
    /// answer. Throws 400, or 426 where no upgrade or another version is asked for.
    package static func answer(
        _ request: HTTPRequestHead, protocols: [String]
    ) throws(HTTPParseError) -> (fields: HTTPFieldList, subprotocol: String?) {
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
        return (fields, chosen)
    }
}
