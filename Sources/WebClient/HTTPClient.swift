package import Reactor
package import Wire

/// How an `HTTPClient` behaves.
package struct HTTPClientConfiguration: Sendable {
    /// Requests under way at once; more wait in line. Default 4.
    package var maxConnections = 4
    /// From asking to the whole answer, the wait in line included; default 30 s.
    package var timeout = Duration.seconds(30)
    /// To make a connection; default 5 s.
    package var connectTimeout = Duration.seconds(5)
    /// Sizes of answers; default 64 MiB of body.
    package var limits: HTTPLimits
    package var acceptsGzip = true

    package init() {
        limits = HTTPLimits()
        limits.maxBodyBytes = 64 * 1024 * 1024
    }
}

/// A client of one HTTP server: keeps a few connections and uses them again.
///
/// A request that may safely be sent twice is sent again where a kept connection turns out to have ended meanwhile.
package actor HTTPClient {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    package nonisolated let endpoint: HTTPEndpoint
    private let configuration: HTTPClientConfiguration
    private var idle: [ClientConnection] = []
    private var open = 0
    private var line: [CheckedContinuation<Void, Never>] = []

    package init(
        loop: EventLoop, endpoint: HTTPEndpoint, configuration: HTTPClientConfiguration = HTTPClientConfiguration()
    ) {
        self.loop = loop
        self.endpoint = endpoint
        self.configuration = configuration
    }

    /// Sends `request` and waits for the whole answer, whatever its status.
    ///
    /// - Throws: `HTTPClientError`; `mayHaveRun` says whether the server may have seen the request.
    package func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let deadline = ContinuousClock.now + configuration.timeout
        if open >= configuration.maxConnections {
            await withCheckedContinuation { line.append($0) }
        } else {
            open += 1
        }
        defer { release() }
        while let kept = idle.popLast() {
            guard await kept.isUsable else { continue }
            let result = await ask(kept, request, until: deadline)
            if case .failure(let error) = result, error.code == .disconnected, request.isIdempotent,
                await !kept.sawAnswer
            {
                break
            }
            return try result.get()
        }
        let made = try await connect(until: deadline)
        return try await ask(made, request, until: deadline).get()
    }

    /// Closes the kept connections.
    package func close() async {
        let closing = idle
        idle = []
        for connection in closing { await connection.close() }
    }

    private func ask(
        _ connection: ClientConnection, _ request: HTTPClientRequest, until deadline: ContinuousClock.Instant
    ) async -> Result<HTTPClientResponse, HTTPClientError> {
        let result = await connection.send(
            request, endpoint: endpoint, acceptsGzip: configuration.acceptsGzip, timeout: deadline - .now)
        if await connection.isUsable { idle.append(connection) }
        return result
    }

    private func connect(until deadline: ContinuousClock.Instant) async throws(HTTPClientError) -> ClientConnection {
        let timeout = min(configuration.connectTimeout, deadline - .now)
        let connection = try await ClientConnection.dial(endpoint, loop, configuration.limits, timeout: timeout)
        await connection.start()
        return connection
    }

    /// Hands the place to who waits longest.
    private func release() {
        if line.isEmpty { open -= 1 } else { line.removeFirst().resume() }
    }
}

extension ClientConnection {
    fileprivate static func dial(
        _ endpoint: HTTPEndpoint, _ loop: EventLoop, _ limits: HTTPLimits, timeout: Duration
    ) async throws(HTTPClientError) -> ClientConnection {
        do throws(ReactorError) {
            let socket = try await loop.openSocket(to: endpoint.address, within: timeout)
            return ClientConnection(loop: loop, socket: socket, limits: limits)
        } catch {
            throw HTTPClientError(connecting: error)
        }
    }
}
