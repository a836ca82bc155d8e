internal import Deflate
internal import Reactor
internal import Service
internal import Wire

/// One client's connection: reads requests, hands them on one at a time, writes the answers in order.
///
/// ```
/// awaitingHead ─▶ receivingBody ─▶ handling ─answer complete▶ awaitingHead …
///                                     └─upgrade▶ webSocket             any ─last answer, error▶ ending ─▶ closed
/// ```
/// While `handling` nothing more is parsed, so pipelined requests are answered in order.
actor HTTPConnection: SocketHandler {
    enum Phase { case awaitingHead, receivingBody, handling, webSocket, ending, closed }

    /// A request that has been handed on and is not answered completely.
    struct Exchange {
        let head: HTTPRequestHead
        let beganNs: UInt64
        let acceptsGzip: Bool
        var streams = false
        var isChunked = false
        var onCancel: [@Sendable () -> Void] = []
        var onDrained: (@Sendable () -> Void)?
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    let context: ServerContext
    let socket: BufferedSocket
    var phase = Phase.awaitingHead
    var exchange: Exchange?
    /// The number of the latest exchange; answers to an older one come too late.
    var exchangeNumber: UInt64 = 0
    var webSocket: WebSocketState?
    /// The `Date` field, as of the last tick.
    var dateLine: [UInt8]
    /// True once the server stops: the next answer is the last.
    var isDraining = false
    /// When the current phase has lasted too long; nil where it may last.
    var deadlineNs: UInt64?

    private let onClose: @Sendable (HTTPConnection) -> Void
    private var parser: HTTPRequestParser
    private var head: HTTPRequestHead?
    private var headBeganNs: UInt64 = 0
    private var body: [UInt8] = []
    private var decoder: GzipDecoder?
    private var isProcessing = false
    private var inputEnded = false
    private var stall = (bytesSent: UInt64(0), sinceNs: UInt64(0))

    init(
        context: ServerContext, accepted: consuming ConnectedSocket, dateLine: [UInt8],
        onClose: @escaping @Sendable (HTTPConnection) -> Void
    ) {
        loop = context.loop
        self.context = context
        self.dateLine = dateLine
        self.onClose = onClose
        parser = HTTPRequestParser(limits: context.configuration.limits)
        socket = BufferedSocket(loop: context.loop, adopting: accepted)
    }

    /// Runs `body` here: at once on the loop, on its next turn from elsewhere.
    nonisolated func enter(_ body: @escaping @Sendable (isolated HTTPConnection) -> Void) {
        if loop.isCurrent { assumeIsolated(body) } else { loop.execute { self.assumeIsolated(body) } }
    }

    var configuration: HTTPServerConfiguration { context.configuration }
    var pendingBytes: Int { socket.pendingBytes }

    func start() {
        let now = context.nowNs
        deadlineNs = now + configuration.headDeadline.wholeNanoseconds
        stall.sinceNs = now
        socket.start(self)
    }

    /// Answers 503 and closes: the server has as many connections as it may.
    func refuse() {
        socket.start(self)
        fail(HTTPParseError(.serviceUnavailable, "Too many connections; try again later."))
    }

    // MARK: Socket

    nonisolated func socketCanRead() { assumeIsolated { $0.process() } }

    nonisolated func socketInputEnded() {
        assumeIsolated { connection in
            connection.inputEnded = true
            switch connection.phase {
            case .awaitingHead, .receivingBody, .webSocket: connection.close()
            // A client may close its half after asking and still read; a stream would never notice that it does not.
            case .handling: if connection.exchange?.streams == true { connection.close() }
            case .ending, .closed: break
            }
        }
    }

    nonisolated func socketDrained() {
        assumeIsolated { connection in
            connection.exchange?.onDrained?()
            connection.webSocket?.onDrained?()
            connection.process()
        }
    }

    nonisolated func socketClosed(_ error: ReactorError?) { assumeIsolated { $0.closed() } }

    /// Closes now, whatever waits.
    func close() {
        guard phase != .closed else { return }
        socket.close()
        closed()
    }

    private func closed() {
        guard phase != .closed else { return }
        phase = .closed
        let cancelled = exchange?.onCancel ?? []
        exchange = nil
        for cancel in cancelled { cancel() }
        webSocketClosed(.abnormal, "")
        onClose(self)
    }

    /// Sends what waits and closes; whoever lingers longer is cut off.
    func finish() {
        phase = .ending
        deadlineNs = context.nowNs + configuration.lingerDeadline.wholeNanoseconds
        socket.closeWhenSent()
    }

    // MARK: Requests

    /// Takes all it can from what was received.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        loop: while true {
            switch phase {
            case .awaitingHead, .receivingBody: guard hasRoomForOutput, readRequest() else { break loop }
            case .webSocket: guard readWebSocket() else { break loop }
            case .handling, .ending, .closed: break loop
            }
        }
        if phase == .awaitingHead && inputEnded { return close() }
        guard phase != .closed else { return }
        // What cannot be taken now waits in the kernel and, once that is full, at the client.
        if socket.inputCount > maxWaitingInput { socket.pauseReading() } else { socket.resumeReading() }
    }

    /// Unread bytes from which on reading pauses; more than one head, so that a head is always received whole.
    private var maxWaitingInput: Int { max(64 * 1024, 2 * configuration.limits.maxHeadBytes) }

    /// False while the client does not take the answers to what it asked before.
    private var hasRoomForOutput: Bool {
        if socket.pendingBytes >= configuration.maxPendingBytes { socket.flushCorked() }
        return socket.pendingBytes < configuration.maxPendingBytes
    }

    /// Takes one piece of a request; false where more must be received first.
    private func readRequest() -> Bool {
        var broken: HTTPParseError?
        let (consumed, event) = socket.withInput { bytes in
            let step = parser.next(bytes)
            if case .body(let range) = step.event { broken = takeBody(bytes, range) }
            return step
        }
        if consumed > 0 {
            if phase == .awaitingHead && headBeganNs == 0 { beginHead() }
            socket.consume(consumed)
        }
        if let broken {
            fail(broken)
            return false
        }
        switch event {
        case .needMore:
            if phase == .awaitingHead && headBeganNs == 0 && socket.inputCount > 0 { beginHead() }
            return consumed > 0
        case .body: break
        case .head(let head): beginBody(head)
        case .end: dispatch()
        case .failed(let error):
            fail(error)
            return false
        }
        return true
    }

    private func beginHead() {
        headBeganNs = context.nowNs
        deadlineNs = headBeganNs + configuration.headDeadline.wholeNanoseconds
    }

    private func beginBody(_ head: HTTPRequestHead) {
        phase = .receivingBody
        self.head = head
        headBeganNs = context.nowNs
        deadlineNs = headBeganNs + configuration.bodyDeadline.wholeNanoseconds
        switch head.fields["content-encoding"]?.lowercased() {
        case nil, "", "identity": decoder = nil
        case "gzip", "x-gzip": decoder = GzipDecoder(maxBytes: configuration.limits.maxBodyBytes)
        default:
            return fail(
                HTTPParseError(
                    .unsupportedMediaType, "The only content coding known is gzip; send the body so, or plain."))
        }
        switch head.framing {
        case .length(let count) where count > 0:
            body.reserveCapacity(count)
            if head.expectsContinue && socket.inputCount == 0 { socket.write(HTTPEncoder.continueHead) }
        case .chunked:
            if head.expectsContinue && socket.inputCount == 0 { socket.write(HTTPEncoder.continueHead) }
        default: break
        }
    }

    private func takeBody(_ bytes: Span<UInt8>, _ range: Range<Int>) -> HTTPParseError? {
        guard let decoder else {
            bytes.append(range, to: &body)
            return nil
        }
        do throws(GzipError) {
            try decoder.decode(bytes.extracting(range), into: &body)
            return nil
        } catch {
            return HTTPConnection.describe(error)
        }
    }

    private static func describe(_ error: GzipError) -> HTTPParseError {
        switch error {
        case .tooLarge: HTTPParseError(.contentTooLarge, "The decompressed body is over the limit.")
        case .malformed: HTTPParseError(.badRequest, "The body is no gzip data, or damaged.")
        case .truncated: HTTPParseError(.badRequest, "The gzip data ends too early.")
        }
    }

    /// The request is whole: hands it on.
    private func dispatch() {
        guard let head else { preconditionFailure("a request ended that had no head") }
        if let decoder, head.framing != .length(0) {
            do throws(GzipError) { try decoder.finish() } catch { return fail(HTTPConnection.describe(error)) }
        }
        let request = HTTPRequest(head: head, body: body, peer: socket.peer)
        self.head = nil
        body = []
        decoder = nil
        phase = .handling
        deadlineNs = nil
        exchangeNumber += 1
        exchange = Exchange(head: head, beganNs: headBeganNs, acceptsGzip: head.fields.acceptsGzip)
        headBeganNs = 0
        context.handler.handle(request, HTTPResponder(connection: self, exchange: exchangeNumber))
    }

    /// The exchange is complete: goes on with the next request, or ends.
    func exchangeEnded(keepAlive: Bool) {
        exchange = nil
        guard keepAlive, !isDraining else { return finish() }
        phase = .awaitingHead
        deadlineNs = context.nowNs + configuration.idleDeadline.wholeNanoseconds
        process()
    }

    /// Nothing more can be understood: answers with the error and closes.
    func fail(_ error: HTTPParseError) {
        var response = HTTPResponse(problem: error.status, detail: error.reason)
        switch error.status {
        case .serviceUnavailable: response.fields.append("Retry-After", "1")
        // All that a body's coding, not its type, may be refused for here.
        case .unsupportedMediaType: response.fields.append("Accept-Encoding", "gzip")
        default: break
        }
        _ = writeWhole(response, to: nil, keepAlive: false)
        let now = context.nowNs
        answered(error.status, head?.method, sinceNs: headBeganNs == 0 ? now : headBeganNs, nowNs: now)
        head = nil
        finish()
    }

    // MARK: Time

    /// Called about once a second.
    func tick(nowNs: UInt64, dateLine: [UInt8]) {
        self.dateLine = dateLine
        let hasTaken = socket.bytesSent != stall.bytesSent
        if phase == .webSocket {
            if hasTaken { stall = (socket.bytesSent, nowNs) }
            return tickWebSocket(nowNs, hasTaken: hasTaken)
        }
        if hasTaken || socket.pendingBytes == 0 {
            stall = (socket.bytesSent, nowNs)
        } else if nowNs - stall.sinceNs > configuration.stallDeadline.wholeNanoseconds {
            return close()
        }
        guard let deadlineNs, nowNs >= deadlineNs else { return }
        switch phase {
        case .awaitingHead where headBeganNs == 0: close()
        case .awaitingHead, .receivingBody:
            fail(HTTPParseError(.requestTimeout, "The request did not arrive in time."))
        case .ending: close()
        case .handling, .webSocket, .closed: break
        }
    }

    /// The server stops: what has begun is finished, the rest closed.
    func drain() {
        isDraining = true
        switch phase {
        case .awaitingHead:
            guard socket.inputCount == 0 else { return }
            if socket.pendingBytes == 0 { close() } else { finish() }
        case .handling:
            guard let current = exchange, current.streams else { return }
            exchange?.onCancel = []
            for cancel in current.onCancel { cancel() }
            streamFinish(exchangeNumber)
        case .webSocket: closeWebSocket(.goingAway, "the server is stopping")
        case .receivingBody, .ending, .closed: break
        }
    }
}
