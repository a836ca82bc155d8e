internal import Analytics

/// What the ring holds, as answers need it.
extension LiveMemory {
    /// Merges what the ring holds of one series into `buckets`; returns how many seconds that were.
    func merge(
        series index: Int, of metric: MetricDefinition, seconds: Range<Int64>, into buckets: inout GroupedBuckets
    ) -> Int {
        let series = catalog.series[index]
        let group = buckets.group(of: series.key.labels)
        var count = 0
        for line in series.lines {
            ring.forEachAggregate(of: metric.id, line: line, from: seconds.lowerBound, to: seconds.upperBound) {
                buckets.merge($1, group: group, bucketMs: $0 * 1000)
                count += 1
            }
            guard metric.kind.keepsSets else { continue }
            let whole = Self.minute(seconds.lowerBound)..<Self.minute(seconds.upperBound)
            minutes.forEachAggregate(of: metric.id, line: line, from: whole.lowerBound, to: whole.upperBound) {
                buckets.merge($1, group: group, bucketMs: $0 * 60_000)
                count += 1
            }
        }
        return count
    }

    /// The values of the question's steps, where each of these series is a group of its own and lies in one partition; nil where
    /// several have to be merged.
    func columns(_ query: Query, series: [Int]) -> AnswerColumns? {
        if query.metric.kind.keepsSets { return nil }
        let grouping = GroupedBuckets(query)
        var columns = AnswerColumns(aggregationCount: query.aggregations.count)
        for index in series {
            guard let line = catalog.series[index].lines.first else { continue }
            let place = columns.place(of: grouping.group(of: catalog.series[index].key.labels))
            guard catalog.series[index].lines.count == 1, columns.columns[place].times.isEmpty else { return nil }
            append(query, line: line, to: &columns, at: place)
        }
        return columns
    }

    private func append(_ query: Query, line: Int, to columns: inout AnswerColumns, at place: Int) {
        let (from, to, step) = (query.fromMs / 1_000, query.toMs / 1_000, query.stepMs / 1_000)
        var times: [Int64] = []
        var values = [[Double]](repeating: [], count: query.aggregations.count)
        var weight = 0
        times.reserveCapacity(Int((to - from) / step))
        for number in values.indices { values[number].reserveCapacity(Int((to - from) / step)) }
        func add(_ start: Int64, _ aggregate: Aggregate) {
            times.append(start * 1_000)
            weight += aggregate.count
            for (number, aggregation) in query.aggregations.enumerated() {
                values[number].append(aggregate.value(aggregation, seconds: Double(step)) ?? .nan)
            }
        }
        if step == 1 {
            ring.forEachAggregate(of: query.metric.id, line: line, from: from, to: to, add)
        } else {
            var (start, bucket) = (Int64.min, Aggregate())
            ring.forEachAggregate(of: query.metric.id, line: line, from: from, to: to) { second, aggregate in
                let own = second.rounded(downTo: step)
                if own != start {
                    if !bucket.isEmpty { add(start, bucket) }
                    bucket.removeAll()
                    start = own
                }
                bucket.merge(aggregate)
            }
            if !bucket.isEmpty { add(start, bucket) }
        }
        columns.append(times: times[...], weight: weight, at: place)
        for number in values.indices { columns.append(values: values[number][...], aggregation: number, at: place) }
    }
}
