internal import Analytics

/// A group as an answer to who asks once.
extension LiveGroup {
    /// The values of the buckets that begin in `range` (seconds since 1970), by the aggregations.
    ///
    /// - Complexity: O(buckets), some 10 ns each; a sketch is looked at only where its bucket has changed since.
    func columns(_ aggregations: [Aggregation], in range: Range<Int64>) -> AnswerColumns {
        var columns = AnswerColumns(aggregationCount: aggregations.count)
        for place in series.indices {
            let indices = series[place].buckets.indices(in: range)
            if indices.isEmpty { continue }
            let column = columns.place(of: series[place].labels)
            var weight = 0
            for index in indices { weight += series[place].buckets.aggregates[index].count }
            let times = series[place].buckets.starts[indices].map { $0 * 1_000 }
            columns.append(times: times[...], weight: weight, at: column)
            for (number, aggregation) in aggregations.enumerated() {
                let values = series[place].buckets.values(aggregation, seconds: Double(stepSeconds))
                columns.append(values: values[indices], aggregation: number, at: column)
            }
        }
        return columns
    }

    /// Merges the buckets that begin in `range` (seconds since 1970) into `buckets`.
    func merge(_ range: Range<Int64>, into buckets: inout GroupedBuckets) {
        for one in series {
            for index in one.buckets.indices(in: range) {
                buckets.merge(
                    one.buckets.aggregates[index], group: one.labels, bucketMs: one.buckets.starts[index] * 1_000)
            }
        }
    }

    /// Bytes of memory, about. O(buckets).
    var byteCount: Int { series.reduce(0) { $0 + $1.buckets.byteCount } }
}
