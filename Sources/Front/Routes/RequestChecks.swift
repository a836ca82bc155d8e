internal import WebServer
internal import Wire

/// `handle` for requests without parameters; others are told so.
func withoutParameters(_ handle: @escaping Router.Handle) -> Router.Handle {
    { request, responder in
        if let refusal = unknownParameters(request) { responder.respond(refusal) } else { handle(request, responder) }
    }
}

/// The response to a request with a parameter that is not among `allowed` or stands twice; nil where all is well.
func unknownParameters(_ request: HTTPRequest, allowed: [String] = []) -> HTTPResponse? {
    guard !request.head.rawQuery.isEmpty else { return nil }
    let known = allowed.isEmpty ? "this address takes none" : "there are \(allowed.joined(separator: ", "))"
    do {
        var seen: Set<String> = []
        for item in try request.head.queryItems() {
            guard allowed.contains(item.name) else {
                return HTTPResponse(problem: .badRequest, detail: "\(item.name): is no parameter here; \(known).")
            }
            guard seen.insert(item.name).inserted else {
                return HTTPResponse(problem: .badRequest, detail: "\(item.name): is given twice.")
            }
        }
        return nil
    } catch {
        return HTTPResponse(problem: .badRequest, detail: "\(error.parameter): is not percent-encoded UTF-8.")
    }
}
