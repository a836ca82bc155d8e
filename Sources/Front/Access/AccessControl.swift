internal import WebServer
internal import Wire

/// Lets requests through to those who may make them.
struct AccessControl: Sendable {
    /// The cookie of a session; the browser keeps it from scripts and sends it to our own origin only.
    static let cookie = "weir_session"
    private static let sessionSeconds = 30 * 86_400

    let tokens: Tokens

    /// Runs `handle` where the request has the scope; answers 401 or 403 where not.
    func requiring(_ scope: Tokens.Scope, _ handle: @escaping Router.Handle) -> Router.Handle {
        if tokens.isEmpty { return handle }
        return { request, responder in
            if let refusal = refusal(request, scope) { responder.respond(refusal) } else { handle(request, responder) }
        }
    }

    /// Whether the request may do what needs `scope`, by its token or session; without tokens everybody may.
    func allows(_ scope: Tokens.Scope, _ request: HTTPRequest) -> Bool {
        if tokens.isEmpty { return true }
        let scopes: Set<Tokens.Scope>
        switch credential(of: request) {
        case .token(let token): scopes = tokens.scopes(ofToken: token)
        case .session(let session): scopes = tokens.scopes(ofSession: session)
        case .malformed, .none: scopes = []
        }
        return scopes.contains(scope) || scopes.contains(.admin)
    }

    private enum Credential {
        case token(String)
        case session(String)
        case malformed
        case none
    }

    private func credential(of request: HTTPRequest) -> Credential {
        guard let header = request.fields["authorization"] else {
            return Self.session(of: request).map(Credential.session) ?? .none
        }
        let words = header.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else { return .malformed }
        return .token(String(words[1]))
    }

    private func refusal(_ request: HTTPRequest, _ scope: Tokens.Scope) -> HTTPResponse? {
        switch credential(of: request) {
        case .none: return Self.unauthorized("Send a token: Authorization: Bearer TOKEN.")
        case .malformed: return Self.unauthorized("The token must come as Authorization: Bearer TOKEN.")
        case .token(let token):
            if tokens.scopes(ofToken: token).isEmpty {
                return Self.unauthorized("The token is not known here.", error: Self.invalidToken)
            }
        case .session(let session):
            if tokens.scopes(ofSession: session).isEmpty {
                return Self.unauthorized("The session has ended; send the token again.", error: Self.invalidToken)
            }
            // The browser keeps the cookie from requests of other sites (SameSite=Strict). Should one not, or a neighbour on the
            // same site try, the request says where it comes from, which no page can forge.
            if !request.method.isSafe, !Self.isOfOurOrigin(request) {
                let detail =
                    "A session changes things only for pages of this address, and this request came from elsewhere; "
                    + "programs send Authorization: Bearer TOKEN instead of the cookie."
                return HTTPResponse(problem: .forbidden, detail: detail)
            }
        }
        if allows(scope, request) { return nil }
        var response = HTTPResponse(
            problem: .forbidden, detail: "This needs a token with the scope \(scope.rawValue).")
        Self.challenge(&response, error: "insufficient_scope", scope: scope)
        return response
    }

    /// Whether a page of this very address sent the request: what the browser says of it, or else the `Origin` that it sends
    /// with every request that changes something.
    private static func isOfOurOrigin(_ request: HTTPRequest) -> Bool {
        if let site = request.fields["sec-fetch-site"] { return site == "same-origin" }
        guard let origin = request.fields["origin"], let host = request.fields["host"] else { return false }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    private static func session(of request: HTTPRequest) -> String? {
        for header in request.fields.all("cookie") {
            for pair in header.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if parts.count == 2, parts[0] == cookie { return String(parts[1]) }
            }
        }
        return nil
    }

    private static let invalidToken = "invalid_token"

    private static func unauthorized(_ detail: String, error: String? = nil) -> HTTPResponse {
        var response = HTTPResponse(problem: .unauthorized, detail: detail)
        challenge(&response, error: error)
        return response
    }

    /// Says how to get in, and why what was sent was not enough (RFC 6750); nothing of an error where nothing was sent.
    private static func challenge(_ response: inout HTTPResponse, error: String?, scope: Tokens.Scope? = nil) {
        var words = "Bearer realm=\"weir\""
        if let error { words += ", error=\"\(error)\"" }
        if let scope { words += ", scope=\"\(scope.rawValue)\"" }
        response.fields.append("WWW-Authenticate", words)
    }

    // MARK: Sessions

    /// `POST /api/v1/session`: takes a token and gives the browser a session for it.
    func beginSession(_ request: HTTPRequest, _ responder: HTTPResponder) {
        // A form of another site cannot send JSON, so it cannot log anybody in.
        guard request.fields.contentType == "application/json" else {
            return responder.respond(
                HTTPResponse(problem: .unsupportedMediaType, detail: "Send {\"token\":\"…\"} as application/json."))
        }
        guard let token = SessionRequest.token(in: request.body) else {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "Send {\"token\":\"…\"}."))
        }
        // Where no tokens are asked for there is nothing to keep.
        guard !tokens.isEmpty else { return endSession(request, responder) }
        guard !tokens.scopes(ofToken: token).isEmpty else {
            return responder.respond(Self.unauthorized("The token is not known here.", error: Self.invalidToken))
        }
        let session = String(decoding: Tokens.session(of: Array(token.utf8)), as: UTF8.self)
        Self.respond(responder, session, maxAgeSeconds: Self.sessionSeconds, request)
    }

    /// `DELETE /api/v1/session`: has the browser forget its session.
    func endSession(_ request: HTTPRequest, _ responder: HTTPResponder) {
        Self.respond(responder, "", maxAgeSeconds: 0, request)
    }

    private static func respond(
        _ responder: HTTPResponder, _ session: String, maxAgeSeconds: Int, _ request: HTTPRequest
    ) {
        var response = HTTPResponse(.noContent)
        // Behind a proxy that speaks TLS the browser must not send it over anything else.
        let secure = request.fields["x-forwarded-proto"] == "https" ? "; Secure" : ""
        response.fields.append(
            "Set-Cookie",
            "\(cookie)=\(session); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(maxAgeSeconds)\(secure)")
        response.fields.append("Cache-Control", "no-store")
        responder.respond(response)
    }
}
