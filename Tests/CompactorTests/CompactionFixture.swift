import Analytics
import Compactor
import Postgres
import PostgresStore
import Reactor
import Service
import TestKit

/// 2026-11-23 10:00 UTC.
let tenOClock: Int64 = 1_795_428_000_000

/// Redis in memory and PostgreSQL as it is, with the compaction between them.
struct CompactionFixture {
    static let definitions = Definitions(
        version: 1,
        metrics: [
            .events, MetricDefinition(id: MetricID(rawValue: 1), name: "time", kind: .distribution, by: ["a"]),
            MetricDefinition(id: MetricID(rawValue: 2), name: "size", kind: .distribution, by: ["a"]),
        ])

    let redis: MemoryRedis
    let loop: EventLoop
    let server: PostgresServer
    let database: String
    /// Who the compaction is in PostgreSQL.
    let role: String

    /// `isRestricted`: the compaction is a role that owns nothing, and may only connect, make temporary tables (as everybody), and
    /// use and create in a schema that an administrator has made; it migrates itself.
    init(
        partitions: Int = 1, series: Int = 3, nowMs: Int64 = tenOClock, isRestricted: Bool = false
    ) async throws {
        let keys = (0..<series).map {
            SeriesKey(group: "a", labels: LabelSet([.init(name: "a", value: "\($0)")]))
        }
        redis = MemoryRedis(
            partitions: partitions, definitions: Self.definitions, series: Array(repeating: keys, count: partitions),
            nowMs: nowMs)
        loop = try EventLoop.start(name: "compactor-test")
        server = try await PostgresServer.shared()
        if isRestricted {
            database = try await server.createDatabase()
            role = "restricted_\(database)"
            _ = try await server.query(
                """
                CREATE ROLE \(role) LOGIN;
                REVOKE ALL ON DATABASE \(database) FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE \(database) TO \(role);
                REVOKE ALL ON SCHEMA public FROM PUBLIC;
                CREATE SCHEMA weir; GRANT USAGE, CREATE ON SCHEMA weir TO \(role)
                """, database: database)
            let configuration = try configuration
            _ = try await loop.run { [loop] in try await MigrationRunner(configuration, loop: loop).run() }
            return
        }
        role = server.user
        let template = try await server.template("migrated for the compactor") { [server] name in
            let loop = try EventLoop.start(name: "migrate")
            defer { loop.stop() }
            let configuration = try PostgresConfiguration(server.url(database: name))
            _ = try await loop.run { try await MigrationRunner(configuration, loop: loop).run() }
        }
        database = try await server.createDatabase(template: template)
    }

    private var configuration: PostgresConfiguration {
        get throws { try PostgresConfiguration("postgres://\(role)@127.0.0.1:\(server.port)/\(database)") }
    }

    /// A connection of the test's own, on the loop; told by its name from those of the compaction.
    func connect() async throws -> PostgresConnection {
        var configuration = try configuration
        configuration.applicationName = "test"
        return try await PostgresConnection.connect(configuration, loop: loop)
    }

    var history: PostgresHistoryWriter {
        get throws { PostgresHistoryWriter(try configuration, loop: loop) }
    }

    /// Runs one pass on the loop.
    @discardableResult
    func compact(
        history other: (any HistoryWriting)? = nil, logger: Logger = .silent,
        _ change: (inout CompactionPass.Configuration) -> Void = { _ in }
    ) async throws -> CompactionPass.Outcome {
        var configuration = CompactionPass.Configuration()
        change(&configuration)
        let pass = CompactionPass(
            source: redis, history: try other ?? history, configuration: configuration, logger: logger,
            time: redis.time, pause: { [redis] in redis.pause($0) })
        return try await loop.run { try await pass.run() }
    }

    /// What one pass did, without the time it took; throws where it ended in another way.
    func summary(
        _ change: (inout CompactionPass.Configuration) -> Void = { _ in }
    ) async throws -> CompactionPass.Summary {
        let outcome = try await compact(change)
        guard case .done(var summary) = outcome else { throw TestKitError("the pass was not done: \(outcome)") }
        summary.times = .init()
        return summary
    }

    /// A (metric, labels, bucket), for totals.
    struct Key: Hashable {
        let metric: String
        let labels: LabelSet
        let bucketMs: Int64
    }

    /// All that history holds, merged into buckets of `resolution`, as who asks for such buckets reads it.
    func totals(_ resolution: HistoryResolution = .minute) async throws -> [Key: Aggregate] {
        let configuration = PostgresPoolConfiguration(try configuration)
        return try await loop.run { [loop] in
            let pool = PostgresPool(configuration, loop: loop)
            let store = PostgresHistoryStore(pool: pool)
            var totals: [Key: Aggregate] = [:]
            for metric in Self.definitions.metrics {
                let series = try await store.series(ofMetric: metric.name)
                let labels = Dictionary(uniqueKeysWithValues: series.map { ($0.id, $0.labels) })
                let rows = try await store.rows(
                    series: series.map(\.id), fromMs: 0, toMs: tenOClock * 2, before: [],
                    resolution: resolution)
                for row in rows {
                    let key = Key(
                        metric: metric.name, labels: labels[row.series] ?? .none,
                        bucketMs: StepLadder.floor(row.bucketMs, resolution.ms))
                    totals[key, default: Aggregate()].merge(row.aggregate)
                }
            }
            await pool.close()
            return totals
        }
    }

    /// Rows of a statement as psql writes them.
    func sql(_ statement: String) async throws -> String { try await server.query(statement, database: database) }

    /// What history must hold of `events`.
    static func reference(
        _ events: [MemoryRedis.Event], _ resolution: HistoryResolution = .minute
    ) -> [Key: Aggregate] {
        var totals: [Key: Aggregate] = [:]
        for event in events {
            let name = definitions.metrics.first { $0.id == event.metric }?.name ?? "?"
            let labels = LabelSet([.init(name: "a", value: "\(event.series)")])
            let key = Key(
                metric: name, labels: labels, bucketMs: StepLadder.floor(event.atMs, resolution.ms))
            totals[key, default: Aggregate()].addToDistribution(event.value)
        }
        return totals
    }
}

/// A history whose process dies at a chosen write: before it reached PostgreSQL, or after the commit, before its answer.
struct DyingHistory: HistoryWriting {
    let inner: any HistoryWriting
    let writesUntilDeath: Int
    let isCommitted: Bool

    func beginPass() async throws(StoreError) -> (any HistoryPass)? {
        guard let pass = try await inner.beginPass() else { return nil }
        return DyingPass(inner: pass, history: self)
    }
}

private actor DyingPass: HistoryPass {
    private let inner: any HistoryPass
    private let history: DyingHistory
    private var writes = 0

    init(inner: any HistoryPass, history: DyingHistory) {
        self.inner = inner
        self.history = history
    }

    func write(_ batch: HistoryBatch) async throws(StoreError) -> HistoryWriteOutcome {
        writes += 1
        guard writes > history.writesUntilDeath else { return try await inner.write(batch) }
        if history.isCommitted { _ = try await inner.write(batch) }
        throw StoreError(.unavailable, store: "postgres", operation: "test", detail: "died", mayHaveRun: true)
    }

    func preparePartitions(fromMs: Int64, days: Int) async throws(StoreError) {
        try await inner.preparePartitions(fromMs: fromMs, days: days)
    }

    func rollUp(partition: Int) async throws(StoreError) -> Bool { try await inner.rollUp(partition: partition) }

    func rollUpLabels(_ metrics: [MetricDefinition]) async throws(StoreError) -> Bool {
        try await inner.rollUpLabels(metrics)
    }

    func rebuild(_ resolution: HistoryResolution, bucketMs: Int64) async throws(StoreError) -> Int {
        try await inner.rebuild(resolution, bucketMs: bucketMs)
    }

    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld { try await inner.held(nowMs: nowMs) }

    func retain(
        _ times: RetentionTimes, nowMs: Int64, changedFromMs: Int64?, isDryRun: Bool
    ) async throws(StoreError) -> RetentionReport {
        try await inner.retain(times, nowMs: nowMs, changedFromMs: changedFromMs, isDryRun: isDryRun)
    }

    func rewrite(nowMs: Int64, isDryRun: Bool) async throws(StoreError) -> RewriteReport? {
        try await inner.rewrite(nowMs: nowMs, isDryRun: isDryRun)
    }

    func finish(atMs: Int64, seconds: Double, rows: Int) async throws(StoreError) {
        try await inner.finish(atMs: atMs, seconds: seconds, rows: rows)
    }

    func end() async { await inner.end() }
}
