internal import WebServer
internal import Wire

/// Lets requests through to those who may make them.
struct AccessControl: Sendable {
    let tokens: Tokens

    /// Runs `handle` where the request's token has the scope; answers 401 or 403 where not.
    func requiring(_ scope: Tokens.Scope, _ handle: @escaping Router.Handle) -> Router.Handle {
        if tokens.isEmpty { return handle }
        return { request, responder in
            if let refusal = refusal(request, scope) { responder.respond(refusal) } else { handle(request, responder) }
        }
    }

    private func refusal(_ request: HTTPRequest, _ scope: Tokens.Scope) -> HTTPResponse? {
        guard let token = Self.token(of: request) else {
            return Self.unauthorized("Send a token: Authorization: Bearer TOKEN.")
        }
        guard let scopes = tokens.scopes(of: token) else { return Self.unauthorized("The token is not known here.") }
        if scopes.contains(scope) || scopes.contains(.admin) { return nil }
        return HTTPResponse(problem: .forbidden, detail: "The token lacks the scope \(scope.rawValue).")
    }

    /// The token of the header, or else of the session cookie.
    private static func token(of request: HTTPRequest) -> String? {
        if let header = request.fields["authorization"] {
            let words = header.split(separator: " ")
            return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : ""
        }
        for header in request.fields.all("cookie") {
            for pair in header.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if parts.count == 2, parts[0] == Tokens.cookie { return String(parts[1]) }
            }
        }
        return nil
    }

    private static func unauthorized(_ detail: String) -> HTTPResponse {
        var response = HTTPResponse(problem: .unauthorized, detail: detail)
        response.fields.append("WWW-Authenticate", "Bearer")
        return response
    }

    // MARK: Sessions

    /// `POST /api/v1/session`: puts a token into a cookie that scripts cannot read. The cookie is the token, so it is good
    /// on every front of the installation and ends when the token does.
    func beginSession(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let token = SessionRequest.token(in: request.body) else {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "Send {\"token\":\"…\"}."))
        }
        guard tokens.isEmpty || tokens.scopes(of: token) != nil else {
            return responder.respond(Self.unauthorized("The token is not known here."))
        }
        respond(
            responder, cookie: tokens.isEmpty ? "" : token, maxAgeSeconds: tokens.isEmpty ? 0 : 30 * 86_400, request)
    }

    /// `DELETE /api/v1/session`.
    func endSession(_ request: HTTPRequest, _ responder: HTTPResponder) {
        respond(responder, cookie: "", maxAgeSeconds: 0, request)
    }

    private func respond(_ responder: HTTPResponder, cookie: String, maxAgeSeconds: Int, _ request: HTTPRequest) {
        var response = HTTPResponse(.noContent)
        let secure = request.fields["x-forwarded-proto"] == "https" ? "; Secure" : ""
        response.fields.append(
            "Set-Cookie",
            "\(Tokens.cookie)=\(cookie); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(maxAgeSeconds)\(secure)")
        responder.respond(response)
    }
}
