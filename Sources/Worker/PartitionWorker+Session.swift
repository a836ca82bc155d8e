internal import Analytics
internal import Service

/// One session: from reading the cursor until something has changed that this worker did not do itself.
///
/// Three tasks on one thread: one reads and folds, one applies, one keeps the lease. Whichever ends ends the others.
extension PartitionWorker {
    /// Tells another task of the session that there is something to look at.
    private struct Signal {
        let stream: AsyncStream<Void>
        let post: AsyncStream<Void>.Continuation

        init() { (stream, post) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }
    }

    private static let longestWait = Duration.milliseconds(250)
    /// Events folded in one turn of the loop: a few milliseconds.
    private static let eventsPerTurn = 2_000
    /// A read is made smaller where it brings more than this: one reply is held in memory whole.
    private static let bytesPerRead = 2 << 20

    /// Works until the session is over, or the task cancelled.
    ///
    /// - Throws: `Restart`, or `StoreError`.
    func work() async throws {
        let (arrivals, room) = (Signal(), Signal())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.readLog(arrivals, room) }
            group.addTask { try await self.applyBatches(arrivals, room) }
            group.addTask { try await self.keepHold() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    // MARK: Reading

    /// Reads what there is, and folds it while the next read is on its way.
    private func readLog(_ arrivals: Signal, _ room: Signal) async throws {
        var maxCount = min(100, configuration.maxEntriesPerRead)
        var entries = try await read(after: reader.side.last, maxCount)
        var roomSignals = room.stream.makeAsyncIterator()
        while !Task.isCancelled {
            isBehind = entries.count == maxCount
            maxCount = nextCount(maxCount, entries)
            metrics.entries.add(entries.count)
            let (position, count) = (entries.last?.id ?? reader.side.last, maxCount)
            async let next = read(after: position, count)
            var events = 0
            for entry in entries {
                if events == 0 || events >= Self.eventsPerTurn {
                    // The next read leaves, and others on the loop have their turn.
                    await Task.yield()
                    events = 0
                }
                while isFull {
                    arrivals.post.yield()
                    if await roomSignals.next(isolation: self) == nil { return }
                }
                let before = reader.side.eventCount
                reader.read(entry)
                events += max(reader.side.eventCount - before, 1)
            }
            if !entries.isEmpty { arrivals.post.yield() }
            entries = try await next
        }
    }

    private func read(after position: StreamID, _ maxCount: Int) async throws(StoreError) -> [LogEntry] {
        try await store.entries(
            partition: partition, session: session, after: position, maxCount: maxCount, wait: Self.longestWait)
    }

    /// Entries of the next read: more while they are small, and few where some are huge.
    private func nextCount(_ count: Int, _ entries: [LogEntry]) -> Int {
        guard !entries.isEmpty else { return count }
        let bytes = entries.reduce(0) { $0 + $1.byteCount }
        let fitting = max(1, Self.bytesPerRead / max(1, bytes / entries.count))
        return min(configuration.maxEntriesPerRead, count * 2, fitting)
    }

    private var isFull: Bool {
        reader.aggregator.touchedCount >= configuration.maxTouched || reader.side.eventCount >= configuration.maxEvents
            || reader.hasManyRefused
    }

    // MARK: Applying

    private func applyBatches(_ arrivals: Signal, _ room: Signal) async throws {
        var arrivalSignals = arrivals.stream.makeAsyncIterator()
        while await arrivalSignals.next(isolation: self) != nil {
            while !reader.isEmpty {
                try await untilDue()
                let batch = take()
                pacer.begin(nowNs: time.monotonicNs())
                room.post.yield()
                try await apply(batch)
                pacer.end(nowNs: time.monotonicNs(), isBehind: isBehind)
            }
        }
    }

    private func untilDue() async throws {
        while !isFull {
            let nowNs = time.monotonicNs()
            guard pacer.dueNs > nowNs else { return }
            // In small steps: the batch may become full meanwhile.
            try await Task.sleep(for: .nanoseconds(Int64(min(pacer.dueNs - nowNs, 5_000_000))))
        }
    }

    private func take() -> Batch {
        let (deltas, sets, side) = reader.take()
        let newSeries = (seriesStored..<reader.aggregator.seriesCount).map { number in
            NumberedSeries(number: number, key: reader.aggregator.key(ofSeries: number))
        }
        seriesStored = reader.aggregator.seriesCount
        return Batch(deltas: deltas, sets: sets, side: side, newSeries: newSeries)
    }

    /// Applies a batch, again with what Redis told where buckets were not as they were thought to be.
    private func apply(_ batch: Batch) async throws {
        let began = time.monotonicNs()
        let (deltas, setDeltas) = (batch.deltas.map(\.published), batch.sets.map(\.published))
        while true {
            var request = request(for: batch, encoded: deltas.map(\.record))
            (request.deltas, request.setDeltas) = (deltas, setDeltas)
            switch try await store.apply(request, partition: partition, session: session) {
            case .applied(let horizon, let settled):
                cursor = request.to
                (horizonSecond, settledSecond) = (horizon, settled)
                for (series, second) in request.seen { seenMinute[series] = second }
                metrics.applied(
                    events: batch.side.eventCount, touched: batch.deltas.count + batch.sets.count,
                    refused: batch.side.books.values.reduce(0) { $0 + $1.refused + $1.late },
                    ns: time.monotonicNs() - began)
                return
            case .stale: throw Restart(reason: "the cursor has moved")
            case .definitionsChanged: throw Restart(reason: "definitions")
            case .changed(let buckets, let changedTops):
                // The compaction has let buckets expire since the last batch.
                guard cache.canTakeBack else { throw Restart(reason: "buckets have expired") }
                cache.takeBack()
                tops.takeBack()
                for top in changedTops { tops.learn(top) }
                for bucket in buckets {
                    do {
                        try cache.learn(bucket)
                    } catch {
                        throw StoreError(
                            .incompatible, store: "redis", operation: "reading a bucket",
                            detail: "series \(bucket.series), second \(bucket.second): \(error)")
                    }
                }
            }
        }
    }

    private func request(for batch: Batch, encoded: [[UInt8]]) -> AppliedBatch {
        var request = AppliedBatch(
            from: cursor, to: batch.side.last, definitionsVersion: definitionsVersion, newestMs: batch.side.newestMs)
        request.tops = tops.merge(batch.sets)
        (request.fine, request.coarse) = cache.merge(
            batch.deltas, encoded: encoded, horizonSecond: horizonSecond, settledSecond: settledSecond,
            mustBeUndoable: request.tops.contains { $0.isNew || $0.minute - $0.minute % 600 <= settledSecond })
        request.uniques = batch.sets.filter { $0.set.kind == .unique }.map {
            .init(series: $0.series, metric: $0.set.metric, minute: $0.minute, isNew: $0.isNew, values: $0.values)
        }
        request.newSeries = batch.newSeries
        request.refused = batch.side.refused
        request.books = batch.side.books
        request.upto = batch.side.upto
        request.entryCount = batch.side.entryCount
        var dirty: [Int64: [Int]] = [:]
        while seenMinute.count < seriesStored { seenMinute.append(.min) }
        for (place, write) in request.coarse.enumerated() {
            let minute = write.second - write.second % 60
            if dirty[minute]?.last != write.series { dirty[minute, default: []].append(write.series) }
            // Writes of a series stand together, the latest last.
            let isLast = place + 1 == request.coarse.count || request.coarse[place + 1].series != write.series
            if isLast && minute > seenMinute[write.series] { request.seen.append((write.series, minute)) }
        }
        request.dirty = dirty.sorted { $0.key < $1.key }.map { (minute: $0.key, series: $0.value) }
        return request
    }

    // MARK: Holding

    /// Keeps the lease, looks whether the definitions have changed while nothing comes, and measures the lag.
    private func keepHold() async throws {
        while true {
            let every = configuration.lease > .zero ? min(configuration.lease / 3, .seconds(1)) : .seconds(1)
            try await Task.sleep(for: every)
            guard configuration.isWanted() else {
                await giveLeaseBack()
                throw Restart(reason: "the partition is another worker's")
            }
            guard try await holdsLease() else { throw Restart(reason: "the lease is lost") }
            let leading = try await store.leadingDefinitions()?.version ?? 0
            if leading > definitionsVersion { throw Restart(reason: "definitions") }
            metrics.lags(try await store.lag(partition: partition), partition: partition)
        }
    }
}
