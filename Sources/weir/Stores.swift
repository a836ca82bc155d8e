import Analytics
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service

/// The connections of a process to Redis: one for commands, and one for each partition whose news it waits for.
struct RedisConnections: Sendable {
    let commands: RedisClient
    let waiting: [RedisClient]

    /// Makes them, not yet connected.
    ///
    /// - Throws: `RedisError` where the address cannot be used.
    init(_ settings: Settings, process: String, loop: EventLoop, waiting count: Int) throws {
        var configuration = RedisConfiguration(url: try RedisURL(settings[Shared.redis]))
        configuration.clientName = "weir-\(process)"
        commands = RedisClient(configuration, loop: loop)
        waiting = (0..<count).map { _ in RedisClient(configuration, loop: loop) }
    }

    func start() async {
        await commands.start()
        for client in waiting { await client.start() }
    }

    func close() async {
        for client in waiting { await client.close() }
        await commands.close()
    }

    /// Waits for Redis, and makes sure that it has our functions in a version this program can use.
    ///
    /// A Redis that is not there yet is waited for; one that has newer functions is refused.
    func prepare(logger: Logger) async throws {
        var backoff = Backoff(shortest: .milliseconds(100), longest: .seconds(5))
        var isTold = false
        // The first attempt to connect is under way: no word of waiting before it has failed.
        _ = try? await commands.session(timeout: .seconds(1))
        while !Task.isCancelled {
            do throws(StoreError) {
                try await RedisScripts(client: commands).require()
                return
            } catch {
                // A pattern with `where` on a typed error crashes the compiler (6.3.1).
                guard error.code == .unavailable || error.code == .timedOut else { throw error }
                if !isTold { logger.warning("waiting for Redis", ["reason": "\(error.detail)"]) }
                isTold = true
            }
            try await Task.sleep(for: backoff.next())
        }
    }

    /// The part of a run group that connects and, at the end, closes.
    func part(logger: Logger, executor: any TaskExecutor) -> RunPart {
        RunPart(
            "redis", executor: executor,
            start: {
                await start()
                try await prepare(logger: logger)
            },
            run: {
                await waitForCancellation()
                await close()
            })
    }
}

/// The pool of connections to PostgreSQL.
func postgresPool(
    _ settings: Settings, process: String, loop: EventLoop, maxConnections: Int, failsFast: Bool
) throws -> PostgresPool {
    let connection = try PostgresConfiguration(settings[Shared.postgres])
    var pool = PostgresPoolConfiguration(connection)
    pool.maxConnections = maxConnections
    pool.failsFast = failsFast
    return PostgresPool(pool, loop: loop)
}
