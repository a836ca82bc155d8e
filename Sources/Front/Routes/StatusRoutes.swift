internal import WebServer
internal import Wire

/// `GET /api/v1/status`: how the installation is, from what the front knows; no store is asked.
struct StatusRoutes: Sendable {
    let board: StatusBoard
    let memory: (any MemoryTier)?
    let metrics: FrontMetrics

    func status(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        responder.respond {
            let report = await board.report(memory: memory, metrics: metrics)
            var response = HTTPResponse(.ok, .json, body: StatusText.json(report))
            response.fields.append("Cache-Control", "no-store")
            return response
        }
    }
}
