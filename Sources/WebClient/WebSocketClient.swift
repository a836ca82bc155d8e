package import Reactor
package import Wire

/// The client's end of a WebSocket; answers pings and close frames by itself.
package actor WebSocketClient: SocketHandler {
    /// What comes from the server, in order.
    package enum Event: Hashable, Sendable {
        /// Valid UTF-8.
        case text([UInt8])
        case binary([UInt8])
        case ping
        case pong
        /// The last event: with the server's code, or `abnormal` where it sent none.
        case closed(WebSocketCloseCode, reason: String)
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    /// The subprotocol the server chose.
    package private(set) var subprotocol: String?
    private let socket: BufferedSocket
    private let key: String
    private var parser = HTTPResponseParser()
    private var machine: WebSocketMachine
    private var opening: CheckedContinuation<HTTPClientError?, Never>?
    private var timer: LoopTimer?
    private var isOpen = false
    private var hasEnded = false
    private var reads = true
    private let onEvent: @Sendable (Event) -> Void

    private init(
        loop: EventLoop, socket: consuming ConnectedSocket, maxMessageBytes: Int,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        self.loop = loop
        self.onEvent = onEvent
        self.socket = BufferedSocket(loop: loop, adopting: socket)
        machine = WebSocketMachine(role: .client, maxMessageBytes: maxMessageBytes)
        key = Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
    }

    /// The last reference may go on any thread; the socket belongs to the loop.
    isolated deinit { socket.close() }

    /// Opens a WebSocket. From a task of `loop`; keep the result, or the connection ends.
    ///
    /// - Parameters:
    ///   - endpoint: the server.
    ///   - target: path and query, percent-encoded.
    ///   - fields: more fields of the request, such as `Authorization` or `Sec-WebSocket-Protocol`.
    ///   - loop: the loop that drives it and calls `onEvent`.
    ///   - timeout: for connecting and for the handshake.
    ///   - maxMessageBytes: longer messages end the connection.
    ///   - onEvent: called on the loop.
    /// - Returns: the open WebSocket.
    /// - Throws: `HTTPClientError`; `.malformedAnswer` with the status where the server did not want to.
    package static func connect(
        to endpoint: HTTPEndpoint, target: String, fields: HTTPFieldList = HTTPFieldList(), loop: EventLoop,
        timeout: Duration = .seconds(5), maxMessageBytes: Int = 16 * 1024 * 1024,
        onEvent: @escaping @Sendable (Event) -> Void
    ) async throws(HTTPClientError) -> WebSocketClient {
        let client = try await dial(endpoint, loop, timeout, maxMessageBytes, onEvent)
        if let failure = await client.open(endpoint, target, fields, timeout) { throw failure }
        return client
    }

    private static func dial(
        _ endpoint: HTTPEndpoint, _ loop: EventLoop, _ timeout: Duration, _ maxMessageBytes: Int,
        _ onEvent: @escaping @Sendable (Event) -> Void
    ) async throws(HTTPClientError) -> WebSocketClient {
        do throws(ReactorError) {
            let socket = try await loop.openSocket(to: endpoint.address, within: timeout)
            return WebSocketClient(loop: loop, socket: socket, maxMessageBytes: maxMessageBytes, onEvent: onEvent)
        } catch {
            throw HTTPClientError(connecting: error)
        }
    }

    private func open(
        _ endpoint: HTTPEndpoint, _ target: String, _ extra: HTTPFieldList, _ timeout: Duration
    ) async -> HTTPClientError? {
        var fields = extra
        fields.append("Upgrade", "websocket")
        fields.append("Connection", "Upgrade")
        fields.append("Sec-WebSocket-Version", "13")
        fields.append("Sec-WebSocket-Key", key)
        return await withCheckedContinuation { continuation in
            opening = continuation
            timer = loop.schedule(after: timeout) { [unowned self] in
                assumeIsolated { $0.opened(HTTPClientError(.timedOut, "\(endpoint) did not answer in time")) }
            }
            parser.begin(method: .get)
            socket.start(self)
            socket.write { output in
                HTTPEncoder.appendRequestHead(
                    .get, target: endpoint.basePath + target, host: endpoint.host, fields: fields, length: .unstated,
                    to: &output)
            }
        }
    }

    private func opened(_ failure: HTTPClientError?) {
        timer = nil
        isOpen = failure == nil
        if failure != nil { socket.close() }
        opening?.resume(returning: failure)
        opening = nil
    }

    // MARK: Sending

    /// Sends a text message.
    package func send(text: String) { write(.text, Array(text.utf8)) }

    /// Sends a binary message.
    package func send(binary: [UInt8]) { write(.binary, binary) }

    /// Sends a ping; the server answers with `pong`.
    package func ping() { write(.ping, []) }

    /// Sends one frame of a message that is being sent in pieces, for tests of the other side.
    package func send(fragment: [UInt8], _ opcode: WebSocketFrame.Opcode, final: Bool) {
        guard isOpen else { return }
        socket.write(WebSocketFrame.encode(opcode, fragment, final: final, mask: .random(in: 0...UInt32.max)))
    }

    /// Begins the closing handshake; `closed` follows.
    package func close(_ code: WebSocketCloseCode = .normal, _ reason: String = "") {
        guard isOpen else { return }
        isOpen = false
        socket.write(WebSocketFrame.encodeClose(code, reason, mask: .random(in: 0...UInt32.max)))
    }

    /// Cuts the connection; `closed` with `abnormal` follows.
    package func cut() { ended(.abnormal, "") }

    /// Stops taking anything from the socket, as a client does that has hung.
    package func pauseReading() {
        reads = false
        socket.pauseReading()
    }

    /// Reads on.
    package func resumeReading() {
        reads = true
        socket.resumeReading()
        read()
    }

    private func write(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) {
        guard isOpen else { return }
        socket.write(WebSocketFrame.encode(opcode, payload, mask: .random(in: 0...UInt32.max)))
    }

    // MARK: Receiving

    /// What the socket calls; not for others.
    package nonisolated func socketCanRead() { assumeIsolated { $0.read() } }
    package nonisolated func socketInputEnded() { assumeIsolated { $0.inputEnded("the server hung up") } }
    package nonisolated func socketDrained() {}
    package nonisolated func socketClosed(_ error: ReactorError?) {
        assumeIsolated { $0.inputEnded(error?.description ?? "the connection has ended") }
    }

    private func inputEnded(_ detail: String) {
        if opening != nil { opened(HTTPClientError(.disconnected, detail)) }
        ended(.abnormal, "")
    }

    private func read() {
        if opening != nil, !readHandshake() { return }
        while reads, !hasEnded, !socket.isClosed {
            let (consumed, event) = socket.withInput { machine.next($0) }
            socket.consume(consumed)
            switch event {
            case .needMore: if consumed == 0 { return }
            case .text(let bytes): onEvent(.text(bytes))
            case .binary(let bytes): onEvent(.binary(bytes))
            case .compressed: preconditionFailure("this client offers no compression")
            case .ping(let payload):
                write(.pong, payload)
                onEvent(.ping)
            case .pong: onEvent(.pong)
            case .close(let code, let reason):
                close(code)
                ended(code, reason)
            case .violation(let violation):
                close(violation.code, violation.reason)
                ended(violation.code, violation.reason)
            }
        }
    }

    /// Reads the answer to the handshake; true once the WebSocket is open.
    private func readHandshake() -> Bool {
        while true {
            let (consumed, event) = socket.withInput { parser.next($0) }
            socket.consume(consumed)
            switch event {
            case .needMore: if consumed == 0 { return false }
            case .head(let head):
                guard head.status.code == 101,
                    head.fields["sec-websocket-accept"] == WebSocketHandshake.accept(key: key)
                else {
                    opened(HTTPClientError(.malformedAnswer, "no WebSocket here: the server answered \(head.status)"))
                    return false
                }
                subprotocol = head.fields["sec-websocket-protocol"]
                opened(nil)
                return true
            case .body, .end, .failed:
                opened(HTTPClientError(.malformedAnswer, "the answer to the handshake is malformed"))
                return false
            }
        }
    }

    private func ended(_ code: WebSocketCloseCode, _ reason: String) {
        guard !hasEnded else { return }
        hasEnded = true
        isOpen = false
        socket.flushCorked()
        socket.close()
        onEvent(.closed(code, reason: reason))
    }
}
