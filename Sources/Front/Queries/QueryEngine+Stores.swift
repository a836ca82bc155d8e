internal import Analytics
internal import Wire

/// Reading the parts of an answer, in calls that keep no store busy for long.
extension QueryEngine {
    /// What one call asks Redis for.
    private struct RecentCall: Sendable {
        let part: QueryPlan.Recent
        let series: ArraySlice<NumberedSeries>
        let seconds: Range<Int64>
    }

    /// Hashes that one call may visit in Redis, and series it may name: up to 6,000 records, some 3 ms of its time, and as long on
    /// the loop until its answer is taken apart.
    private static let hashesPerCall = 50
    /// Calls of a question at a time: Redis works on one while another's answer is merged.
    private static let callsAtOnce = 3
    /// Calls of all questions at a time: what is appended meanwhile waits behind them.
    private static let allCallsAtOnce = 4

    /// Seconds in one hash: how the worker lays buckets out.
    private static func hashSeconds(_ resolution: RecentResolution) -> Int64 {
        switch resolution {
        case .second: 120
        case .tenSeconds: 600
        }
    }

    /// Reads Redis' part of a plan, for all questions that ask for the same time and series of metrics which share records.
    func readRecent(_ plan: QueryPlan, _ queries: [Query], _ found: inout [Found]) async throws(StoreError) {
        for index in found.indices { found[index].cursors = Array(repeating: nil, count: partitionCount) }
        let query = plan.query
        let selected = await memory?.series(of: query.metric, filter: query.filter)
        var calls: [RecentCall] = []
        for part in plan.recent {
            var rest: ArraySlice<NumberedSeries>
            if let selected, part.partition < selected.count {
                rest = selected[part.partition][...]
            } else {
                rest = try await selection.select(
                    query.metric, query.filter, partition: part.partition, from: recent)[...]
            }
            while !rest.isEmpty {
                let some = rest.prefix(Self.hashesPerCall)
                rest = rest.dropFirst(Self.hashesPerCall)
                let span = Int64(Self.hashesPerCall / some.count) * Self.hashSeconds(part.resolution)
                var from = part.seconds.lowerBound
                while from < part.seconds.upperBound {
                    let to = min(StepLadder.floor(from, span) + span, part.seconds.upperBound)
                    calls.append(RecentCall(part: part, series: some, seconds: from..<to))
                    from = to
                }
            }
        }
        try await read(calls, queries, &found)
        for index in found.indices { found[index].read.insert(.redis) }
    }

    private func read(
        _ calls: [RecentCall], _ queries: [Query], _ found: inout [Found]
    ) async throws(StoreError) {
        let sets = queries.compactMap(\.metric.set)
        let failure = await withTaskGroup(of: (RecentCall, Result<RecentBuckets, StoreError>).self) {
            group -> StoreError? in
            var rest = calls[...]
            func ask() {
                guard let call = rest.popFirst() else { return }
                group.addTask {
                    (call, await StoreError.result { () throws(StoreError) in try await self.read(call, sets) })
                }
            }
            for _ in 0..<Self.callsAtOnce { ask() }
            for await (call, result) in group {
                do throws(StoreError) {
                    let read = try result.get()
                    ask()
                    for (index, query) in queries.enumerated() {
                        try await merge(read, of: call, query.metric.id, &found[index])
                    }
                } catch {
                    return error
                }
            }
            return nil
        }
        if let failure { throw failure }
    }

    private func read(_ call: RecentCall, _ sets: [MetricSet]) async throws(StoreError) -> RecentBuckets {
        if recentCalls >= Self.allCallsAtOnce {
            // Whoever is done hands its place over.
            await withCheckedContinuation { waitingCalls.append($0) }
        } else {
            recentCalls += 1
        }
        defer {
            if waitingCalls.isEmpty { recentCalls -= 1 } else { waitingCalls.removeFirst().resume() }
        }
        return try await recent.read(
            partition: call.part.partition, series: call.series.map(\.number), resolution: call.part.resolution,
            from: call.seconds.lowerBound, to: call.seconds.upperBound, sets: sets)
    }

    private func merge(
        _ read: RecentBuckets, of call: RecentCall, _ metric: MetricID, _ found: inout Found
    ) async throws(StoreError) {
        var places: [Int: Int] = Dictionary(minimumCapacity: call.series.count)
        for one in call.series { places[one.number] = found.buckets.place(of: one.key.labels) }
        let known = places
        let isLong = read.buckets.count + read.sets.count > Self.bucketsInPlace
        found.buckets = try await changed(found.buckets.take(), isLong: isLong) { buckets throws(StoreError) in
            for bucket in read.buckets { try Self.merge(bucket, metric, known, &buckets) }
            for bucket in read.sets { try Self.merge(bucket, metric, known, &buckets) }
        }
        let cursor = read.state.cursor
        let cursors = found.cursors[call.part.partition] ?? cursor...cursor
        found.cursors[call.part.partition] = min(cursors.lowerBound, cursor)...max(cursors.upperBound, cursor)
        found.newestMs = max(found.newestMs, read.state.newestMs)
    }

    private static func merge(
        _ bucket: RecentBuckets.Bucket, _ metric: MetricID, _ places: [Int: Int], _ buckets: inout GroupedBuckets
    ) throws(StoreError) {
        guard let place = places[bucket.series] else { return }
        do {
            try buckets.change(at: place, bucketMs: bucket.second * 1_000) { aggregate throws(DecodingFailure) in
                try RecordCodec.merge(bucket.record, of: metric, into: &aggregate)
            }
        } catch {
            throw StoreError(
                .incompatible, store: "redis", operation: "weir_read",
                detail: "the bucket \(bucket.second) of series \(bucket.series) is damaged: \(error)")
        }
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
