internal import Analytics
internal import Service
package import WebServer
internal import Wire

extension LiveHub {
    /// Answers `GET /api/v1/live/sse`: one subscription, its snapshot and updates as server-sent events.
    ///
    /// Called on the hub's loop, with access checked. A client that sends as `Last-Event-ID` where it has been gets only what
    /// has changed since, where this front still knows; else a snapshot.
    package nonisolated func serveStream(_ request: HTTPRequest, _ responder: HTTPResponder) {
        assumeIsolated { $0.accept(request, responder) }
    }

    private func accept(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard !isStopping else { return responder.respond(.stopping) }
        guard memory.catalog.definitions.version != 0 else {
            // Clients give up for good on a stream that is answered with an error, so it waits.
            heldStreams.append { [weak self] in self?.assumeIsolated { $0.accept(request, responder) } }
            return
        }
        let asked: SubscriptionRequest
        do {
            asked = try StreamParameters.subscription(request, memory.catalog.definitions)
        } catch {
            let detail = (error as? BadMessage)?.detail ?? "\(error)."
            return responder.respond(HTTPResponse(problem: .badRequest, detail: detail))
        }
        let stream = responder.eventStream()
        // The client may have gone while it waited; a HEAD is answered by now.
        guard request.method == .get, stream.isOpen else { return stream.finish() }
        let id = nextClientID()
        responder.onCancel { [weak self] in self?.assumeIsolated { $0.disconnect(id) } }
        let seen = request.fields["last-event-id"].flatMap(LivePosition.init)
        connect(EventStreamSocket(stream), as: id, asked, seen: seen)
    }
}

extension HTTPResponse {
    /// 503 of a front that stops.
    static var stopping: HTTPResponse {
        var response = HTTPResponse(problem: .serviceUnavailable, detail: "The server is shutting down; try again.")
        response.fields.append("Retry-After", "1")
        return response
    }
}
