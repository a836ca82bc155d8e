package import Reactor
internal import Service

/// A connection to one Redis server that is made again whenever it is lost.
///
/// All commands of a client share one socket and are answered in order: one that blocks on the server (`XREAD BLOCK`) holds
/// up the others, so such a reader gets a client of its own. Commands asked for in one turn of the loop leave in one write.
///
/// Nothing is ever sent twice. A command that is not answered in time ends the connection, because later replies would be
/// taken for its own; all that is pending then fails, and `mayHaveRun` says of each whether Redis may have got it.
///
/// Threading: an actor of its loop; callers on the same loop (`EventLoop.spawn`) do not change threads.
package actor RedisClient {
    typealias Outcome = Result<[RedisValue], RedisError>
    typealias Queue = RequestQueue<CheckedContinuation<Outcome, Never>>

    package nonisolated let loop: EventLoop
    package nonisolated let configuration: RedisConfiguration
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// The number of the newest connection, 0 before the first.
    package private(set) var epoch: UInt64 = 0
    /// Whether there is a connection, and why not.
    package private(set) var state = RedisState.disconnected(RedisClient.notStarted)

    /// Commands that are sent and not answered, or wait for a connection.
    package var pendingCommands: Int { inFlight.missing + parked.missing }

    private var link: RedisLink?
    private var isReady = false
    private var inFlight = Queue()
    /// Requests that wait for a connection, and their size.
    private var parked = Queue()
    private var parkedBytes = 0
    private var lastID: UInt64 = 0
    private var timer: LoopTimer?
    private var timerNs = UInt64.max
    private var supervisor: Task<Void, any Error>?
    private var linkEnded: CheckedContinuation<Void, Never>?
    private var observers: [UInt64: AsyncStream<RedisState>.Continuation] = [:]

    /// The reason for having no connection before `start`.
    package static let notStarted = RedisError(.disconnected, "connect", "not started")

    /// Makes a client that connects once it is started.
    package init(_ configuration: RedisConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    isolated deinit {
        // Only a client that was closed, or never started, gets here; what the loop owns is released on its thread.
        timer = nil
        link = nil
    }

    /// Runs `body` with a started client and closes it, whatever `body` does.
    package static func withClient<Success>(
        _ configuration: RedisConfiguration, loop: EventLoop, _ body: (RedisClient) async throws -> Success
    ) async throws -> Success {
        let client = RedisClient(configuration, loop: loop)
        await client.start()
        do {
            let success = try await body(client)
            await client.close()
            return success
        } catch {
            await client.close()
            throw error
        }
    }

    /// Begins to connect, and to connect again whenever the connection is lost, until `close`.
    package func start() {
        guard supervisor == nil else { return }
        supervisor = loop.spawn { [self] in await supervise() }
    }

    /// Ends the connection and all attempts; what is pending fails with `.disconnected`.
    package func close() async {
        supervisor?.cancel()
        lose(RedisError(.disconnected, "close", "the client was closed"))
        _ = await supervisor?.result
        failParked(RedisError(.disconnected, "close", "the client was closed"))
        for observer in observers.values { observer.finish() }
        observers = [:]
        timer = nil
    }

    // MARK: Commands

    /// Sends a command and waits for its reply.
    ///
    /// - Parameters:
    ///   - command: what to run; its `blockTime` is added to the deadline.
    ///   - timeout: from now to the reply; the configuration's `commandTimeout` unless told.
    /// - Returns: the reply, never an error.
    /// - Throws: `.rejected` where Redis answers with an error; otherwise as `pipeline`.
    package func send(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        try await send(command, timeout: timeout, epoch: nil)
    }

    /// Sends all commands in one write and waits for all replies, which come in the same order.
    ///
    /// An error reply is a value (`.error`) here and says nothing about the other commands. Other clients' commands may
    /// run between them.
    ///
    /// - Throws: `.disconnected`, `.timedOut`, `.cancelled`, `.overloaded` or `.malformedReply` for all of them together.
    package func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await pipeline(commands, timeout: timeout, epoch: nil)
    }

    /// The connection there is; waits for one up to `timeout` (the configuration's `commandTimeout` unless told).
    package func session(timeout: Duration? = nil) async throws(RedisError) -> RedisSession {
        if !isReady {
            _ = try await exchange([], "session", timeout ?? configuration.commandTimeout, mayWait: true)
        }
        return RedisSession(epoch: epoch, client: self)
    }

    /// The state now, and every later one. A slow observer sees the newest.
    package func states() -> AsyncStream<RedisState> {
        let (stream, continuation) = AsyncStream.makeStream(of: RedisState.self, bufferingPolicy: .bufferingNewest(1))
        let id = nextID()
        observers[id] = continuation
        continuation.onTermination = { [loop, weak self] _ in
            loop.execute { [weak self] in self?.assumeIsolated { $0.observers[id] = nil } }
        }
        continuation.yield(state)
        return stream
    }

    func send(_ command: RedisCommand, timeout: Duration?, epoch: UInt64?) async throws(RedisError) -> RedisValue {
        guard let reply = try await pipeline([command], timeout: timeout, epoch: epoch).first else {
            preconditionFailure("a command was answered with no reply")
        }
        if case .error(let text) = reply { throw RedisError(.rejected, command.operation, text) }
        return reply
    }

    func pipeline(
        _ commands: [RedisCommand], timeout: Duration?, epoch: UInt64?
    ) async throws(RedisError) -> [RedisValue] {
        guard let first = commands.first else { return [] }
        if let epoch, epoch != self.epoch || !isReady {
            throw RedisError(.disconnected, first.operation, "the session's connection is gone")
        }
        var timeout = timeout ?? configuration.commandTimeout
        for command in commands where command.blockTime > .zero { timeout += command.blockTime }
        return try await exchange(
            commands, first.operation, timeout, mayWait: epoch == nil && configuration.waitsForConnection)
    }

    private func exchange(
        _ commands: [RedisCommand], _ operation: StaticString, _ timeout: Duration, mayWait: Bool,
        isHandshake: Bool = false
    ) async throws(RedisError) -> [RedisValue] {
        let id = nextID()
        let deadlineNs = TimeSource.system.monotonicNs() &+ timeout.wholeNanoseconds
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let request = Queue.Request(
                    id: id, operation: operation, commands: commands, missing: commands.count, deadlineNs: deadlineNs,
                    waiter: continuation)
                submit(request, mayWait: mayWait, isHandshake: isHandshake)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancel(id) } }
        }
        return try outcome.get()
    }

    // MARK: The queues

    private func submit(_ request: Queue.Request, mayWait: Bool, isHandshake: Bool) {
        let bytes = request.commands.reduce(0) { $0 + $1.byteCount }
        if let refusal = refusal(of: request, bytes: bytes) {
            request.waiter?.resume(returning: .failure(refusal))
        } else if let link, isReady || isHandshake {
            write(request, to: link)
        } else if mayWait {
            parkedBytes += bytes
            parked.append(request)
            arm(request.deadlineNs)
        } else {
            request.waiter?.resume(returning: .failure(RedisError(.disconnected, request.operation, reason)))
        }
    }

    private func refusal(of request: Queue.Request, bytes: Int) -> RedisError? {
        let commands = pendingCommands
        guard commands > 0 else { return nil }  // whatever its size, a request alone is let through
        if commands + request.missing > configuration.maxPendingCommands {
            return RedisError(.overloaded, request.operation, "\(commands) commands are pending")
        }
        let unsent = parkedBytes + (link.map { Int($0.queuedBytes - $0.sentBytes) } ?? 0)
        if unsent > 0 && unsent + bytes > configuration.maxPendingBytes {
            return RedisError(.overloaded, request.operation, "\(unsent) bytes are waiting to be sent")
        }
        return nil
    }

    private func write(_ request: Queue.Request, to link: RedisLink) {
        guard request.missing > 0 else {
            request.waiter?.resume(returning: .success([]))
            return
        }
        var request = request
        request.beginsAt = link.queuedBytes
        link.queue(request.commands)
        request.commands = []
        request.replies.reserveCapacity(request.missing)
        inFlight.append(request)
        arm(request.deadlineNs)
        if !link.isFlushScheduled {
            link.isFlushScheduled = true
            loop.execute { [weak self] in self?.assumeIsolated { $0.flush() } }
        }
    }

    private func flush() {
        guard let link else { return }
        link.isFlushScheduled = false
        do throws(RedisError) { try link.flush() } catch { lose(error) }
    }

    private func receive() {
        guard let link else { return }
        do throws(RedisError) {
            try link.receive { reply throws(RedisError) in
                guard let completion = try inFlight.take(reply) else { return }
                completion.waiter?.resume(returning: .success(completion.replies))
            }
        } catch { lose(error) }
    }

    private func cancel(_ id: UInt64) {
        if let request = parked.remove(id: id) {
            parkedBytes -= request.commands.reduce(0) { $0 + $1.byteCount }
            request.waiter?.resume(
                returning: .failure(RedisError(.cancelled, request.operation, "the task was cancelled")))
        } else if let (waiter, operation, beginsAt) = inFlight.abandon(id: id) {
            let error = RedisError(
                .cancelled, operation, "the task was cancelled", mayHaveRun: beginsAt < (link?.sentBytes ?? .max))
            waiter.resume(returning: .failure(error))
        }
    }

    private var reason: String {
        if case .disconnected(let error) = state { "no connection (\(error.operation): \(error.detail))" } else { "" }
    }

    // MARK: Deadlines

    /// One timer for the earliest deadline: it is moved only when an earlier one comes, and looked at again when it fires.
    private func arm(_ deadlineNs: UInt64) {
        guard deadlineNs < timerNs else { return }
        timerNs = deadlineNs
        let after = Duration.nanoseconds(
            Int64(clamping: deadlineNs - min(deadlineNs, TimeSource.system.monotonicNs())) + 1_000_000)
        if let timer {
            timer.reset(after: after)
        } else {
            timer = loop.schedule(after: after) { [weak self] in self?.assumeIsolated { $0.onTimer() } }
        }
    }

    private func onTimer() {
        timerNs = .max
        let nowNs = TimeSource.system.monotonicNs()
        for request in parked.removeExpired(nowNs: nowNs) {
            parkedBytes -= request.commands.reduce(0) { $0 + $1.byteCount }
            request.waiter?.resume(returning: .failure(RedisError(.disconnected, request.operation, reason)))
        }
        if let late = inFlight.firstExpired(nowNs: nowNs) {
            lose(RedisError(.timedOut, late.operation, "no answer in time"), late: nowNs)
        }
        if let next = inFlight.nextDeadlineNs { arm(next) }
        if let next = parked.nextDeadlineNs { arm(next) }
    }

    // MARK: The connection

    private func supervise() async {
        var backoff = Backoff(shortest: configuration.firstBackoff, longest: configuration.maxBackoff)
        while !Task.isCancelled {
            do throws(RedisError) {
                try await connect()
                backoff.reset()
                await withCheckedContinuation { continuation in
                    if link == nil { continuation.resume() } else { linkEnded = continuation }
                }
            } catch {
                lose(error)
                publish(.disconnected(error))
            }
            do { try await Task.sleep(for: backoff.next()) } catch { break }
        }
    }

    private func connect() async throws(RedisError) {
        let descriptor: CInt
        do throws(ReactorError) {
            descriptor = try await loop.openConnection(
                to: configuration.url.endpoint, within: configuration.connectTimeout)
        } catch {
            throw RedisError(.disconnected, "connect", error.description)
        }
        let link = RedisLink(adopting: descriptor)
        guard !Task.isCancelled else { throw RedisError(.cancelled, "connect", "the client was closed") }
        self.link = link
        link.makeWatch(on: loop) { [weak self] in
            self?.assumeIsolated { $0.receive() }
        } onWritable: { [weak self] in
            self?.assumeIsolated { $0.flush() }
        }
        try await handshake()
        epoch += 1
        isReady = true
        publish(.connected(epoch: epoch))
        parkedBytes = 0
        for request in parked.removeAll() { write(request, to: link) }
    }

    private func handshake() async throws(RedisError) {
        var commands: [RedisCommand] = []
        if let password = configuration.url.password {
            var command = RedisCommand("AUTH")
            if let user = configuration.url.user { command.append(user) }
            command.append(password)
            commands.append(command)
        }
        if configuration.url.database != 0 { commands.append(RedisCommand("SELECT", "\(configuration.url.database)")) }
        // A server that is still loading its data, or asks for a password, says so to PING.
        commands.append(RedisCommand("PING"))
        commands.append(RedisCommand("CLIENT", "SETNAME", configuration.clientName))
        let replies = try await exchange(
            commands, "connect", configuration.connectTimeout, mayWait: false, isHandshake: true)
        // The name is a convenience that an ACL may forbid.
        for (command, reply) in zip(commands, replies).dropLast() {
            if case .error(let text) = reply { throw RedisError(.rejected, command.operation, text) }
        }
    }

    /// Gives up the connection, if there is one, and fails all that is in flight.
    private func lose(_ error: RedisError, late nowNs: UInt64 = 0) {
        guard let link else { return }
        self.link = nil
        let wasReady = isReady
        isReady = false
        for request in inFlight.removeAll() {
            let mayHaveRun = request.beginsAt < link.sentBytes
            let isLate = error.code == .timedOut && request.deadlineNs <= nowNs
            let code =
                isLate ? .timedOut : error.code == .malformedReply ? .malformedReply : RedisError.Code.disconnected
            let detail = isLate ? error.detail : "\(error.operation): \(error.detail)"
            request.waiter?.resume(
                returning: .failure(RedisError(code, request.operation, detail, mayHaveRun: mayHaveRun)))
        }
        if wasReady { publish(.disconnected(error)) }
        linkEnded.take()?.resume()
    }

    private func failParked(_ error: RedisError) {
        parkedBytes = 0
        for request in parked.removeAll() {
            request.waiter?.resume(returning: .failure(RedisError(error.code, request.operation, error.detail)))
        }
    }

    private func publish(_ state: RedisState) {
        self.state = state
        for observer in observers.values { observer.yield(state) }
    }

    private func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }
}
