package import Reactor
internal import Service

/// How a `PostgresPool` behaves.
package struct PostgresPoolConfiguration: Sendable {
    package var connection: PostgresConfiguration
    /// Connections at the same time, 1 or more; none is kept without need. Default 4.
    package var maxConnections = 4
    /// Callers that wait for a connection; more are refused as `.overloaded`. Default 256.
    package var maxWaiting = 256
    /// How long a caller waits for a connection, unless the call says otherwise. Default 5 s.
    package var leaseTimeout = Duration.seconds(5)
    /// Whether callers are refused at once while the server cannot be reached, instead of waiting. Default no.
    package var failsFast = false
    /// A connection that was idle for longer is tried with a round trip before it is used. Default 30 s.
    package var checkAfter = Duration.seconds(30)
    /// A connection that was idle for longer is closed. Default 5 min.
    package var closeAfter = Duration.seconds(300)
    /// After a failed attempt to connect, the pause is a random part of a span that begins here and doubles. Default 50 ms.
    package var firstBackoff = Duration.milliseconds(50)
    /// The greatest such span. Default 5 s.
    package var maxBackoff = Duration.seconds(5)

    package init(_ connection: PostgresConfiguration) { self.connection = connection }
}

/// A few connections to one server, lent out one caller at a time.
///
/// What a caller sets on a session (advisory locks, temporary tables, SET) outlives the lease: undo it, or `close()` the
/// connection. One that comes back with an open transaction is closed.
///
/// Threading: an actor of its loop; callers on the same loop (`EventLoop.spawn`) do not change threads.
package actor PostgresPool {
    private struct Lease: Sendable {
        let id: Int
        let connection: PostgresConnection
        let idleSinceNs: UInt64
    }
    private typealias Outcome = Result<Lease, PostgresError>

    package nonisolated let loop: EventLoop
    package nonisolated let configuration: PostgresPoolConfiguration
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var machine: PoolMachine
    private var connections: [Int: PostgresConnection] = [:]
    private var waiters: [UInt64: (CheckedContinuation<Outcome, Never>, LoopTimer)] = [:]
    private var lastRequest: UInt64 = 0
    private var backoff: Backoff
    private var lastFailure: PostgresError?
    private var retryTimer: LoopTimer?
    private var idleTimer: LoopTimer?

    /// Makes a pool without connections; they come with the first callers.
    package init(_ configuration: PostgresPoolConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
        machine = PoolMachine(
            maxConnections: configuration.maxConnections, maxWaiting: configuration.maxWaiting,
            failsFast: configuration.failsFast)
        backoff = Backoff(shortest: configuration.firstBackoff, longest: configuration.maxBackoff)
    }

    isolated deinit {
        // Timers and connections belong to the loop's thread.
        retryTimer = nil
        idleTimer = nil
        connections = [:]
    }

    /// Lends a connection to `body` and takes it back whatever `body` does.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for a connection; the configuration's `leaseTimeout` unless told.
    ///   - body: uses the connection, and does not keep it.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw; or `.timedOut`, `.disconnected`, `.overloaded`, `.cancelled` where none was to be had.
    package nonisolated func withConnection<Success>(
        timeout: Duration? = nil, _ body: (PostgresConnection) async throws -> Success
    ) async throws -> Success {
        let lease = try await lease(timeout)
        do {
            let success = try await body(lease.connection)
            await release(lease)
            return success
        } catch {
            await release(lease)
            throw error
        }
    }

    /// As `withConnection`, with all of `body` in one transaction; see `PostgresConnection.withTransaction`.
    package nonisolated func withTransaction<Success>(
        isolation: PostgresIsolation = .readCommitted, isReadOnly: Bool = false, timeout: Duration? = nil,
        _ body: (PostgresConnection) async throws -> Success
    ) async throws -> Success {
        try await withConnection(timeout: timeout) { connection in
            try await connection.withTransaction(isolation: isolation, isReadOnly: isReadOnly) {
                try await body(connection)
            }
        }
    }

    /// Runs one statement on a connection of the pool; see `PostgresConnection.query`.
    package nonisolated func query(
        _ sql: String, _ parameters: [PostgresParameter] = [], operation: StaticString = "query",
        timeout: Duration? = nil
    ) async throws(PostgresError) -> QueryResult {
        let lease = try await lease(nil)
        do throws(PostgresError) {
            let result = try await lease.connection.query(sql, parameters, operation: operation, timeout: timeout)
            await release(lease)
            return result
        } catch {
            await release(lease)
            throw error
        }
    }

    /// Connections there are or that are being made, how many of them are lent out, and how many callers wait.
    package var counts: (connections: Int, leased: Int, waiting: Int) {
        (machine.connectionCount, machine.leasedCount, machine.waitingCount)
    }

    /// Refuses callers from now on and closes the connections, those that are lent out when they come back.
    package func close() {
        retryTimer = nil
        idleTimer = nil
        perform(machine.close())
    }

    // MARK: Leases

    private func lease(_ timeout: Duration?) async throws(PostgresError) -> Lease {
        let deadline = Deadline(timeout ?? configuration.leaseTimeout)
        while true {
            let lease = try await nextLease(within: deadline.left)
            if await isUsable(lease) { return lease }
            await lease.connection.close()
            await release(lease)
        }
    }

    private func nextLease(within timeout: Duration) async throws(PostgresError) -> Lease {
        lastRequest += 1
        let request = lastRequest
        let outcome: Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let timer = loop.schedule(after: timeout) { [weak self] in
                    self?.assumeIsolated { $0.giveUp(request, .timedOut) }
                }
                waiters[request] = (continuation, timer)
                perform(machine.request(request))
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.giveUp(request, .cancelled) } }
        }
        return try outcome.get()
    }

    private func giveUp(_ request: UInt64, _ code: PostgresError.Code) {
        guard machine.withdraw(request) else { return }
        let message =
            code == .cancelled
            ? "the task was cancelled" : "no connection became free in time" + (lastFailure.map { "; \($0)" } ?? "")
        answer(request, .failure(PostgresError(code, "lease", message)))
    }

    private func isUsable(_ lease: Lease) async -> Bool {
        let idleNs = TimeSource.system.monotonicNs() - lease.idleSinceNs
        guard idleNs > configuration.checkAfter.wholeNanoseconds else { return await lease.connection.isOpen }
        return (try? await lease.connection.execute(script: "SELECT 1", operation: "check", timeout: .seconds(1)))
            != nil
    }

    private func release(_ lease: Lease) async {
        let isReusable = await lease.connection.isReusable
        perform(machine.released(lease.id, isReusable: isReusable, nowNs: TimeSource.system.monotonicNs()))
        if connections[lease.id] == nil { await lease.connection.close() }
    }

    private func answer(_ request: UInt64, _ outcome: Outcome) {
        guard let (continuation, timer) = waiters.removeValue(forKey: request) else { return }
        timer.cancel()
        continuation.resume(returning: outcome)
    }

    // MARK: What the machine decides

    private func perform(_ actions: [PoolMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id): loop.spawn { [self] in await connect(id) }
            case .lease(let id, let request, let idleSinceNs):
                guard let connection = connections[id] else { preconditionFailure("no connection \(id) to lease") }
                answer(request, .success(Lease(id: id, connection: connection, idleSinceNs: idleSinceNs)))
            case .refuse(let request, let refusal): answer(request, .failure(error(refusal)))
            case .close(let id):
                if let connection = connections.removeValue(forKey: id) { connection.assumeIsolated { $0.close() } }
            case .pauseBeforeRetry:
                retryTimer = loop.schedule(after: backoff.next()) { [weak self] in
                    self?.assumeIsolated { $0.perform($0.machine.retry()) }
                }
            }
        }
    }

    private func error(_ refusal: PoolMachine.Refusal) -> PostgresError {
        switch refusal {
        case .tooManyWaiting:
            PostgresError(.overloaded, "lease", "\(configuration.maxWaiting) callers wait for a connection already")
        case .serverAway:
            PostgresError(.disconnected, "lease", lastFailure?.message ?? "the server cannot be reached")
        case .closed: PostgresError(.disconnected, "lease", "the pool is closed")
        }
    }

    private func connect(_ id: Int) async {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration.connection, loop: loop)
            await connection.onLoss { [weak self] in
                // The loss may be noticed while the pool is at work, so it is told in the loop's next turn.
                self?.loop.execute { [weak self] in self?.assumeIsolated { $0.lost(id) } }
            }
            backoff.reset()
            lastFailure = nil
            connections[id] = connection
            watchIdle()
            perform(machine.connected(id, nowNs: TimeSource.system.monotonicNs()))
        } catch {
            lastFailure = error
            perform(machine.connectFailed(id))
        }
    }

    private func lost(_ id: Int) {
        guard connections[id] != nil else { return }
        machine.lost(id)
        connections[id] = nil
    }

    private func watchIdle() {
        guard idleTimer == nil else { return }
        let period = max(configuration.closeAfter / 4, .milliseconds(10))
        idleTimer = loop.schedule(after: period, repeating: true) { [weak self] in
            self?.assumeIsolated { pool in
                let now = TimeSource.system.monotonicNs()
                let age = pool.configuration.closeAfter.wholeNanoseconds
                pool.perform(pool.machine.closeIdle(since: now > age ? now - age : 0))
            }
        }
    }
}
