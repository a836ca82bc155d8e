/// Where the parts of an answer come from: consecutive, without a gap and without an overlap.
///
/// ```
///   from            B (each partition's own)         memory                 to
///    |── PostgreSQL ──|────────── Redis ───────────────|────── memory ───────|
///       whole minutes     10 s, or 1 s for a fine step        1 s
/// ```
/// A bucket of time belongs to one part only, whenever each is read; so what is applied between two reads is never counted
/// twice. A step may merge buckets of two parts.
package struct QueryPlan: Equatable, Sendable {
    /// Buckets to be read from Redis.
    package struct Recent: Equatable, Sendable {
        package let partition: Int
        package let resolution: RecentResolution
        /// Seconds since 1970, whole buckets.
        package let seconds: Range<Int64>
    }

    /// The question, its step risen to what the oldest part still holds.
    package let query: Query
    /// Minutes to be read from PostgreSQL, ms since 1970; nil where none.
    package let history: Range<Int64>?
    /// By partition: history is read only before this, ms since 1970.
    package let before: [Int64]
    package let recent: [Recent]
    /// Seconds to be read from memory; nil where none.
    package let memory: Range<Int64>?

    /// Plans a question.
    ///
    /// - Parameters:
    ///   - asked: the question.
    ///   - states: of every partition.
    ///   - memoryFromSecond: memory holds every second of every partition from here on; nil where it does not.
    ///   - held: what PostgreSQL holds.
    package init(
        _ asked: Query, states: [PartitionState], memoryFromSecond: Int64?, held: HistoryHeld = .all
    ) {
        let latestBoundary = states.map(\.boundaryMs).max() ?? 0
        let fineFromMs = (states.map(\.horizonSecond).max() ?? 0) * 1_000
        let memoryFromMs = memoryFromSecond.map { $0 * 1_000 }
        var query = asked
        // Rising may move `from` back across the next limit, so the coarser one is looked at again.
        if query.fromMs < min(fineFromMs, memoryFromMs ?? fineFromMs) { query = query.rising(toStep: 10_000) }
        if query.fromMs < latestBoundary { query = query.rising(toStep: 60_000).rising(toWhatIsHeld: held) }
        self.query = query

        before = states.map(\.boundaryMs)
        let historyEnd = min(query.toMs, latestBoundary)
        history = query.fromMs < historyEnd ? query.fromMs..<historyEnd : nil

        let isFine = query.stepMs < 10_000
        // Sets are read by whole minutes.
        let unit = max(isFine ? 1_000 : 10_000, query.metric.finestStepMs)
        // Memory takes over at a whole bucket of Redis.
        let takeOver =
            memoryFromMs.map { min(max(StepLadder.ceiling($0, unit), query.fromMs), query.toMs) } ?? query.toMs
        let oldestFromMemory = max(takeOver, latestBoundary)
        memory =
            memoryFromMs != nil && oldestFromMemory < query.toMs ? oldestFromMemory / 1_000..<query.toMs / 1_000 : nil
        let recentEnd = memory.map { $0.lowerBound * 1_000 } ?? query.toMs
        recent = states.enumerated().compactMap { partition, state in
            let from = max(query.fromMs, state.boundaryMs)
            guard from < recentEnd else { return nil }
            return Recent(
                partition: partition, resolution: isFine ? .second : .tenSeconds,
                seconds: from / 1_000..<recentEnd / 1_000)
        }
    }
}

extension Query {
    /// The question with a step that what is held of its oldest part has.
    package func rising(toWhatIsHeld held: HistoryHeld) -> Query {
        var query = self
        if query.fromMs < held.minutesFromMs { query = query.rising(toStep: HistoryResolution.hour.ms) }
        if query.fromMs < held.hoursFromMs { query = query.rising(toStep: HistoryResolution.day.ms) }
        return query
    }
}
