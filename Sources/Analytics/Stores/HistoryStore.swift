/// History, as the compaction left it: what fronts read from PostgreSQL.
package protocol HistoryStore: Sendable {
    /// All series of a metric that have history.
    func series(ofMetric name: String) async throws(StoreError) -> [HistorySeries]
    /// The rows of `series` with buckets in [fromMs, toMs), for each partition only those before its boundary.
    ///
    /// Rows of one (series, bucket) may be several, of different partitions and generations: merging them is the caller's.
    ///
    /// `before` is by partition, ms since 1970; partitions past its end are read whole.
    func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow]
}

/// Lengths of the buckets in PostgreSQL.
package enum HistoryResolution: String, CaseIterable, Sendable {
    case minute

    package var ms: Int64 {
        switch self {
        case .minute: 60_000
        }
    }
}

/// A metric's series in PostgreSQL.
package struct HistorySeries: Sendable, Equatable {
    /// Its number there.
    package let id: Int
    package let labels: LabelSet

    package init(id: Int, labels: LabelSet) {
        self.id = id
        self.labels = labels
    }
}

/// One row of history.
package struct HistoryRow: Sendable, Equatable {
    package let series: Int
    /// Start of the bucket, ms since 1970.
    package let bucketMs: Int64
    package let aggregate: Aggregate

    package init(series: Int, bucketMs: Int64, aggregate: Aggregate) {
        self.series = series
        self.bucketMs = bucketMs
        self.aggregate = aggregate
    }
}
