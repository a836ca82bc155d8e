internal import Analytics
internal import Wire

/// The body of `POST /api/v1/session`.
enum SessionRequest {
    /// The token; nil where the body is not `{"token":"…"}`.
    static func token(in body: [UInt8]) -> String? {
        var table = FieldTable()
        let slot = table.slot(adding: "token")
        var scanner = EventScanner(table: table)
        var fields = EventFields(slots: table.names.count)
        guard (try? scanner.scan(body.span, 0..<body.count, into: &fields)) != nil,
            let token = fields.text(slot, in: body.span), !token.isEmpty
        else { return nil }
        return token
    }
}
