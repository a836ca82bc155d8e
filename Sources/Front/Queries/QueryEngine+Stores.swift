internal import Analytics
internal import Wire

/// Reading the parts of an answer, in calls that keep no store busy for long.
extension QueryEngine {
    private static let seriesPerCall = 500
    /// Hashes that one call may visit in Redis: up to 15,000 records, some 10 ms of its time and of the loop.
    private static let hashesPerCall: Int64 = 250
    /// About a ms.
    private static let recordsPerTurn = 1_000

    /// Seconds in one hash: how the worker lays buckets out.
    private static func hashSeconds(_ resolution: RecentResolution) -> Int64 {
        switch resolution {
        case .second: 120
        case .tenSeconds: 600
        }
    }

    /// Reads Redis' part of a plan.
    func readRecent(_ plan: QueryPlan, _ found: inout Found) async throws(StoreError) {
        found.cursors = Array(repeating: nil, count: partitionCount)
        let query = plan.query
        let selected = await memory?.series(of: query.metric, filter: query.filter)
        for part in plan.recent {
            var rest: ArraySlice<NumberedSeries>
            if let selected, part.partition < selected.count {
                rest = selected[part.partition][...]
            } else {
                rest = try await selection.select(
                    query.metric, query.filter, partition: part.partition, from: recent)[...]
            }
            while !rest.isEmpty {
                let some = rest.prefix(Self.seriesPerCall)
                rest = rest.dropFirst(Self.seriesPerCall)
                let hashes = max(Self.hashesPerCall / Int64(some.count), 1)
                let span = hashes * Self.hashSeconds(part.resolution)
                var from = part.seconds.lowerBound
                while from < part.seconds.upperBound {
                    let to = min(StepLadder.floor(from, span) + span, part.seconds.upperBound)
                    try await read(Array(some), of: query.metric, part, from, to, &found)
                    from = to
                }
            }
        }
        found.read.insert(.redis)
    }

    private func read(
        _ series: [NumberedSeries], of metric: MetricDefinition, _ part: QueryPlan.Recent, _ from: Int64, _ to: Int64,
        _ found: inout Found
    ) async throws(StoreError) {
        let read = try await recent.read(
            partition: part.partition, series: series.map(\.number), resolution: part.resolution, from: from, to: to,
            sets: metric.set.map { [$0] } ?? [])
        var places: [Int: Int] = [:]
        for one in series { places[one.number] = found.buckets.place(of: one.key.labels) }
        for (number, bucket) in (read.buckets + read.sets).enumerated() {
            // Others on the loop have their turn.
            if number % Self.recordsPerTurn == Self.recordsPerTurn - 1 { await Task.yield() }
            guard let place = places[bucket.series] else { continue }
            do {
                try found.buckets.change(at: place, bucketMs: bucket.second * 1_000) {
                    aggregate throws(DecodingFailure) in
                    try RecordCodec.merge(bucket.record, of: metric.id, into: &aggregate)
                }
            } catch {
                throw StoreError(
                    .incompatible, store: "redis", operation: "weir_read",
                    detail: "the bucket \(bucket.second) of series \(bucket.series) is damaged: \(error)")
            }
        }
        let cursor = read.state.cursor
        let known = found.cursors[part.partition] ?? cursor...cursor
        found.cursors[part.partition] = min(known.lowerBound, cursor)...max(known.upperBound, cursor)
        found.newestMs = max(found.newestMs, read.state.newestMs)
    }

    // MARK: Series

    /// How many series each metric has, by its name.
    ///
    /// - Throws: where neither memory nor Redis know.
    func seriesCounts(_ definitions: Definitions) async throws(StoreError) -> [String: Int] {
        var counts: [String: Int] = [:]
        for metric in definitions.metrics {
            guard let seen = await memory?.lastSeen(of: metric) else { break }
            counts[metric.name] = seen.count
        }
        if counts.count == definitions.metrics.count { return counts }
        var series: [String: Set<LabelSet>] = [:]
        for partition in 0..<partitionCount {
            for one in try await recent.series(partition: partition) {
                for metric in definitions.metrics where metric.isIn(group: one.key.group) {
                    series[metric.name, default: []].insert(one.key.labels)
                }
            }
        }
        return series.mapValues(\.count)
    }

    /// All series of a metric, in every tier, with the time of the last event seen (ms; 0 where it is not known), and the
    /// stores that could not be asked.
    ///
    /// - Throws: where none could.
    func lastSeen(
        of metric: MetricDefinition
    ) async throws(StoreError) -> (series: [LabelSet: Int64], degraded: [String]) {
        var seen: [LabelSet: Int64] = [:]
        var failures: [StoreError] = []
        if let held = await memory?.lastSeen(of: metric) {
            seen = held
        } else {
            do throws(StoreError) {
                for partition in 0..<partitionCount {
                    for one in try await recent.series(partition: partition)
                    where metric.isIn(group: one.key.group) {
                        seen[one.key.labels] = 0
                    }
                }
            } catch {
                failures.append(error)
            }
        }
        do throws(StoreError) {
            for one in try await history?.series(ofMetric: metric.name) ?? [] where seen[one.labels] == nil {
                seen[one.labels] = 0
            }
        } catch {
            failures.append(error)
        }
        if seen.isEmpty, let failure = failures.first { throw failure }
        return (seen, failures.map(\.store.description))
    }
}
