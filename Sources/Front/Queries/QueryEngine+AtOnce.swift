internal import Analytics
internal import Service

/// Answers that need no store and little time, without a task.
extension QueryEngine {
    /// The metrics there are, where memory knows them. On the loop only.
    nonisolated var definitionsAtOnce: Definitions? { assumeIsolated { $0.memory?.definitionsAtOnce } }

    /// The answer, where memory has all of it and it is short; nil where it must be asked for by `answer`. On the loop only.
    nonisolated func answerAtOnce(_ query: Query) -> QueryAnswer? { assumeIsolated { $0.shortAnswer(query) } }

    private func shortAnswer(_ query: Query) -> QueryAnswer? {
        let beganNs = time.monotonicNs()
        return memory?.answerAtOnce(query).map { answer(query, $0, sinceNs: beganNs) }
    }

    /// What memory keeps, as an answer to who asked at `sinceNs` (monotonic).
    func answer(_ query: Query, _ kept: KeptAnswer, sinceNs: UInt64) -> QueryAnswer {
        newestMs = max(newestMs, kept.newestMs)
        metrics?.read(.memory, nanoseconds: time.monotonicNs() &- sinceNs)
        return QueryAnswer(
            query, kept.buckets, columns: kept.columns, tiers: [QueryTier.memory.rawValue], asOfMs: newestMs,
            degraded: [])
    }
}
