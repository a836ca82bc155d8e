internal import Analytics
internal import Wire

/// The body of `POST /api/v1/session`.
enum SessionRequest {
    /// The token; nil where the body is not `{"token":"…"}`, or the token could not stand in a cookie.
    static func token(in body: [UInt8]) -> String? {
        var table = FieldTable()
        let slot = table.slot(adding: "token")
        var scanner = EventScanner(table: table)
        var fields = EventFields(slots: table.names.count)
        guard (try? scanner.scan(body.span, 0..<body.count, into: &fields)) != nil,
            let token = fields.text(slot, in: body.span), !token.isEmpty,
            token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\",;\\".utf8.contains($0) })
        else { return nil }
        return token
    }
}
