import Analytics
import Reactor
import Redis
import RedisStore
import Service
import Worker

/// `weir work`: the aggregating stream worker.
enum WorkCommand {
    static let listen = Shared.operationListen(port: 8081)
    static let command = Command(
        "work", summary: "aggregates the event streams",
        details: "Reads the streams, folds events into the configured metrics and applies each batch exactly once. "
            + "Several workers may run: partitions go to whoever holds their lease.",
        settings: [listen, Shared.redis, Shared.partitions, Shared.late])

    static func run(_ settings: Settings) async -> ExitCode {
        let logger = settings.logger("work")
        do {
            let loop = try EventLoop.start(name: "work")
            let redis = try RedisConnections(
                settings, process: "work", loop: loop, waiting: settings[Shared.partitions])
            let registry = MetricsRegistry()
            registry.addProcessMetrics()
            registry.addLoopDelay(loop)
            let parts = [
                OperationServer.part(on: settings[listen], loop: loop, registry: registry, logger: logger) {
                    await redis.commands.unreadyReasons
                },
                redis.part(logger: logger, executor: loop),
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
        var configuration = PartitionWorker.Configuration(owner: "work-\(processName())")
        configuration.limits.lateMs = Int64(settings[Shared.late].components.seconds) * 1_000
        let metrics = WorkerMetrics(registry)
        let chosen = configuration
        return RunPart("worker", executor: loop) {
            let store = RedisPartitionStore(client: redis.commands, readers: redis.waiting)
            let keeper = DefinitionKeeper(store: store, logger: logger)
            let watch = ConfigurationWatch(settings, keeper: keeper, loop: loop, logger: logger)
            try await keeper.put(MetricsSection.metrics(settings))
            let count = try await store.partitionCount(atLeast: settings[Shared.partitions])
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await watch.run() }
                for partition in 0..<count {
                    let worker = PartitionWorker(
                        partition: partition, store: store, configuration: chosen, executor: loop, logger: logger,
                        metrics: metrics)
                    group.addTask { try await worker.run() }
                }
            }
        }
    }
}
