import Analytics
import Reactor
import Redis
import RedisStore
import Service
import Worker

/// `weir work`: the aggregating stream worker.
enum WorkCommand {
    static let listen = Shared.operationListen(port: 8081)
    static let lease = Setting(
        "lease", .duration(.zero ... .seconds(60)), default: .milliseconds(2_500), key: "work.lease",
        help: "After so long without a sign of life another worker takes over; 0s works on all partitions beside it.")

    static let command = Command(
        "work", summary: "aggregates the event streams",
        details: "Reads the streams, folds events into the configured metrics and applies each batch exactly once. "
            + "Several workers may run: they share the partitions, and take over from one that is gone.",
        settings: [listen, Shared.redis, Shared.partitions, Shared.late, lease], check: checkLease)

    /// Leases are renewed some times within their length.
    @Sendable private static func checkLease(_ settings: Settings, _ problems: inout Problems) {
        if settings[lease] > .zero, settings[lease] < .seconds(1) {
            problems.add(lease, in: settings, "a lease is at least 1s, or 0s")
        }
    }

    static func run(_ settings: Settings) async -> ExitCode {
        let logger = settings.logger("work")
        do {
            let loop = try EventLoop.start(name: "work")
            let redis = try RedisConnections(settings, process: "work", loop: loop)
            let registry = MetricsRegistry()
            registry.addProcessMetrics()
            registry.addBuildInfo()
            registry.addLoopDelay(loop)
            let parts = [
                OperationServer.part(on: settings[listen], loop: loop, registry: registry, logger: logger) {
                    await redis.commands.unreadyReasons
                },
                redis.part(logger: logger, executor: loop) { try await redis.requireNoEviction(logger: logger) },
                workers(settings, redis, loop: loop, registry: registry, logger: logger),
            ]
            return await runParts(parts, logger: logger)
        } catch {
            complain("work", "\(error)")
            return .configuration
        }
    }

    private static func workers(
        _ settings: Settings, _ redis: RedisConnections, loop: EventLoop, registry: MetricsRegistry, logger: Logger
    ) -> RunPart {
        // Two containers may have one host name and one process number.
        let owner = "work-\(processName())-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
        var teamConfiguration = WorkerTeam.Configuration(owner: owner)
        teamConfiguration.partitionCount = settings[Shared.partitions]
        // Without leases nobody waits for anybody, and the cursor alone keeps the numbers right.
        let hasLeases = settings[lease] > .zero
        if hasLeases { teamConfiguration.ttl = settings[lease] }
        let team = WorkerTeam(
            store: RedisTeamStore(client: redis.commands), configuration: teamConfiguration, logger: logger)
        registry.function(.gauge, "weir_work_partitions", help: "Partitions that are this worker's share.") {
            Double(team.share)
        }
        var configuration = PartitionWorker.Configuration(owner: owner)
        configuration.limits.lateMs = Int64(settings[Shared.late].components.seconds) * 1_000
        configuration.lease = settings[lease]
        let common = configuration
        let metrics = WorkerMetrics(registry)
        let notices = StoreNotices(settings, logger: logger)
        return RunPart("worker", executor: loop) {
            let store = RedisPartitionStore(client: redis.commands, readers: redis.waiting)
            let keeper = DefinitionKeeper(store: store, logger: logger)
            let watch = ConfigurationWatch(settings, keeper: keeper, loop: loop, logger: logger)
            try await keeper.put(MetricsSection.metrics(settings))
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await watch.run() }
                group.addTask {
                    try await team.run(onLayout: { notices.take($0) }) { partition in
                        var configuration = common
                        if hasLeases { configuration.isWanted = { team.isMine(partition) } }
                        let worker = PartitionWorker(
                            partition: partition, store: store, configuration: configuration, executor: loop,
                            logger: logger, metrics: metrics)
                        try await worker.run()
                    }
                }
            }
        }
    }
}
