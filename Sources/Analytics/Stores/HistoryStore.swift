/// History, as the compaction left it: what fronts read from PostgreSQL.
package protocol HistoryStore: Sendable {
    /// The series of a metric whose numbers are at least `id`, ascending by number. Numbers only grow.
    func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries]
    /// From where on minutes and hours are held.
    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld
    /// The rows of `series` with buckets in [fromMs, toMs), for each partition only those before its boundary.
    ///
    /// Rows of one (series, bucket) may be several, of different partitions and generations: merging them is the caller's.
    ///
    /// `before` is by partition, ms since 1970; partitions past its end are read whole. Buckets may be finer than
    /// `resolution` where they are not rolled up yet; none is in two rows. `fromMs` is a whole bucket, and so is `toMs` unless
    /// it lies behind a boundary.
    func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow]
    /// The same rows, merged into `buckets` by the labels of their series; returns these.
    func merge(
        _ series: ArraySlice<HistorySeries>, into buckets: GroupedBuckets, fromMs: Int64, toMs: Int64, before: [Int64],
        resolution: HistoryResolution
    ) async throws(StoreError) -> GroupedBuckets
    /// Values made ahead of a metric by `label` (empty: of all series together), of the buckets of `stepMs` that begin in `rangeMs`
    /// (ms since 1970) and are there; `aggregations` are some of `LabelRollUps.aggregations`.
    func labelRollUps(
        _ metric: String, by label: String, stepMs: Int64, rangeMs: Range<Int64>, aggregations: [Aggregation]
    ) async throws(StoreError) -> LabelRollUps
}

extension HistoryStore {
    /// None, for a store that has no such values.
    package func labelRollUps(
        _ metric: String, by label: String, stepMs: Int64, rangeMs: Range<Int64>, aggregations: [Aggregation]
    ) async throws(StoreError) -> LabelRollUps {
        LabelRollUps()
    }

    /// The same from `rows`, for a store that has no faster way.
    package func merge(
        _ series: ArraySlice<HistorySeries>, into buckets: GroupedBuckets, fromMs: Int64, toMs: Int64, before: [Int64],
        resolution: HistoryResolution
    ) async throws(StoreError) -> GroupedBuckets {
        let rows = try await rows(
            series: series.map(\.id), fromMs: fromMs, toMs: toMs, before: before, resolution: resolution)
        var buckets = buckets
        let places = buckets.places(of: series)
        for row in rows {
            if let place = places[row.series] { buckets.merge(row.aggregate, at: place, bucketMs: row.bucketMs) }
        }
        return buckets
    }
}

extension GroupedBuckets {
    /// Where the groups of `series` stand, by the numbers of these.
    package mutating func places(of series: ArraySlice<HistorySeries>) -> [Int: Int] {
        var places: [Int: Int] = Dictionary(minimumCapacity: series.count)
        for one in series { places[one.id] = place(of: one.labels) }
        return places
    }
}

extension HistoryStore {
    /// All series of a metric that have history.
    package func series(ofMetric name: String) async throws(StoreError) -> [HistorySeries] {
        try await series(ofMetric: name, from: 0)
    }
}

/// Lengths of the buckets in PostgreSQL.
package enum HistoryResolution: String, CaseIterable, Sendable {
    case minute, hour, day

    /// Of a bucket.
    package var ms: Int64 {
        switch self {
        case .minute: 60_000
        case .hour: 3_600_000
        case .day: 86_400_000
        }
    }

    /// The coarsest whose buckets make up steps of `ms`.
    package init(forStepMs ms: Int64) {
        self = Self.allCases.last { ms % $0.ms == 0 } ?? .minute
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
