import Analytics
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service

/// The connections of a process to Redis: one for commands, and one for each partition whose news it waits for, made when it
/// first does.
struct RedisConnections: Sendable {
    let commands: RedisClient
    let waiting: PartitionClients

    /// Makes them, not yet connected.
    ///
    /// - Throws: `RedisError` where the address cannot be used.
    ///
    /// `maxBackoff` is how long they rest at most between attempts to connect.
    init(
        _ settings: Settings, process: String, loop: EventLoop, maxBackoff: Duration = .seconds(5)
    ) throws {
        var configuration = RedisConfiguration(url: try RedisURL(settings[Shared.redis]))
        configuration.clientName = "weir-\(process)"
        configuration.maxBackoff = maxBackoff
        commands = RedisClient(configuration, loop: loop)
        let ofPartitions = configuration
        waiting = PartitionClients { RedisClient(ofPartitions, loop: loop) }
    }

    func start() async { await commands.start() }

    func close() async {
        await waiting.close()
        await commands.close()
    }

    /// Waits for Redis, makes sure that it has our functions in a version this program can use, and does what else must be
    /// done with it first.
    ///
    /// A Redis that is not there yet is waited for; one that has newer functions is refused.
    ///
    /// - Parameters:
    ///   - logger: told that Redis is waited for.
    ///   - maxAttempts: after so many it is not waited for any more.
    ///   - finish: what else must be done.
    /// - Returns: whether all of it was done.
    /// - Throws: `StoreError` and `StartError` where this Redis cannot be used; `CancellationError`.
    @discardableResult
    func prepare(
        logger: Logger, maxAttempts: Int = .max, _ finish: () async throws -> Void
    ) async throws -> Bool {
        var backoff = Backoff(shortest: .milliseconds(100), longest: .seconds(2))
        var attempts = 0
        var isTold = false
        // The first attempt to connect is under way: no word of waiting before it has failed.
        _ = try? await commands.session(timeout: .seconds(1))
        while !Task.isCancelled {
            do {
                try await RedisScripts(client: commands).require()
                try await finish()
                return true
            } catch let error as StoreError {
                guard error.code == .unavailable || error.code == .timedOut else { throw error }
                attempts += 1
                guard attempts < maxAttempts else { return false }
                if !isTold { logger.warning("waiting for Redis", ["reason": "\(error.detail)"]) }
                isTold = true
            }
            try await Task.sleep(for: backoff.next())
        }
        return false
    }

    /// Makes sure that Redis does not throw away what was accepted when it is full.
    ///
    /// - Throws: `StartError` where it would. Without a limit it does not, but might be given one: that is only told.
    func requireNoEviction(logger: Logger) async throws {
        guard let memory = try await RedisMemory.read(commands), memory.policy != "noeviction" else { return }
        let words = StoreNotices.eviction(memory)
        guard memory.evicts else {
            return logger.warning("once Redis has a limit (maxmemory): \(words)")
        }
        throw StartError(.configuration, words)
    }

    /// The part of a run group that connects and, at the end, closes.
    ///
    /// - Parameters:
    ///   - logger: told that Redis is waited for.
    ///   - executor: the event loop.
    ///   - startsWithout: whether the next part starts though Redis does not answer; it is then waited for as the part runs.
    ///   - finish: what must be done with Redis before it is used.
    /// - Returns: the part.
    func part(
        logger: Logger, executor: any TaskExecutor, startsWithout: Bool = false,
        _ finish: @escaping @Sendable () async throws -> Void = {}
    ) -> RunPart {
        let isPrepared = Lock(false)
        return RunPart(
            "redis", executor: executor,
            start: {
                await start()
                let isDone = try await prepare(logger: logger, maxAttempts: startsWithout ? 1 : .max, finish)
                isPrepared.withLock { $0 = isDone }
            },
            run: {
                do {
                    if !isPrepared.withLock({ $0 }) { try await prepare(logger: logger, finish) }
                    await waitForCancellation()
                } catch {
                    await close()
                    throw error
                }
                await close()
            })
    }
}

/// The pool of connections to PostgreSQL.
func postgresPool(
    _ settings: Settings, process: String, loop: EventLoop, maxConnections: Int, failsFast: Bool,
    maxBackoff: Duration = .seconds(5)
) throws -> PostgresPool {
    let connection = try PostgresConfiguration(settings[Shared.postgres])
    var pool = PostgresPoolConfiguration(connection)
    pool.maxConnections = maxConnections
    pool.failsFast = failsFast
    pool.maxBackoff = maxBackoff
    return PostgresPool(pool, loop: loop)
}
