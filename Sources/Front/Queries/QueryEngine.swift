package import Analytics
package import Service
internal import Wire

/// Answers questions from the tiers that hold the parts of them: memory, Redis and PostgreSQL.
///
/// Pinned to the loop of the front. A store that fails is left out and named in the answer; only a question that nothing
/// at all could answer throws.
package actor QueryEngine {
    /// What was found for a question, before it is made an answer.
    package struct Found: Sendable {
        package var buckets: GroupedBuckets
        package var tiers: [String] = []
        package var degraded: [String] = []
        package var newestMs: Int64 = 0
        /// By partition the cursors of the first and the last read of Redis; nil where nothing was read.
        package var cursors: [ClosedRange<StreamID>?] = []
    }

    private static let seriesPerRead = 500
    private static let definitionsFreshNs: UInt64 = 1_000_000_000

    private nonisolated let executor: any SerialExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    private let recent: any RecentStore
    private let history: (any HistoryStore)?
    private var memory: (any MemoryTier)?
    private let time: TimeSource
    private let logger: Logger
    private var known: (definitions: Definitions, readNs: UInt64)?
    private var partitionCount = 1

    /// Makes an engine that knows no memory yet; see `use`.
    ///
    /// - Parameters:
    ///   - executor: the front's event loop.
    ///   - recent: Redis.
    ///   - history: PostgreSQL; nil for a front without it.
    ///   - time: the clocks.
    ///   - logger: for what is left out of answers.
    package init(
        executor: any SerialExecutor, recent: any RecentStore, history: (any HistoryStore)?, time: TimeSource = .system,
        logger: Logger = .silent
    ) {
        self.executor = executor
        self.recent = recent
        self.history = history
        self.time = time
        self.logger = logger
    }

    /// Lets the engine use what is in memory; made afterwards, since memory reads its own past through the engine.
    package func use(memory: any MemoryTier) { self.memory = memory }

    /// The metrics there are; with Redis out of reach, those last seen.
    ///
    /// - Throws: where none were ever seen.
    package func definitions() async throws(StoreError) -> Definitions {
        let now = time.monotonicNs()
        if let known, now - known.readNs < Self.definitionsFreshNs { return known.definitions }
        do {
            partitionCount = try await recent.partitionCount()
            let read = try await recent.definitions() ?? Definitions(version: 0, metrics: [.events])
            known = (read, now)
            return read
        } catch {
            if let known { return known.definitions }
            throw error
        }
    }

    /// Answers `query`.
    ///
    /// - Throws: `StoreError` where no tier could answer any of it.
    package func answer(_ query: Query) async throws(StoreError) -> QueryAnswer {
        let (query, found) = try await find(query, usesMemory: true)
        return QueryAnswer(
            query, found.buckets, tiers: found.tiers, asOfMs: found.newestMs, degraded: found.degraded)
    }

    /// Reads what a question asks for; returns it with the step that was used.
    package func find(_ asked: Query, usesMemory: Bool) async throws(StoreError) -> (Query, Found) {
        let covered = usesMemory ? await memory?.coveredFromSecond() : nil
        if let covered, asked.fromMs >= covered * 1_000, let memory {
            if let read = await memory.read(asked, seconds: asked.fromMs / 1_000..<asked.toMs / 1_000) {
                return (
                    asked, Found(buckets: read.buckets, tiers: ["memory"], newestMs: read.newestMs, cursors: [])
                )
            }
        }
        var failure: StoreError?
        var states: [PartitionState] = []
        do {
            states = try await partitionStates()
        } catch {
            failure = error
        }
        guard let redisFailure = failure else {
            let plan = QueryPlan(asked, states: states, memoryFromSecond: covered)
            return (plan.query, try await execute(plan, newestMs: states.map(\.newestMs).max() ?? 0))
        }
        return try await findWithoutRedis(asked, covered, redisFailure)
    }

    private func partitionStates() async throws(StoreError) -> [PartitionState] {
        _ = try await definitions()
        var states: [PartitionState] = []
        for partition in 0..<partitionCount {
            states.append(
                try await recent.read(partition: partition, series: [], resolution: .second, from: 0, to: 0).state)
        }
        return states
    }

    private func execute(_ plan: QueryPlan, newestMs: Int64) async throws(StoreError) -> Found {
        var found = Found(buckets: GroupedBuckets(plan.query), newestMs: newestMs)
        var failures: [StoreError] = []
        if let range = plan.memory {
            // Memory first: it is what may lose the range while the stores are asked.
            if let read = await memory?.read(plan.query, seconds: range) {
                found.buckets.merge(read.buckets)
                found.newestMs = max(found.newestMs, read.newestMs)
                found.tiers.append("memory")
            } else {
                // It was lost meanwhile: the same without it.
                return try await find(plan.query, usesMemory: false).1
            }
        }
        if !plan.recent.isEmpty {
            do {
                try await readRecent(plan, &found)
                found.tiers.append("redis")
            } catch {
                failures.append(error)
                found.degraded.append("redis")
            }
        }
        if let range = plan.history {
            do {
                try await readHistory(plan.query, range, before: plan.before, &found)
            } catch {
                failures.append(error)
                found.degraded.append("postgres")
            }
        }
        if found.tiers.isEmpty, let failure = failures.first { throw failure }
        for failure in failures { logger.debug("a store is left out of an answer", ["reason": "\(failure)"]) }
        return found
    }

    private func findWithoutRedis(
        _ asked: Query, _ covered: Int64?, _ failure: StoreError
    ) async throws(StoreError) -> (Query, Found) {
        let query = asked.rising(toStep: covered.map { asked.fromMs >= $0 * 1_000 } == true ? 0 : 60_000)
        var found = Found(buckets: GroupedBuckets(query), degraded: ["redis"])
        let memoryFrom = StepLadder.ceiling((covered ?? query.toMs / 1_000) * 1_000, 60_000)
        if let memory, covered != nil, memoryFrom < query.toMs,
            let read = await memory.read(query, seconds: max(memoryFrom, query.fromMs) / 1_000..<query.toMs / 1_000)
        {
            found.buckets.merge(read.buckets)
            found.newestMs = read.newestMs
            found.tiers.append("memory")
        }
        do {
            let end = min(memoryFrom, query.toMs)
            if query.fromMs < end { try await readHistory(query, query.fromMs..<end, before: [], &found) }
        } catch {
            found.degraded.append("postgres")
        }
        if found.tiers.isEmpty { throw failure }
        return (query, found)
    }

    // MARK: Redis

    private func readRecent(_ plan: QueryPlan, _ found: inout Found) async throws(StoreError) {
        found.cursors = Array(repeating: nil, count: partitionCount)
        let query = plan.query
        let selected = await memory?.series(of: query.metric, filter: query.filter)
        for part in plan.recent {
            let series: [NumberedSeries]
            if let selected, part.partition < selected.count {
                series = selected[part.partition]
            } else {
                let group = query.metric.group.name
                series = try await recent.series(partition: part.partition)
                    .filter { $0.key.group == group && query.filter.matches($0.key.labels) }
            }
            var rest = series[...]
            while !rest.isEmpty {
                let some = rest.prefix(Self.seriesPerRead)
                rest = rest.dropFirst(Self.seriesPerRead)
                let groups = Dictionary(
                    some.map { ($0.number, found.buckets.group(of: $0.key.labels)) }, uniquingKeysWith: { $1 })
                let read = try await recent.read(
                    partition: part.partition, series: some.map(\.number), resolution: part.resolution,
                    from: part.seconds.lowerBound, to: part.seconds.upperBound)
                try merge(read, of: query.metric.id, groups, &found)
                // What came between the first of several reads and the last may be in some of them only.
                let cursor = read.state.cursor
                found.cursors[part.partition] =
                    found.cursors[part.partition].map { min($0.lowerBound, cursor)...max($0.upperBound, cursor) }
                    ?? cursor...cursor
                found.newestMs = max(found.newestMs, read.state.newestMs)
            }
        }
    }

    private func merge(
        _ read: RecentBuckets, of metric: MetricID, _ groups: [Int: LabelSet], _ found: inout Found
    ) throws(StoreError) {
        for bucket in read.buckets {
            guard let group = groups[bucket.series] else { continue }
            var aggregate = Aggregate()
            do {
                try RecordCodec.merge(bucket.record, of: metric, into: &aggregate)
            } catch {
                throw StoreError(
                    .incompatible, store: "redis", operation: "weir_read",
                    detail: "the bucket \(bucket.second) of series \(bucket.series) is damaged: \(error)")
            }
            found.buckets.merge(aggregate, group: group, bucketMs: bucket.second * 1_000)
        }
    }

    // MARK: PostgreSQL

    private func readHistory(
        _ query: Query, _ range: Range<Int64>, before: [Int64], _ found: inout Found
    ) async throws(StoreError) {
        guard let history else { return }
        let series = try await history.series(ofMetric: query.metric.name).filter { query.filter.matches($0.labels) }
        found.tiers.append("postgres")
        if series.isEmpty { return }
        let groups = Dictionary(
            series.map { ($0.id, found.buckets.group(of: $0.labels)) }, uniquingKeysWith: { $1 })
        let rows = try await history.rows(
            series: series.map(\.id), fromMs: range.lowerBound, toMs: range.upperBound, before: before,
            resolution: .minute)
        for row in rows {
            guard let group = groups[row.series] else { continue }
            found.buckets.merge(row.aggregate, group: group, bucketMs: row.bucketMs)
        }
    }
}
