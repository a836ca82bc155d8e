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

    /// Numbers in it: times, and values at these.
    package var valueCount: Int { series.reduce(0) { $0 + $1.times.count * (1 + $1.values.count) } }

    /// Makes an answer of what was found.
    ///
    /// - Parameters:
    ///   - query: the question.
    ///   - buckets: aggregates, of steps that `columns` has not.
    ///   - columns: values that are known already, of the question's aggregations; none where it asks for items.
    ///   - tiers: those that were read.
    ///   - asOfMs: time of the newest event applied, ms since 1970.
    ///   - degraded: stores that should have been read and could not.
    package init(
        _ query: Query, _ buckets: GroupedBuckets, columns: AnswerColumns? = nil, tiers: [String], asOfMs: Int64,
        degraded: [String]
    ) {
        self.query = query
        self.tiers = tiers
        self.asOfMs = asOfMs
        self.degraded = degraded
        var found: [(labels: LabelSet, column: AnswerColumns.Column?, buckets: [Int64: Aggregate], weight: Int)] = []
        var groups = buckets.groups
        for column in columns?.columns ?? [] where !column.times.isEmpty {
            let rest = groups.removeValue(forKey: column.labels) ?? [:]
            let weight = rest.values.reduce(column.weight) { $0 + $1.count }
            found.append((column.labels, column, rest, weight))
        }
        for (labels, buckets) in groups {
            found.append((labels, nil, buckets, buckets.values.reduce(0) { $0 + $1.count }))
        }
        // Equal weights go by labels, so that an answer does not depend on the order of a hash table.
        found.sort { a, b in a.weight != b.weight ? a.weight > b.weight : a.labels < b.labels }
        isTruncated = found.count > query.limit
        // Where a store is missing nobody knows that there was no event.
        let fills =
            query.fillsZero && degraded.isEmpty && query.aggregations.contains { $0 == .count || $0 == .rate }
        // The whole is one series whether there was an event or not; which groups there would be, nobody knows.
        if fills, found.isEmpty, query.by.isEmpty { found = [(.none, nil, [:], 0)] }
        series = found.prefix(query.limit).map { group in
            guard let column = group.column else {
                return Self.series(query, group.labels, group.buckets, fills: fills)
            }
            return Self.series(query, column, group.buckets, fills: fills)
        }
    }

    /// A group of which some steps are known already.
    private static func series(
        _ query: Query, _ column: AnswerColumns.Column, _ buckets: [Int64: Aggregate], fills: Bool
    ) -> Series {
        let rest = Self.series(query, column.labels, buckets, fills: false)
        var series = Series(labels: column.labels, times: column.times, values: column.values, items: [])
        if let first = rest.times.first {
            let times = series.times + rest.times
            let values = zip(series.values, rest.values).map { $0 + $1 }
            series = Series(labels: column.labels, times: times, values: values, items: [])
            if first < column.times.last ?? .min { series = series.sorted() }
        }
        return fills ? series.filled(query) : series
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

extension QueryAnswer.Series {
    /// The same, ascending by time.
    fileprivate func sorted() -> Self {
        let order = times.indices.sorted { times[$0] < times[$1] }
        return Self(
            labels: labels, times: order.map { times[$0] }, values: values.map { values in order.map { values[$0] } },
            items: [])
    }

    /// The same at all times of the question: where there was no event counts and rates are 0.
    fileprivate func filled(_ query: Query) -> Self {
        let all = Array(stride(from: query.fromMs, to: query.toMs, by: Int(query.stepMs)))
        let places = times.map { Int(($0 - query.fromMs) / query.stepMs) }
        let filled = zip(query.aggregations, values).map { aggregation, values in
            var filled = [Double?](
                repeating: aggregation == .count || aggregation == .rate ? 0 : nil, count: all.count)
            for (place, value) in zip(places, values) { filled[place] = value }
            return filled
        }
        return Self(labels: labels, times: all, values: filled, items: [])
    }
}
