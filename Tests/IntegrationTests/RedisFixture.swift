import Analytics
import Reactor
import Redis
import RedisStore
import Service
import TestKit
import Worker

/// A loop and stores over one Redis database, as a process has them.
struct RedisFixture {
    let loop: EventLoop
    let client: RedisClient
    /// Connections that wait for entries: one for each partition that is worked on.
    let readers: [RedisClient]

    static func start(url: String, name: String = "test", readers count: Int = 1) async throws -> RedisFixture {
        let loop = try EventLoop.start(name: name)
        let configuration = RedisConfiguration(url: try RedisURL(url))
        let fixture = RedisFixture(
            loop: loop, client: RedisClient(configuration, loop: loop),
            readers: (0..<count).map { _ in RedisClient(configuration, loop: loop) })
        await fixture.client.start()
        for reader in fixture.readers { await reader.start() }
        _ = try await fixture.client.session(timeout: .seconds(5))
        return fixture
    }

    func stop() async {
        await client.close()
        for reader in readers { await reader.close() }
        loop.stop()
    }

    var partitionStore: RedisPartitionStore { RedisPartitionStore(client: client, readers: readers) }
    var recentStore: RedisRecentStore { RedisRecentStore(client: client, followers: readers) }

    /// A worker on this fixture's loop that runs until the task is cancelled.
    func worker(
        partition: Int = 0, metrics: [MetricDefinition], lease: Duration = .zero, name: String = "worker",
        _ configure: (inout PartitionWorker.Configuration) -> Void = { _ in }
    ) -> Task<Void, any Error> {
        var configuration = PartitionWorker.Configuration(owner: name)
        configuration.lease = lease
        configure(&configuration)
        let worker = PartitionWorker(
            partition: partition, store: partitionStore, configuration: configuration, executor: loop, logger: .silent,
            metrics: WorkerMetrics(MetricsRegistry()))
        let keeper = DefinitionKeeper(store: partitionStore, logger: .silent)
        return loop.spawn {
            try await keeper.put(metrics)
            try await worker.run()
        }
    }

    /// Everything the partition holds between two seconds, merged by (series, metric).
    func totals(
        partition: Int = 0, from: Int64, to: Int64, definitions: Definitions
    ) async throws -> [SeriesKey: [String: Aggregate]] {
        let store = recentStore
        let series = try await store.series(partition: partition)
        var totals: [SeriesKey: [String: Aggregate]] = [:]
        var rest = series[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(500))
            rest = rest.dropFirst(500)
            let keys = Dictionary(uniqueKeysWithValues: some.map { ($0.number, $0.key) })
            let read = try await store.read(
                partition: partition, series: some.map(\.number), resolution: .tenSeconds, from: from, to: to,
                sets: definitions.sets)
            for bucket in read.buckets + read.sets {
                guard let key = keys[bucket.series] else { continue }
                for section in try RecordCodecAccess.decode(bucket.record).sections {
                    let name = definitions.metrics.first { $0.id == section.metric }?.name ?? "?"
                    totals[key, default: [:]][name, default: Aggregate()].merge(section.aggregate)
                }
            }
        }
        return totals
    }
}
