package import Reactor
package import Service
internal import Wire

/// An HTTP/1.1 and WebSocket server on one event loop.
///
/// ```swift
/// let server = HTTPServer(loop: loop, handler: router)
/// let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 8080))
/// …
/// await server.shutdown(within: .seconds(8))
/// ```
package actor HTTPServer {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let context: ServerContext
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var ticker: LoopTimer?
    private var dateLine: [UInt8] = []
    private var isStopping = false
    private var whenEmpty: CheckedContinuation<Void, Never>?
    private var shutdownTimer: LoopTimer?

    package init(
        loop: EventLoop, configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        handler: any RequestHandler, observer: (any HTTPServerObserver)? = nil, logger: Logger = .silent,
        time: TimeSource = .system
    ) {
        self.loop = loop
        context = ServerContext(
            loop: loop, configuration: configuration, handler: handler, observer: observer, logger: logger, time: time)
    }

    /// The last reference may go on any thread, while what the server holds belongs to the loop.
    isolated deinit {
        for connection in Array(connections.values) { connection.assumeIsolated { $0.close() } }
    }

    /// Connections open now, WebSockets included.
    package var connectionCount: Int { connections.count }

    /// Accepts connections on `address` too; may be called for several. Returns the address in use, with the real port.
    ///
    /// - Throws: `ReactorError`, `.addressInUse` naming the address where somebody else has it.
    @discardableResult
    package func listen(on address: Endpoint, reusePort: Bool = false) throws(ReactorError) -> Endpoint {
        precondition(!isStopping, "a server that was stopped stays so")
        // Weak, not unowned: see BufferedSocket.
        let listener = try Listener(loop: loop, address: address, reusePort: reusePort) {
            [weak self, context] accepted in
            guard let self else { return }
            let line = assumeIsolated { $0.dateLine }
            let connection = HTTPConnection(context: context, accepted: accepted, dateLine: line) {
                [weak self] closed in
                self?.assumeIsolated { $0.remove(closed) }
            }
            assumeIsolated { $0.add(connection) }
        }
        listeners.append(listener)
        if ticker == nil {
            tick()
            ticker = loop.schedule(after: .seconds(1), repeating: true) { [weak self] in
                self?.assumeIsolated { $0.tick() }
            }
        }
        return listener.address
    }

    /// Stops accepting, finishes what is in flight, closes WebSockets with 1001; what is left after `deadline` is cut off.
    package func shutdown(within deadline: Duration) async {
        guard !isStopping else { return }
        beginStopping()
        if !connections.isEmpty {
            await withCheckedContinuation { continuation in
                whenEmpty = continuation
                shutdownTimer = loop.schedule(after: deadline) { [weak self] in self?.assumeIsolated { $0.cutOff() } }
            }
        }
        shutdownTimer = nil
        ticker = nil
    }

    private func beginStopping() {
        isStopping = true
        for listener in listeners { listener.close() }
        listeners = []
        // Draining may close at once, which changes the table that is walked, so a copy is.
        for connection in Array(connections.values) { connection.assumeIsolated { $0.drain() } }
    }

    private func add(_ connection: HTTPConnection) {
        let isFull = connections.count >= context.configuration.maxConnections
        connections[ObjectIdentifier(connection)] = connection
        context.observer?.connectionOpened()
        connection.assumeIsolated { if isFull { $0.refuse() } else { $0.start() } }
    }

    private func remove(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        context.observer?.connectionClosed()
        if isStopping && connections.isEmpty { noteEmpty() }
    }

    private func noteEmpty() {
        whenEmpty?.resume()
        whenEmpty = nil
    }

    private func cutOff() {
        for connection in Array(connections.values) { connection.assumeIsolated { $0.close() } }
        noteEmpty()
    }

    /// Sweeps deadlines; called once a second.
    func tick() {
        let seconds = Int(context.time.wallMs() / 1_000)
        dateLine = Array("Date: \(HTTPDate.format(secondsSince1970: seconds))\r\n".utf8)
        let now = context.nowNs
        let line = dateLine
        for connection in Array(connections.values) {
            connection.assumeIsolated { $0.tick(nowNs: now, dateLine: line) }
        }
    }
}
