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

    private func refusal(_ request: HTTPRequest, _ scope: Tokens.Scope) -> HTTPResponse? {
        let scopes: Set<Tokens.Scope>
        if let header = request.fields["authorization"] {
            let words = header.split(separator: " ")
            guard words.count == 2, words[0].lowercased() == "bearer" else {
                return Self.unauthorized("The token must come as Authorization: Bearer TOKEN.")
            }
            scopes = tokens.scopes(ofToken: String(words[1]))
            if scopes.isEmpty { return Self.unauthorized("The token is not known here.", error: Self.invalidToken) }
        } else if let session = Self.session(of: request) {
            // A session reads and does nothing else, so a page elsewhere that makes a browser send it changes nothing.
            let known = tokens.scopes(ofSession: session)
            if known.isEmpty {
                return Self.unauthorized("The session has ended; send the token again.", error: Self.invalidToken)
            }
            scopes = known.isDisjoint(with: [.read, .admin]) ? [] : [.read]
        } else {
            return Self.unauthorized("Send a token: Authorization: Bearer TOKEN.")
        }
        if scopes.contains(scope) || scopes.contains(.admin) { return nil }
        var response = HTTPResponse(
            problem: .forbidden, detail: "This needs a token with the scope \(scope.rawValue).")
        Self.challenge(&response, error: "insufficient_scope", scope: scope)
        return response
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
