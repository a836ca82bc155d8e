internal import Analytics

/// A group as an answer to who asks once.
extension LiveGroup {
    /// The values of the buckets that begin in `range` (seconds since 1970) and have all here, by the aggregations; of some series,
    /// all under the same labels where `labels` are given.
    ///
    /// - Complexity: O(buckets), some 10 ns each; a sketch is looked at only where its bucket has changed since.
    func columns(
        _ aggregations: [Aggregation], in range: Range<Int64>, ofSeries places: [Int], labels: LabelSet? = nil
    ) -> AnswerColumns {
        var columns = AnswerColumns(aggregationCount: aggregations.count)
        for place in places {
            let indices = series[place].buckets.indices(in: range)
            if indices.isEmpty { continue }
            let column = columns.place(of: labels ?? series[place].labels)
            let weight = series[place].buckets.counts[indices].reduce(0, +)
            let times = series[place].buckets.starts[indices].map { $0 * 1_000 }
            columns.append(times: times[...], weight: weight, at: column)
            for (number, aggregation) in aggregations.enumerated() {
                let values = series[place].buckets.values(aggregation, seconds: Double(stepSeconds))
                columns.append(values: values[indices], aggregation: number, at: column)
            }
        }
        return columns
    }

    /// Computes values that `columns` needs and that are not known yet, `work` at most; true where none is left.
    func compute(_ aggregations: [Aggregation], ofSeries places: [Int], work: Int) -> Bool {
        // More columns than a series keeps would push each other out.
        guard aggregations.count <= BucketLine.maxColumns else { return true }
        var left = work
        for place in places {
            for aggregation in aggregations {
                series[place].buckets.compute(aggregation, seconds: Double(stepSeconds), work: &left)
            }
            if left <= 0 { return false }
        }
        return true
    }

    /// Merges the buckets that begin in `range` (seconds since 1970) into `buckets`.
    func merge(_ range: Range<Int64>, into buckets: inout GroupedBuckets) {
        for place in series.indices { _ = merge(range, ofSeries: place, into: &buckets) }
        mergeOpen(range, LabelFilter(), into: &buckets)
    }

    /// Merges those of one series that are here, under its labels or those given; returns how many.
    func merge(
        _ range: Range<Int64>, ofSeries place: Int, labels: LabelSet? = nil, into buckets: inout GroupedBuckets
    ) -> Int {
        let line = series[place].buckets
        let indices = line.indices(in: range)
        for index in indices {
            buckets.merge(
                line.aggregates[index], group: labels ?? series[place].labels, bucketMs: line.starts[index] * 1_000)
        }
        return indices.count
    }

    /// Merges what only `source` has of `range`, of the series that `filter` lets through.
    func mergeOpen(
        _ range: Range<Int64>, _ filter: LabelFilter, labels: LabelSet? = nil, into buckets: inout GroupedBuckets
    ) {
        guard let source, closedBefore < range.upperBound else { return }
        let open = max(range.lowerBound, closedBefore)..<range.upperBound
        for place in source.series.indices where filter.isEmpty || filter.matches(source.series[place].labels) {
            _ = source.merge(open, ofSeries: place, labels: labels, into: &buckets)
        }
    }

    /// How many buckets there are, of all series together.
    var bucketCount: Int { series.reduce(0) { $0 + $1.buckets.starts.count } }

    /// Bytes of memory, about. O(buckets).
    var byteCount: Int { series.reduce(0) { $0 + $1.buckets.byteCount } }
}
