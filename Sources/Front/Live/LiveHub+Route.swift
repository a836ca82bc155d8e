internal import Service
package import WebServer
internal import Wire

extension WebSocketSession: LiveSocket {
    /// Does nothing: the server pings its WebSockets itself.
    package func sendHeartbeat() {}
}

extension LiveHub {
    /// Answers `GET /api/v1/live`: makes the connection a WebSocket and serves it from then on.
    ///
    /// Called on the hub's loop, with access and origin checked.
    package nonisolated func serve(_ responder: HTTPResponder) { assumeIsolated { $0.accept(responder) } }

    private func accept(_ responder: HTTPResponder) {
        guard !isStopping else { return responder.respond(.stopping) }
        let id = nextClientID()
        let session = responder.upgrade(
            protocols: ["weir.v1"],
            onMessage: { [weak self] message, _ in
                self?.assumeIsolated { hub in
                    switch message {
                    case .text(let text): hub.receive(text: text, from: id)
                    case .binary: hub.receiveBinary(from: id)
                    }
                }
            },
            onClose: { [weak self] _, _ in self?.assumeIsolated { $0.disconnect(id) } })
        if let session { connect(session, as: id) }
    }
}
