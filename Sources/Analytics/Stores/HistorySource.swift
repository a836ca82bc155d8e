/// History as whole ranges of it are written out: what it holds, beside its rows.
package protocol HistorySource: HistoryStore {
    /// The names of the metrics that have history, ascending.
    func metrics() async throws(StoreError) -> [String]
    /// What the metric of `series` keeps, told by its rows; nil where none of them has any.
    func kept(bySeries series: [Int]) async throws(StoreError) -> HistoryKept?
    /// How far history reaches; nil before the first compaction.
    func extent() async throws(StoreError) -> HistoryExtent?
}

/// What rows of a metric keep.
package struct HistoryKept: Equatable, Sendable {
    package let kind: MetricKind
    /// Of a counter: whether it adds up a value.
    package let hasSum: Bool

    package init(kind: MetricKind, hasSum: Bool) {
        self.kind = kind
        self.hasSum = hasSum
    }
}

/// How far history reaches.
package struct HistoryExtent: Equatable, Sendable {
    /// Every minute before it was compacted once, in all partitions of the event stream; ms since 1970.
    package let watermarkMs: Int64
    /// Of the event stream.
    package let partitionCount: Int

    package init(watermarkMs: Int64, partitionCount: Int) {
        self.watermarkMs = watermarkMs
        self.partitionCount = partitionCount
    }
}
