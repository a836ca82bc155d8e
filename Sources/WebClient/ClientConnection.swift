internal import Deflate
internal import Reactor
internal import Wire

/// One connection of a client, carrying one request at a time.
actor ClientConnection: SocketHandler {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let socket: BufferedSocket
    private let limits: HTTPLimits
    private var parser: HTTPResponseParser
    private var waiting: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>?
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private var timer: LoopTimer?
    /// True while another request may be sent.
    private(set) var isUsable = true
    /// True once a byte of the current answer has come.
    private(set) var sawAnswer = false

    init(loop: EventLoop, socket: consuming ConnectedSocket, limits: HTTPLimits) {
        self.loop = loop
        self.limits = limits
        parser = HTTPResponseParser(limits: limits)
        self.socket = BufferedSocket(loop: loop, adopting: socket)
    }

    /// The last reference may go on any thread; the socket belongs to the loop.
    isolated deinit { socket.close() }

    func start() { socket.start(self) }

    /// Sends `request` and waits for the whole answer.
    func send(
        _ request: HTTPClientRequest, endpoint: HTTPEndpoint, acceptsGzip: Bool, timeout: Duration
    ) async -> Result<HTTPClientResponse, HTTPClientError> {
        precondition(waiting == nil, "one request at a time")
        guard isUsable else { return .failure(HTTPClientError(.disconnected, "\(endpoint): the connection has ended")) }
        sawAnswer = false
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiting = continuation
                guard !Task.isCancelled else { return fail(.cancelled, "the request was cancelled") }
                timer = loop.schedule(after: timeout) { [unowned self] in
                    assumeIsolated { $0.fail(.timedOut, "\(endpoint) did not answer in time") }
                }
                parser.begin(method: request.method)
                write(request, endpoint, acceptsGzip: acceptsGzip)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.fail(.cancelled, "the request was cancelled") } }
        }
    }

    /// Closes now; a request under way fails.
    func close() { fail(.cancelled, "the client was closed") }

    private func write(_ request: HTTPClientRequest, _ endpoint: HTTPEndpoint, acceptsGzip: Bool) {
        var fields = request.fields
        if acceptsGzip { fields.append("Accept-Encoding", "gzip") }
        let hasBody: Bool
        switch request.method {
        case .post, .put, .patch: hasBody = true
        default: hasBody = !request.body.isEmpty
        }
        socket.cork()
        socket.write { output in
            HTTPEncoder.appendRequestHead(
                request.method, target: endpoint.basePath + request.target, host: endpoint.host, fields: fields,
                length: hasBody ? .fixed(request.body.count) : .unstated, to: &output)
        }
        socket.write(request.body)
        socket.uncork()
    }

    // MARK: Socket

    nonisolated func socketCanRead() { assumeIsolated { $0.read() } }

    nonisolated func socketInputEnded() {
        assumeIsolated { connection in
            if connection.parser.connectionEnded() {
                connection.complete()
            } else {
                connection.fail(.disconnected, "the server hung up before it had answered")
            }
        }
    }

    nonisolated func socketDrained() {}

    nonisolated func socketClosed(_ error: ReactorError?) {
        assumeIsolated { $0.fail(.disconnected, error?.description ?? "the connection has ended") }
    }

    private func read() {
        sawAnswer = true
        while !socket.isClosed {
            let (consumed, event) = socket.withInput { bytes in
                let step = parser.next(bytes)
                if case .body(let range) = step.event { bytes.append(range, to: &body) }
                return step
            }
            socket.consume(consumed)
            switch event {
            case .needMore: if consumed == 0 { return }
            case .head(let head): self.head = head
            case .body: break
            case .end: return complete()
            case .failed(let error): return fail(.malformedAnswer, error.reason)
            }
        }
    }

    private func complete() {
        guard let head else { return fail(.malformedAnswer, "an answer without a head") }
        let received = body
        self.head = nil
        body = []
        if !head.keepAlive || socket.inputCount > 0 { retire() }
        guard head.fields["content-encoding"]?.lowercased() == "gzip", !received.isEmpty else {
            return resume(.success(HTTPClientResponse(head: head, body: received)))
        }
        let decoder = GzipDecoder(maxBytes: limits.maxBodyBytes)
        var plain: [UInt8] = []
        do throws(GzipError) {
            try decoder.decode(received.span, into: &plain)
            try decoder.finish()
            resume(.success(HTTPClientResponse(head: head, body: plain)))
        } catch {
            resume(.failure(HTTPClientError(.malformedAnswer, "the answer's gzip data is \(error)")))
        }
    }

    private func fail(_ code: HTTPClientError.Code, _ detail: String) {
        retire()
        resume(.failure(HTTPClientError(code, detail)))
    }

    private func retire() {
        isUsable = false
        socket.close()
    }

    private func resume(_ result: Result<HTTPClientResponse, HTTPClientError>) {
        timer = nil
        waiting?.resume(returning: result)
        waiting = nil
    }
}
