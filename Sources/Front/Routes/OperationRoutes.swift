package import Service
package import WebServer
internal import Wire

/// The routes by which a process is watched: `/healthz`, `/readyz`, `/metrics`. Every process of ours has them.
package enum OperationRoutes {
    /// Adds them; `/readyz` answers 503 with the reasons while there are any.
    package static func add(
        to router: inout Router, registry: MetricsRegistry, unreadyReasons: @escaping @Sendable () async -> [String]
    ) {
        router.get("/healthz") { _, responder in responder.respond(HTTPResponse(.ok, text: "ok\n")) }
        router.get("/readyz") { _, responder in
            responder.respond {
                let reasons = await unreadyReasons()
                if reasons.isEmpty { return HTTPResponse(.ok, text: "ready\n") }
                var response = HTTPResponse(
                    .serviceUnavailable, text: reasons.map { "not ready: \($0)\n" }.joined())
                response.fields.append("Retry-After", "1")
                return response
            }
        }
        router.get("/metrics") { _, responder in
            responder.respond(
                HTTPResponse(.ok, ContentType(MetricsRegistry.contentType), body: registry.render()))
        }
    }
}
