import Analytics
import Front
import PostgresStore
import Service

/// What a front tells of the compaction on /metrics: it runs from cron and is gone when somebody asks, but PostgreSQL knows.
final class CompactionMetrics: Sendable {
    private static let interval = Duration.seconds(10)

    private let history: PostgresHistoryStore
    private let breaker: CircuitBreaker
    private let known = Lock<LastCompaction?>(nil)
    private let heldUntilMs = Lock<[HistoryResolution: Int64]>([:])

    /// - Parameters:
    ///   - registry: has no series of ours before the first pass.
    ///   - history: asked every ten seconds; while it does not answer, what was known stays.
    ///   - breaker: PostgreSQL's.
    init(_ registry: MetricsRegistry, history: PostgresHistoryStore, breaker: CircuitBreaker) {
        self.history = history
        self.breaker = breaker
        func gauge(
            _ name: String, _ help: String, _ read: @escaping @Sendable (LastCompaction) -> Double?
        ) {
            registry.collector(.gauge, name, help: help) { [known] in
                known.withLock { $0 }.flatMap(read).map { [([:], $0)] } ?? []
            }
        }
        gauge(
            "weir_compaction_last_success_timestamp_seconds",
            "When the last whole pass of the compaction ended, in seconds since 1970."
        ) { Double($0.atMs) / 1_000 }
        gauge("weir_compaction_duration_seconds", "How long the last whole pass of the compaction took, in seconds.") {
            $0.seconds
        }
        gauge("weir_compaction_rows", "Rows that the last whole pass of the compaction wrote.") { Double($0.rows) }
        gauge(
            "weir_compaction_watermark_timestamp_seconds",
            "Up to when everything has been compacted once, in seconds since 1970; now less this is the lag."
        ) { $0.watermarkMs.map { Double($0) / 1_000 } }
        registry.collector(
            .gauge, "weir_history_partitions_until_timestamp_seconds",
            help: "Up to when PostgreSQL has partitions without a gap, in seconds since 1970."
        ) { [heldUntilMs] in
            heldUntilMs.withLock { $0 }.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                (["resolution": $0.key.rawValue], Double($0.value) / 1_000)
            }
        }
    }

    /// Asks until cancelled.
    func run() async {
        while !Task.isCancelled {
            let last = try? await breaker.call("read last compaction") { [history] () throws(StoreError) in
                try await history.lastCompaction()
            }
            if let last {
                known.withLock { $0 = last }
                // Before the first pass there are none to look at.
                let held = try? await breaker.call("read partitions") { [history] () throws(StoreError) in
                    try await history.heldUntilMs(nowMs: TimeSource.system.wallMs())
                }
                if let held { heldUntilMs.withLock { $0 = held } }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }
}
