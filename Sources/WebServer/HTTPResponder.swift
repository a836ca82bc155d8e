internal import Reactor
internal import Synchronization
package import Wire

/// Answers requests; called on the server's loop, so actors pinned to it may be entered with `assumeIsolated`.
package protocol RequestHandler: Sendable {
    /// Answers `request` through `responder`, at once or later.
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder)
}

/// The one answer to one request: a response, a stream, or a WebSocket. Exactly one of them, exactly once.
///
/// From any thread; on the loop it happens at once, from elsewhere on the loop's next turn. A responder that is released
/// without an answer answers 500, so that no client waits for ever. After the client has gone, answers go nowhere.
package final class HTTPResponder: Sendable {
    private let connection: HTTPConnection
    private let exchange: UInt64
    private let isAnswered = Atomic<Bool>(false)

    init(connection: HTTPConnection, exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    deinit {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        let exchange = exchange
        connection.enter {
            $0.respond(exchange, HTTPResponse(problem: .internalServerError, detail: "No answer was made."))
        }
    }

    /// Sends `response`.
    package func respond(_ response: HTTPResponse) {
        claim()
        let exchange = exchange
        if connection.loop.isCurrent {
            connection.assumeIsolated { $0.respond(exchange, response) }
        } else {
            connection.enter { $0.respond(exchange, response) }
        }
    }

    /// Runs `body` as a task of the loop and sends what it returns; an error it throws becomes a 500 without details.
    ///
    /// The task is cancelled when the client goes away.
    package func respond(from body: @escaping @Sendable () async throws -> HTTPResponse) {
        let task = connection.loop.spawn { [self] in
            do {
                respond(try await body())
            } catch {
                connection.enter { $0.report(error) }
                respond(HTTPResponse(problem: .internalServerError, detail: "The request could not be served."))
            }
        }
        onCancel { task.cancel() }
    }

    /// Sends the head now and lets the body follow piece by piece.
    package func stream(
        _ status: HTTPStatus, _ contentType: ContentType, fields: HTTPFieldList = HTTPFieldList()
    ) -> HTTPBodyStream {
        claim()
        let exchange = exchange
        connection.enter { $0.beginStream(exchange, status, contentType, fields) }
        return HTTPBodyStream(connection: connection, exchange: exchange)
    }

    /// Sends the head of an event stream (server-sent events), which caches and proxies leave alone.
    package func eventStream() -> HTTPBodyStream {
        var fields = HTTPFieldList()
        fields.append("Cache-Control", "no-store")
        fields.append("X-Accel-Buffering", "no")
        return stream(.ok, .eventStream, fields: fields)
    }

    /// Makes the connection a WebSocket; where the request does not ask for one properly, answers so and returns nil.
    /// On the loop only.
    ///
    /// - Parameters:
    ///   - protocols: subprotocols spoken, best first.
    ///   - onMessage: called on the loop for each whole message.
    ///   - onClose: called on the loop once, at the end, whoever caused it; `abnormal` where no close frame came.
    /// - Returns: the session, open for sending.
    package func upgrade(
        protocols: [String] = [], onMessage: @escaping @Sendable (WebSocketMessage, WebSocketSession) -> Void,
        onClose: @escaping @Sendable (WebSocketCloseCode, String) -> Void
    ) -> WebSocketSession? {
        claim()
        let (connection, exchange) = (connection, exchange)
        return connection.assumeIsolated {
            $0.upgrade(exchange, protocols: protocols, onMessage: onMessage, onClose: onClose)
        }
    }

    /// Calls `body` on the loop when the client goes away, or the server must stop, before the answer is complete.
    package func onCancel(_ body: @escaping @Sendable () -> Void) {
        let exchange = exchange
        connection.enter { $0.onCancel(exchange, body) }
    }

    private func claim() {
        precondition(!isAnswered.exchange(true, ordering: .relaxed), "a request is answered exactly once")
    }
}

/// The body of a response, sent piece by piece. From any thread; in order.
///
/// It does not block and does not refuse: the writer looks at `pendingBytes` and slows down, or waits for `onDrained`.
/// A client that takes nothing for `stallDeadline` is cut off.
package struct HTTPBodyStream: Sendable {
    let connection: HTTPConnection
    let exchange: UInt64

    /// Sends or queues `bytes`.
    package func write(_ bytes: [UInt8]) {
        let exchange = exchange
        connection.enter { $0.streamWrite(exchange, bytes) }
    }

    /// In which form this body takes messages. On the loop only.
    package var form: MessageForm {
        let exchange = exchange
        return .eventStream(isChunked: connection.assumeIsolated { $0.isChunkedStream(exchange) })
    }

    /// What `bytes` are as a piece of a body of this `form`.
    package static func encode(_ bytes: [UInt8], isChunked: Bool) -> [UInt8] {
        guard isChunked else { return bytes }
        var chunk: [UInt8] = []
        HTTPEncoder.appendChunk(bytes, to: &chunk)
        return chunk
    }

    /// Sends what `encode` made for the form of this body; the bytes are shared. On the loop only.
    ///
    /// - Returns: false, and nothing was sent, where more than `limit` bytes wait for the client.
    package func write(encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        let exchange = exchange
        return connection.assumeIsolated { $0.streamWrite(exchange, encoded: bytes, unlessWaiting: limit) }
    }

    /// Ends the body.
    package func finish() {
        let exchange = exchange
        connection.enter { $0.streamFinish(exchange) }
    }

    /// Cuts the connection, whatever waits: for a client whose backlog is past all bounds.
    package func abort() {
        let exchange = exchange
        connection.enter { if $0.isCurrent(exchange) { $0.close() } }
    }

    /// Bytes the client has not taken yet. On the loop only.
    package var pendingBytes: Int {
        let exchange = exchange
        return connection.assumeIsolated { $0.isCurrent(exchange) ? $0.pendingBytes : 0 }
    }

    /// False once the client has gone or the body has ended. On the loop only.
    package var isOpen: Bool {
        let exchange = exchange
        return connection.assumeIsolated { $0.isCurrent(exchange) }
    }

    /// Calls `body` on the loop whenever a backlog has been sent.
    package func onDrained(_ body: @escaping @Sendable () -> Void) {
        let exchange = exchange
        connection.enter { $0.onDrained(exchange, body) }
    }
}
