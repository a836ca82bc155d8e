package import Analytics

/// What a front holds in memory, as the query engine asks for it. The live side is one.
package protocol MemoryTier: Sendable {
    /// Whether memory may lack what Redis has: nothing was heard of it for too long. It still answers, as of then.
    var isBehind: Bool { get async }
    /// The metrics that memory goes by; nil while none are known.
    var definitions: Definitions? { get async }
    /// The second since 1970 from which on memory holds all of a metric, in every partition; nil while it does not hold
    /// them all.
    func coveredFromSecond(of metric: MetricDefinition) async -> Int64?
    /// The metric's series in `seconds`, merged into the question's steps, and the time of the newest event applied (ms);
    /// nil where memory does not hold all of these seconds any more.
    func read(_ query: Query, seconds: Range<Int64>) async -> (buckets: GroupedBuckets, newestMs: Int64)?
    /// All of what is asked, from a group that is kept merged; nil where there is none that has it. What is asked again and again
    /// gets a group.
    func keptAnswer(_ query: Query) async -> KeptAnswer?
    /// From a group of the question that begins at `latestStartMs` (ms since 1970) or before: all it has, up to the question's end,
    /// and where that begins; nil where there is none.
    func keptEnd(
        _ query: Query, latestStartMs: Int64
    ) async -> (buckets: GroupedBuckets, fromMs: Int64, newestMs: Int64)?
    /// By partition: the metric's series that the filter lets through; nil while not all are known.
    func series(of metric: MetricDefinition, filter: LabelFilter) async -> [[NumberedSeries]]?
    /// The metric's series in all partitions, each with the time of the last event seen (ms since 1970, 0 where none has
    /// been); nil while not all are known.
    func lastSeen(of metric: MetricDefinition) async -> [LabelSet: Int64]?
    /// The metrics that memory goes by, where it heard of them within the last seconds. On its loop only.
    nonisolated var definitionsAtOnce: Definitions? { get }
    /// All of what is asked, where memory has it and needs less than a ms for it; nil where it has not, or needs more. On its loop
    /// only, in one step of it.
    nonisolated func answerAtOnce(_ query: Query) -> KeptAnswer?
}

/// An answer that memory keeps merged.
package struct KeptAnswer: Sendable {
    /// Values that are known; nil where none are.
    package let columns: AnswerColumns?
    /// What is not in them.
    package let buckets: GroupedBuckets
    /// Time of the newest event applied, ms since 1970.
    package let newestMs: Int64
}

/// Where parts of an answer come from, fastest first.
package enum QueryTier: String, CaseIterable, Sendable {
    case memory, redis, postgres
}
