package import Analytics
package import Service

/// What a front knows of its installation: asked of the stores again and again, so that it can be told at once.
///
/// Threading: from any thread. Asking goes through the circuit breakers, so it costs nothing while a store is away; what was
/// last known then stays, with the time it is of.
package final class StatusBoard: Sendable {
    /// What was last read of a store, and when, ms since 1970; nil before the first answer.
    package struct Known<Value: Sendable>: Sendable {
        package var value: Value?
        package var readMs: Int64 = 0
    }

    /// All of it, at one moment.
    package struct Report: Sendable {
        package let version: String
        /// When this front started, and now; ms since 1970.
        package let startedMs: Int64
        package let nowMs: Int64
        package let redis: (status: Known<RecentStatus>, breaker: CircuitBreaker.Snapshot)
        package let postgres: (status: Known<HistoryStatus>, breaker: CircuitBreaker.Snapshot)
        /// From when on memory holds all, ms since 1970; nil while it does not.
        package var memoryFromMs: Int64?
        /// Memory may lack what Redis has.
        package var isMemoryBehind = false
        package var tally = QueryTally()
        package var recent = QueryTally.Counts()
        /// What is kept of history, and how many bytes it may have; nil where nothing is.
        package var cache: (counts: HistoryCache.Counts, maxBytes: Int)?

        /// Stores that answers do without now.
        package var degraded: [String] {
            [(redis.breaker, QueryTier.redis), (postgres.breaker, .postgres)]
                .filter { $0.0.phase != .closed }.map(\.1.rawValue)
        }
    }

    private static let recentPause = Duration.seconds(1)
    private static let historyPause = Duration.seconds(5)

    private let version: String
    private let startedMs: Int64
    private let recent: any RecentStatusStore
    private let history: any HistoryStatusStore
    private let redisBreaker: CircuitBreaker
    private let postgresBreaker: CircuitBreaker
    private let time: TimeSource
    private let redis = Lock(Known<RecentStatus>())
    private let postgres = Lock(Known<HistoryStatus>())

    /// Makes a board that asks nobody yet; see `run`.
    ///
    /// - Parameters:
    ///   - version: the program's.
    ///   - recent: asked every second.
    ///   - history: asked every five seconds.
    ///   - redisBreaker: in front of the first.
    ///   - postgresBreaker: in front of the second.
    ///   - time: the clocks.
    package init(
        version: String, recent: any RecentStatusStore, history: any HistoryStatusStore, redisBreaker: CircuitBreaker,
        postgresBreaker: CircuitBreaker, time: TimeSource = .system
    ) {
        self.version = version
        self.recent = recent
        self.history = history
        self.redisBreaker = redisBreaker
        self.postgresBreaker = postgresBreaker
        self.time = time
        startedMs = time.wallMs()
    }

    /// Asks until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followRecent() }
            group.addTask { await self.followHistory() }
        }
    }

    private func followRecent() async {
        while !Task.isCancelled {
            let read = try? await redisBreaker.call("status") { [recent] () throws(StoreError) in
                try await recent.status()
            }
            if let read { redis.withLock { $0 = Known(value: read, readMs: time.wallMs()) } }
            try? await Task.sleep(for: Self.recentPause)
        }
    }

    private func followHistory() async {
        while !Task.isCancelled {
            let read = try? await postgresBreaker.call("status") { [history] () throws(StoreError) in
                try await history.status()
            }
            if let read { postgres.withLock { $0 = Known(value: read, readMs: time.wallMs()) } }
            try? await Task.sleep(for: Self.historyPause)
        }
    }

    /// What is known now; asks no store.
    func report(memory: (any MemoryTier)?, metrics: FrontMetrics) async -> Report {
        var report = Report(
            version: version, startedMs: startedMs, nowMs: time.wallMs(),
            redis: (redis.withLock { $0 }, redisBreaker.snapshot),
            postgres: (postgres.withLock { $0 }, postgresBreaker.snapshot))
        if let memory {
            report.memoryFromMs = await memory.coveredFromSecond(of: .events).map { $0 * 1_000 }
            report.isMemoryBehind = await memory.isBehind
        }
        report.tally = metrics.tally.withLock { $0 }
        report.cache = metrics.cache.map { ($0.counts, $0.maxBytes) }
        report.recent = report.tally.recent(nowNs: time.monotonicNs())
        return report
    }
}
