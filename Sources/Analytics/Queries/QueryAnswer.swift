/// What a question is answered with.
package struct QueryAnswer: Sendable {
    /// One group of labels.
    package struct Series: Sendable {
        package let labels: LabelSet
        /// Starts of the buckets, ms since 1970, ascending.
        package let times: [Int64]
        /// For each aggregation of the question the value at each time; nil where the bucket does not have it.
        package let values: [[Double?]]
        /// The items at each time, where the question asks for `top`; else empty.
        package let items: [TopItems]
    }

    package let query: Query
    /// The heaviest first.
    package let series: [Series]
    /// True where more series matched than the limit allows.
    package let isTruncated: Bool
    /// The tiers that were read: `memory`, `redis`, `postgres`.
    package let tiers: [String]
    /// Time of the newest event applied, ms since 1970.
    package let asOfMs: Int64
    /// Stores that should have been read and could not.
    package let degraded: [String]
    /// What lies before this (ms since 1970) has been compacted in every partition; 0 where that is not known.
    package var compactedBeforeMs: Int64 = 0

    package init(
        _ query: Query, _ buckets: GroupedBuckets, tiers: [String], asOfMs: Int64, degraded: [String]
    ) {
        self.query = query
        self.tiers = tiers
        self.asOfMs = asOfMs
        self.degraded = degraded
        let weighed = buckets.groups.map { labels, buckets in
            (labels: labels, buckets: buckets, weight: buckets.values.reduce(0) { $0 + $1.count })
        }
        // Equal weights go by labels, so that an answer does not depend on the order of a hash table.
        let sorted = weighed.sorted { a, b in
            a.weight != b.weight ? a.weight > b.weight : a.labels < b.labels
        }
        isTruncated = sorted.count > query.limit
        // Where a store is missing nobody knows that there was no event.
        let fills =
            query.fillsZero && degraded.isEmpty && query.aggregations.contains { $0 == .count || $0 == .rate }
        var shown = sorted.prefix(query.limit)
        // The whole is one series whether there was an event or not; which groups there would be, nobody knows.
        if fills, shown.isEmpty, query.by.isEmpty { shown = [(labels: .none, buckets: [:], weight: 0)] }
        series = shown.map { Self.series(query, $0.labels, $0.buckets, fills: fills) }
    }

    private static func series(
        _ query: Query, _ labels: LabelSet, _ buckets: [Int64: Aggregate], fills: Bool
    ) -> Series {
        let seconds = Double(query.stepMs) / 1_000
        let times =
            fills ? Array(stride(from: query.fromMs, to: query.toMs, by: Int(query.stepMs))) : buckets.keys.sorted()
        let values = query.aggregations.map { aggregation in
            times.map { time -> Double? in
                if let bucket = buckets[time] { return bucket.value(aggregation, seconds: seconds) }
                return aggregation == .count || aggregation == .rate ? 0 : nil
            }
        }
        let items = query.aggregations.contains(.top) ? times.map { buckets[$0]?.items ?? TopItems() } : []
        return Series(labels: labels, times: times, values: values, items: items)
    }
}
