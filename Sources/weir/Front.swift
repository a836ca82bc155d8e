import Analytics
import Dashboard
import Front
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service
import WebServer
import Wire

/// The parts of a front, wired together.
struct Front: Sendable {
    private let settings: Settings
    private let logger: Logger
    private let loop: EventLoop
    private let redis: RedisConnections
    private let pool: PostgresPool
    private let compaction: CompactionMetrics
    private let audit: AuditMetrics
    private let isDraining = Lock(false)
    private let registry = MetricsRegistry()
    private let engine: QueryEngine
    private let hub: LiveHub
    private let guards: StoreGuard
    private let status: StatusBoard
    private let log: RedisEventLog
    private let guardedLog: GuardedEventLog
    private let queue: IngestQueue
    private let server: HTTPServer

    init(_ settings: Settings, tokens: Tokens, boards: [Board], logger: Logger) throws {
        self.settings = settings
        self.logger = logger
        loop = try EventLoop.start(name: "serve")
        registry.addProcessMetrics()
        registry.addBuildInfo()
        registry.addLoopDelay(loop)
        let guards = try StoreGuard(settings, loop: loop, registry: registry, logger: logger)
        self.guards = guards
        // Whoever asks while a store is away is answered at once, so trying often harms nobody.
        let redis = try RedisConnections(settings, process: "serve", loop: loop, maxBackoff: .milliseconds(500))
        self.redis = redis
        let recent = RedisRecentStore(client: redis.commands, followers: redis.waiting)
        let pool = try postgresPool(
            settings, process: "serve", loop: loop, maxConnections: 4, failsFast: true, maxBackoff: .milliseconds(500))
        self.pool = pool
        let work = WorkThread(name: "queries")
        let history = PostgresHistoryStore(pool: pool, work: work)
        compaction = CompactionMetrics(registry, history: history, breaker: guards.postgres)
        let cacheBytes = settings[ServeCommand.queryCache].bytes
        let cache = cacheBytes == 0 ? nil : HistoryCache(maxBytes: cacheBytes)
        engine = QueryEngine(
            executor: loop, recent: GuardedRecentStore(recent, guards.redis),
            history: GuardedHistoryStore(history, guards.postgres), cache: cache, work: work,
            configured: MetricsSection.metrics(settings),
            logger: logger, metrics: FrontMetrics(registry))
        status = StatusBoard(
            version: Weir.version, recent: RedisStatusStore(client: redis.commands), history: history,
            redisBreaker: guards.redis, postgresBreaker: guards.postgres)
        let loop = loop
        var live = LiveConfiguration()
        live.maxStandingBytes = settings[ServeCommand.lastHour].bytes
        let hub = LiveHub(
            executor: loop, store: recent, history: engine, cache: cache, configuration: live, logger: logger,
            metrics: LiveMetrics(registry),
            makeAlarm: { body in loop.schedule(after: .seconds(3_600), body) },
            isStoreAway: { guards.redis.isOpen })
        self.hub = hub
        log = RedisEventLog(
            client: redis.commands, partitionCount: settings[Shared.partitions],
            idempotency: settings[ServeCommand.idempotency])
        guardedLog = GuardedEventLog(log, guards.redis, isPrepared: false)
        queue = IngestQueue(executor: loop, log: guardedLog)
        let pages = DashboardFiles(libraryFolder: settings[ServeCommand.chartLibrary])
        if !pages.missingLibraryFiles.isEmpty {
            logger.warning(
                "the dashboard has no charts: install the package libjs-dygraphs, or name its folder by --chart-library",
                ["missing": "\(pages.missingLibraryFiles.joined(separator: ", "))"])
        }
        var parts = FrontRoutes.Parts(
            engine: engine, queue: queue, memory: hub, pages: pages, tokens: tokens, registry: registry,
            live: Self.live(hub, allowedOrigins: settings[ServeCommand.allowOrigin]),
            unreadyReasons: { [isDraining] in
                if isDraining.withLock({ $0 }) { return ["this front is stopping"] }
                let reasons = await redis.commands.unreadyReasons
                if !reasons.isEmpty { return reasons }
                if guards.redis.isOpen { return ["Redis does not answer"] }
                return await hub.isCurrent ? [] : ["the recent past is still being read"]
            })
        parts.liveStream = { request, responder in hub.serveStream(request, responder) }
        parts.metrics = FrontMetrics(registry, cache: cache)
        let auditReader = AuditReader(
            books: GuardedBooksStore(RedisBooksStore(client: redis.commands), guards.redis),
            history: GuardedHistoryBooks(history, guards.postgres), logger: logger)
        parts.audit = auditReader
        audit = AuditMetrics(registry, reader: auditReader)
        parts.refused = RefusedDesk(
            store: GuardedRefusedStore(RedisRefusedStore(client: redis.commands), guards.redis))
        parts.boards = BoardShelf(
            store: GuardedBoardStore(PostgresBoardStore(pool: pool), guards.postgres), configured: boards)
        parts.status = status
        parts.lateMs = Int64(settings[Shared.late].components.seconds) * 1_000
        let serverConfiguration = HTTPServerConfiguration()
        registry.gauge("weir_http_max_connections", help: "Connections that may be open at once.")
            .set(Double(serverConfiguration.maxConnections))
        server = HTTPServer(
            loop: loop, configuration: serverConfiguration, handler: FrontRoutes(parts),
            observer: HTTPServerMetrics(registry: registry), logger: logger)
    }

    /// In the order of their start; they stop in the reverse one.
    func parts() -> [RunPart] {
        let notices = StoreNotices(settings, logger: logger)
        let usedMemory = registry.gauge(
            "weir_redis_used_memory_bytes", help: "Memory of Redis that counts against its maxmemory, in bytes.")
        let maxMemory = registry.gauge(
            "weir_redis_max_memory_bytes", help: "Limit of Redis' memory (maxmemory), in bytes; 0 where there is none.")
        return [
            guards.part(executor: loop) { [hub] store, isAway in await hub.setMissing(store, isAway) },
            redis.part(logger: logger, executor: loop, startsWithout: true) {
                try await redis.requireNoEviction(logger: logger)
                notices.take(try await log.readLayout())
                guardedLog.prepared()
            },
            RunPart("log", executor: loop) {
                await log.run(
                    onLayout: { notices.take($0) },
                    onMemory: { memory in
                        usedMemory.set(Double(memory.usedBytes))
                        maxMemory.set(Double(memory.maxBytes))
                        notices.take(memory)
                    })
            },
            RunPart("postgres", executor: loop) {
                await waitForCancellation()
                await pool.close()
            },
            RunPart("compaction metrics", executor: loop) { await compaction.run() },
            RunPart("audit metrics", executor: loop) { await audit.run() },
            RunPart("status", executor: loop) { await status.run() },
            RunPart("live", executor: loop, start: { await engine.use(memory: hub) }, run: { await hub.run() }),
            RunPart("ingest", executor: loop) { await queue.run() },
            serverPart(
                "http", server, on: settings[ServeCommand.listen], logger: logger, drain: settings[ServeCommand.drain],
                onDrain: { [isDraining] in isDraining.withLock { $0 = true } }),
        ]
    }

    /// The route of the live WebSocket: open to pages of this front, and of the origins that were allowed.
    private static func live(_ hub: LiveHub, allowedOrigins: [String]) -> Router.Handle {
        { request, responder in
            if let origin = request.fields["origin"] {
                let host = origin.split(separator: "/", maxSplits: 2).last.map(String.init)
                guard host == request.fields["host"] || allowedOrigins.contains(origin) else {
                    return responder.respond(
                        HTTPResponse(
                            problem: .forbidden,
                            detail: "Pages of \(origin) may not connect here; allow it by --allow-origin."))
                }
            }
            hub.serve(responder)
        }
    }
}

extension LoopTimer: LiveAlarm {}
