internal import Service

/// The body of `POST /api/v1/session`.
enum SessionRequest {
    /// Nobody has shown a token yet, so nobody may keep us busy.
    private static let maxBytes = 8 * 1024

    /// The token; nil where the body is not `{"token":"…"}`.
    static func token(in body: [UInt8]) -> String? {
        guard body.count <= maxBytes, let members = (try? JSON5.parse(body))?.members, members.count == 1,
            members[0].key == "token", let token = members[0].value.string, !token.isEmpty
        else { return nil }
        return token
    }
}
