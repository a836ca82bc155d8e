import Analytics
import Front
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service

/// What a front's circuit breakers ask the stores, on connections of their own: a large answer on its way to somebody else
/// must not make a store look as if it were gone.
struct StoreProbes: Sendable {
    private let redis: RedisClient
    private let postgres: PostgresPool
    private let timeout: Duration

    /// Makes them, not yet connected.
    ///
    /// - Parameters:
    ///   - settings: where the stores are.
    ///   - loop: the front's.
    ///   - timeout: for one probe.
    /// - Throws: `RedisError`, `PostgresError` where an address cannot be used.
    init(_ settings: Settings, loop: EventLoop, timeout: Duration) throws {
        self.timeout = timeout
        var redis = RedisConfiguration(url: try RedisURL(settings[Shared.redis]))
        redis.clientName = "weir-probe"
        redis.connectTimeout = timeout
        redis.waitsForConnection = true
        redis.maxBackoff = .milliseconds(200)
        self.redis = RedisClient(redis, loop: loop)
        var connection = try PostgresConfiguration(settings[Shared.postgres])
        connection.connectTimeout = timeout
        // A server that does not answer would not answer a request to cancel either, and that would block a thread.
        connection.cancelGrace = .zero
        var pool = PostgresPoolConfiguration(connection)
        pool.maxConnections = 1
        pool.leaseTimeout = timeout
        pool.maxBackoff = .milliseconds(200)
        postgres = PostgresPool(pool, loop: loop)
    }

    /// Throws where Redis does not answer in time.
    @Sendable func probeRedis() async throws(StoreError) {
        do throws(RedisError) {
            _ = try await redis.send(RedisCommand("PING"), timeout: timeout)
        } catch {
            throw StoreError(error)
        }
    }

    /// Throws where PostgreSQL does not answer in time.
    @Sendable func probePostgres() async throws(StoreError) {
        let end = ContinuousClock.now + timeout
        do {
            try await postgres.withConnection(timeout: timeout) { connection in
                _ = try await connection.query("SELECT 1", operation: "probe", timeout: max(end - .now, .zero))
            }
        } catch let error as PostgresError {
            throw StoreError(error)
        } catch {
            throw StoreError(.unavailable, store: "postgres", operation: "probe", detail: "\(error)")
        }
    }

    /// Begins to connect.
    func start() async { await redis.start() }

    /// Ends the connections.
    func close() async {
        await redis.close()
        await postgres.close()
    }
}

/// The circuit breakers of a front, and what feeds them.
struct StoreGuard: Sendable {
    let redis: CircuitBreaker
    let postgres: CircuitBreaker
    private let probes: StoreProbes

    /// Makes closed breakers; see `part`.
    init(_ settings: Settings, loop: EventLoop, registry: MetricsRegistry, logger: Logger) throws {
        let configuration = CircuitBreakerMachine.Configuration()
        redis = CircuitBreaker(
            store: "redis", executor: loop, configuration: configuration, registry: registry, logger: logger)
        postgres = CircuitBreaker(
            store: "postgres", executor: loop, configuration: configuration, registry: registry, logger: logger)
        probes = try StoreProbes(settings, loop: loop, timeout: configuration.probeTimeout)
    }

    /// The part of a run group that probes the stores.
    ///
    /// `onChange` is told the name of a store, and whether it is away now.
    func part(executor: any TaskExecutor, onChange: @escaping @Sendable (String, Bool) async -> Void) -> RunPart {
        RunPart("circuit breakers", executor: executor) {
            await probes.start()
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await redis.run(probe: probes.probeRedis, onChange: { await onChange("redis", $0) })
                }
                group.addTask {
                    await postgres.run(probe: probes.probePostgres, onChange: { await onChange("postgres", $0) })
                }
            }
            await probes.close()
        }
    }
}
