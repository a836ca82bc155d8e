package import Analytics
package import Service

/// Answers questions from the tiers that hold the parts of them: memory, Redis and PostgreSQL.
///
/// Pinned to the loop of the front. A store that fails is left out and named in the answer; only a question that nothing
/// at all could answer throws.
package actor QueryEngine {
    /// What was found for a question, before it is made an answer.
    package struct Found: Sendable {
        package var buckets: GroupedBuckets
        /// Pieces of history, ascending, with what of each is asked for; none of it is in `buckets`.
        var pieces: [Piece] = []
        /// Tiers that were read.
        var read: Set<QueryTier> = []
        /// Stores that should have been read and could not.
        var missing: Set<QueryTier> = []
        /// Time of the newest event applied, ms since 1970.
        package var newestMs: Int64 = 0
        /// What lies before this (ms since 1970) has been compacted in every partition; 0 where that is not known.
        var compactedBeforeMs: Int64 = 0
        /// By partition, the cursors between which Redis was read: one where a single call sufficed; nil where it was not.
        package var cursors: [ClosedRange<StreamID>?] = []

        init(_ query: Query) { buckets = GroupedBuckets(query) }

        /// The names of the tiers that were read, fastest first.
        package var tiers: [String] { QueryTier.allCases.filter(read.contains).map(\.rawValue) }
        /// The names of the stores that should have been read and could not.
        package var degraded: [String] { QueryTier.allCases.filter(missing.contains).map(\.rawValue) }
    }

    /// What was found in PostgreSQL of a piece of time, now or before.
    struct Piece: Sendable {
        let key: HistoryCache.Key
        var chunk: HistoryChunk
        /// Buckets that begin here are asked for, ms since 1970.
        let rangeMs: Range<Int64>
    }

    /// So few are merged, packed or turned into values sooner than another thread hears of them.
    static let bucketsInPlace = 100
    private static let heldFreshNs: UInt64 = 60_000_000_000
    /// So long what could not be read is not asked for again.
    private static let heldRetryNs: UInt64 = 1_000_000_000
    private static let definitionsFreshNs: UInt64 = 1_000_000_000

    private nonisolated let executor: any SerialExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    let recent: any RecentStore
    let history: (any HistoryStore)?
    /// What was read of history before.
    let cache: HistoryCache?
    /// Questions that are being answered, with those who asked the same meanwhile.
    var flights: [Flight: [FlightWaiter]] = [:]
    /// Calls to Redis that read for questions, and those that wait for their turn.
    var recentCalls = 0
    var waitingCalls: [CheckedContinuation<Void, Never>] = []
    /// Which series of the stores questions are about.
    let selection = SeriesSelection()
    private(set) var memory: (any MemoryTier)?
    let time: TimeSource
    let logger: Logger
    let metrics: FrontMetrics?
    let work: WorkThread?
    private let configured: [MetricDefinition]
    private var known: (definitions: Definitions, readNs: UInt64)?
    private(set) var partitionCount = 1
    var newestMs: Int64 = 0
    /// What lay before it was compacted in every partition, when Redis last answered.
    private var settledBeforeMs = Int64.min
    private var knownHeld: (held: HistoryHeld, untilNs: UInt64)?

    /// Makes an engine without memory; see `use`.
    ///
    /// - Parameters:
    ///   - executor: the front's event loop.
    ///   - recent: Redis.
    ///   - history: nil for a front without PostgreSQL.
    ///   - cache: what is kept of history; the live side must tell it what changes.
    ///   - work: computes what takes long; nil where the executor may be held up by that.
    ///   - configured: what is asked for where Redis has been out of reach since the start: history needs no more.
    ///   - time: the clocks.
    ///   - logger: told, at debug, why a store is left out.
    ///   - metrics: told how long each tier took.
    package init(
        executor: any SerialExecutor, recent: any RecentStore, history: (any HistoryStore)?,
        cache: HistoryCache? = nil, work: WorkThread? = nil, configured: [MetricDefinition] = [],
        time: TimeSource = .system,
        logger: Logger = .silent,
        metrics: FrontMetrics? = nil
    ) {
        self.executor = executor
        self.recent = recent
        self.history = history
        self.cache = cache
        self.work = work
        self.configured = configured
        self.time = time
        self.logger = logger
        self.metrics = metrics
    }

    /// Lets the engine use what is in memory; made afterwards, since memory reads its own past through the engine.
    package func use(memory: any MemoryTier) { self.memory = memory }

    /// The metrics there are; with Redis out of reach, those last seen, or else those configured, of which history is known.
    ///
    /// - Throws: where none are known.
    package func definitions() async throws(StoreError) -> Definitions {
        let now = time.monotonicNs()
        if let known, now - known.readNs < Self.definitionsFreshNs { return known.definitions }
        do {
            let count = try await recent.partitionCount()
            let read = try await recent.definitions() ?? Definitions(version: 0, metrics: [.events])
            partitionCount = max(count, 1)
            known = (read, now)
            return read
        } catch {
            if let known { return known.definitions }
            if let held = await memory?.definitions { return held }
            if configured.isEmpty || history == nil { throw error }
            return Definitions(
                version: 0, metrics: [.events] + configured.filter { $0.name != "events" }.map(Self.unknown))
        }
    }

    private static func unknown(_ metric: MetricDefinition) -> MetricDefinition {
        var metric = metric
        metric.id = .unknown
        return metric
    }

    private static let undefined = StoreError(
        .unavailable, store: "redis", operation: "definitions",
        detail: "it has not been reached since this front started")

    /// Answers `query`.
    ///
    /// - Throws: `StoreError` where no tier could answer any of it.
    package func answer(_ query: Query) async throws(StoreError) -> QueryAnswer {
        let beganNs = time.monotonicNs()
        if let kept = await memory?.keptAnswer(query) { return answer(query, kept, sinceNs: beganNs) }
        // Items are no single values, so they have no columns.
        let aggregations = query.aggregations.contains(.top) ? nil : query.aggregations
        let (query, found) = try await findOnce(query, columns: aggregations)
        newestMs = max(newestMs, found.newestMs)
        let columns = await columns(found.pieces, query)
        let asOfMs = newestMs
        var answer = await computed(isLong: found.buckets.count > Self.bucketsInPlace) {
            QueryAnswer(
                query, found.buckets, columns: columns, tiers: found.tiers, asOfMs: asOfMs, degraded: found.degraded)
        }
        answer.compactedBeforeMs = found.compactedBeforeMs
        return answer
    }

    /// Reads what a question asks for; returns it with the step that was used.
    ///
    /// - Parameters:
    ///   - asked: the question.
    ///   - usesMemory: whether the ring may answer a part.
    ///   - columns: the aggregations for which pieces of history stay pieces; nil where all is merged into buckets.
    /// - Returns: the question as it was answered, and what was found.
    /// - Throws: `StoreError` where no tier could answer any of it.
    package func find(
        _ asked: Query, usesMemory: Bool, columns: [Aggregation]? = nil
    ) async throws(StoreError) -> (Query, Found) {
        // History goes by names; the others by numbers, which Redis has.
        if asked.metric.id == .unknown { return try await findWithoutRedis(asked, nil, Self.undefined, columns) }
        let current = await memory?.coveredFromSecond(of: asked.metric)
        // What is behind answers only where Redis does not; nor does it hear what changes in history.
        let isBehind = current == nil ? false : await memory?.isBehind ?? false
        let covered = usesMemory ? current : nil
        if !isBehind, let found = await findInMemory(asked, covered) { return (asked, found) }
        var failure: StoreError
        do throws(StoreError) {
            let states = try await partitionStates()
            let plan = QueryPlan(
                asked, states: states, memoryFromSecond: isBehind ? nil : covered, held: await held())
            settledBeforeMs = plan.before.min() ?? .min
            var found = Found(plan.query)
            found.compactedBeforeMs = plan.before.min() ?? 0
            var past = plan.history
            var before = plan.before
            var settledMs = settledBeforeMs
            if usesMemory, !isBehind, let end = await keptEnd(plan, states) {
                found.buckets.merge(end.buckets)
                found.newestMs = max(found.newestMs, end.newestMs)
                found.read.insert(.memory)
                past = plan.query.fromMs < end.fromMs ? plan.query.fromMs..<end.fromMs : nil
                if end.fromMs > settledMs {
                    // PostgreSQL has all of these, though Redis has them, too.
                    before = before.map { _ in end.fromMs }
                    settledMs = end.fromMs
                }
            } else {
                // Memory first: it is what may lose the range while the stores are asked.
                if let range = plan.memory, !(await readMemory(plan.query, range, &found)) {
                    return try await find(asked, usesMemory: false, columns: columns)
                }
                if !plan.recent.isEmpty {
                    var all = [found]
                    found.buckets = GroupedBuckets(plan.query)
                    try await timed(.redis) { () throws(StoreError) in
                        try await readRecent(plan, [plan.query], &all)
                    }
                    found = all.removeLast()
                }
            }
            if let range = past {
                let part = WantedHistory(
                    query: plan.query, rangeMs: range, before: before, settledBeforeMs: settledMs, columns: columns,
                    isKept: current != nil && !isBehind)
                guard await readHistory(part, &found) else {
                    return try await find(asked, usesMemory: usesMemory, columns: columns)
                }
            }
            if let error = unanswered(found) { throw error }
            return (plan.query, found)
        } catch {
            failure = error
        }
        if failure.store.description == QueryTier.postgres.rawValue { throw failure }
        logger.debug("Redis is left out of an answer", ["reason": "\(failure)"])
        return try await findWithoutRedis(asked, covered, failure, columns)
    }

    /// The end of a question from a group that memory keeps, which the stores' part reaches up to; nil where there is none.
    ///
    /// Hours that are over are taken from PostgreSQL as soon as it has all of them: it has them rolled up, where Redis has some
    /// hundred buckets of each series.
    private func keptEnd(
        _ plan: QueryPlan, _ states: [PartitionState]
    ) async -> (buckets: GroupedBuckets, fromMs: Int64, newestMs: Int64)? {
        let hourMs = HistoryResolution.hour.ms
        if plan.query.stepMs >= hourMs {
            let compacted = StepLadder.floor(states.map(\.compactedMs).min() ?? .min, hourMs)
            if compacted > settledBeforeMs, compacted > plan.query.fromMs,
                let end = await memory?.keptEnd(plan.query, latestStartMs: compacted)
            {
                return end
            }
        }
        return await memory?.keptEnd(plan.query, latestStartMs: settledBeforeMs)
    }

    /// All of what is asked, where memory has it whole.
    private func findInMemory(_ asked: Query, _ covered: Int64?) async -> Found? {
        guard let covered, asked.fromMs >= StepLadder.ceiling(covered * 1_000, asked.metric.finestStepMs) else {
            return nil
        }
        var found = Found(asked)
        return await readMemory(asked, asked.fromMs / 1_000..<asked.toMs / 1_000, &found) ? found : nil
    }

    /// Memory, and of what lies before it all that the compaction has put into PostgreSQL.
    private func findWithoutRedis(
        _ asked: Query, _ covered: Int64?, _ failure: StoreError, _ columns: [Aggregation]?
    ) async throws(StoreError) -> (Query, Found) {
        if var found = await findInMemory(asked, covered) {
            found.missing = [.redis]
            return (asked, found)
        }
        let query = asked.rising(toStep: 60_000).rising(toWhatIsHeld: await held())
        var found = Found(query)
        found.missing = [.redis]
        var end = query.toMs
        if let covered {
            let takeOver = max(StepLadder.ceiling(covered * 1_000, 60_000), query.fromMs)
            if takeOver < end, await readMemory(query, takeOver / 1_000..<end / 1_000, &found) { end = takeOver }
        }
        if query.fromMs < end {
            // Without Redis nothing is compacted, so what was kept stays true.
            let part = WantedHistory(
                query: query, rangeMs: query.fromMs..<end, before: [], settledBeforeMs: settledBeforeMs,
                columns: columns, isKept: false)
            guard await readHistory(part, &found) else {
                return try await findWithoutRedis(asked, covered, failure, columns)
            }
        }
        if found.read.isEmpty { throw failure }
        return (query, found)
    }

    /// What history holds; with PostgreSQL out of reach as it was when last seen.
    func held() async -> HistoryHeld {
        guard let history else { return .all }
        let now = time.monotonicNs()
        if let knownHeld, now < knownHeld.untilNs { return knownHeld.held }
        do throws(StoreError) {
            let read = try await history.held(nowMs: time.wallMs())
            knownHeld = (read, now + Self.heldFreshNs)
            return read
        } catch {
            let last = knownHeld?.held ?? .all
            knownHeld = (last, now + Self.heldRetryNs)
            return last
        }
    }

    /// The error where nothing could be read and something should have been.
    private func unanswered(_ found: Found) -> StoreError? {
        guard found.read.isEmpty, found.missing.contains(.postgres) else { return nil }
        return StoreError(
            .unavailable, store: "postgres", operation: "query", detail: "the range lies before what Redis holds")
    }

    private func readMemory(_ query: Query, _ seconds: Range<Int64>, _ found: inout Found) async -> Bool {
        guard let memory else { return false }
        let beganNs = time.monotonicNs()
        guard let read = await memory.read(query, seconds: seconds) else { return false }
        found.buckets.merge(read.buckets)
        found.newestMs = max(found.newestMs, read.newestMs)
        found.read.insert(.memory)
        metrics?.read(.memory, nanoseconds: time.monotonicNs() &- beganNs)
        return true
    }

    func partitionStates() async throws(StoreError) -> [PartitionState] {
        _ = try await definitions()
        let recent = recent
        @Sendable func state(_ partition: Int) async throws(StoreError) -> PartitionState {
            try await recent.read(
                partition: partition, series: [], resolution: .second, from: 0, to: 0, sets: []
            ).state
        }
        if partitionCount == 1 { return [try await state(0)] }
        // All at once: they go out in one write.
        let found = await withTaskGroup(of: (Int, Result<PartitionState, StoreError>).self) { group in
            for partition in 0..<partitionCount {
                group.addTask {
                    (partition, await StoreError.result { () throws(StoreError) in try await state(partition) })
                }
            }
            var found: [Int: Result<PartitionState, StoreError>] = [:]
            for await (partition, result) in group { found[partition] = result }
            return found
        }
        var states: [PartitionState] = []
        for (_, result) in found.sorted(by: { $0.key < $1.key }) { states.append(try result.get()) }
        return states
    }

    /// Notes what was just read.
    func learned(_ held: HistoryHeld) { knownHeld = (held, time.monotonicNs() + Self.heldFreshNs) }

    func timed<Result>(
        _ tier: QueryTier, _ body: () async throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let beganNs = time.monotonicNs()
        let result = try await body()
        metrics?.read(tier, nanoseconds: time.monotonicNs() &- beganNs)
        return result
    }
}
