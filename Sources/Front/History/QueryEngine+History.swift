internal import Analytics
internal import Service

/// Reading PostgreSQL's part of an answer, and keeping what will not change.
extension QueryEngine {
    /// What is wanted of history.
    struct WantedHistory: Sendable {
        let query: Query
        let rangeMs: Range<Int64>
        /// By partition: read only before this.
        let before: [Int64]
        /// What lies before it has been compacted in every partition.
        let settledBeforeMs: Int64
        /// The aggregations for which pieces stay pieces.
        let columns: [Aggregation]?
        /// What is read may be kept, and what was kept is surely true: changes are heard of. Else that is used only because
        /// nothing changes.
        let isKept: Bool
    }

    /// Consecutive pieces that are read at once, or what is read each time.
    private struct HistoryRead: Sendable {
        let rangeMs: Range<Int64>
        let keys: [HistoryCache.Key]
    }

    /// Rows that one statement brings, about: some MB.
    private static let rowsPerRead = 20_000
    private static let seriesPerStatement = 1_000
    /// Looking a series up in the index costs as much as reading a few of its rows, so some hundred are read at once; but what is
    /// read is in memory unpacked until the last series has come.
    private static let bucketsPerRead = 200
    /// Statements at a time, fewer than the pool has connections.
    private static let readsAtOnce = 3

    /// Reads a part of an answer; what could not be read is missing from `found`, which says so.
    ///
    /// Returns false where what is held has moved meanwhile: the question is to be planned anew.
    func readHistory(_ part: WantedHistory, _ found: inout Found) async -> Bool {
        guard let history else { return true }
        let cache = part.isKept || part.before.isEmpty ? self.cache : nil
        let isCut = cache != nil || (part.columns != nil && LabelRollUps.use(for: part.query) != nil)
        let cut = HistoryPieces(
            part.rangeMs, stepMs: part.query.stepMs, settledBefore: isCut ? part.settledBeforeMs : .min,
            mayOverlap: !part.query.isOneBucket)
        let question = HistoryCache.Question(part.query)
        let ticket = cache?.begin()
        var chunks: [HistoryCache.Key: HistoryChunk] = [:]
        let keys = cut.kept.map { HistoryCache.Key(question: question, rangeMs: $0) }
        for key in keys {
            if let chunk = cache?.piece(key), chunk.answers(part, key) { chunks[key] = chunk }
        }
        if !chunks.isEmpty { found.read.insert(.memory) }
        let missing = keys.filter { chunks[$0] == nil }
        var isMissing = false
        if !missing.isEmpty || !cut.rest.isEmpty {
            do throws(StoreError) {
                let beganNs = time.monotonicNs()
                chunks.merge(try await labelRollUps(missing, part, cache, history)) { $1 }
                let unread = missing.filter { chunks[$0] == nil }
                // Who has all made ahead needs no series.
                let series =
                    unread.isEmpty && cut.rest.isEmpty
                    ? [] : try await selection.select(part.query.metric.name, part.query.filter, from: history)
                let reads = reads(unread, cut.rest, part.query, seriesCount: series.count)
                var rest = GroupedBuckets(part.query)
                let read = await read(reads, part, series, history) { read, buckets in
                    let isLong = buckets.count > Self.bucketsInPlace
                    guard !read.keys.isEmpty else {
                        rest = await changed(rest.take(), isLong: isLong) { $0.merge(buckets) }
                        return
                    }
                    let made = await computed(isLong: isLong) {
                        read.keys.map { key in
                            HistoryChunk(
                                read.keys.count == 1 ? buckets : buckets.part(key.rangeMs), part.columns ?? [],
                                seconds: Double(part.query.stepMs) / 1_000)
                        }
                    }
                    for (key, chunk) in zip(read.keys, made) { chunks[key] = chunk }
                }
                found.read.insert(.postgres)
                // What was dropped before the last row was read is said to be dropped by now.
                if let held = try? await history.held(nowMs: time.wallMs()) {
                    learned(held)
                    if part.query.rising(toWhatIsHeld: held).stepMs != part.query.stepMs { return false }
                }
                if let cache, let ticket, part.isKept {
                    for key in missing { if let chunk = chunks[key] { cache.keep(chunk, key, ticket) } }
                }
                found.buckets.merge(rest)
                metrics?.read(.postgres, nanoseconds: time.monotonicNs() &- beganNs)
                try read.get()
            } catch {
                logger.debug("PostgreSQL is left out of an answer", ["reason": "\(error)"])
                isMissing = true
            }
        }
        for key in keys {
            guard let chunk = chunks[key] ?? cache?.piece(key, allowsOld: true), chunk.answers(part, key) else {
                continue
            }
            let rangeMs = key.rangeMs.clamped(to: part.rangeMs)
            // A piece that is shorter than a step is not all of it.
            if part.columns != nil && key.isWholeSteps(part.query.stepMs) {
                found.pieces.append(Piece(key: key, chunk: chunk, rangeMs: rangeMs))
            } else {
                let wantedMs = part.query.isOneBucket ? .min ..< .max : part.rangeMs
                found.buckets = await changed(found.buckets.take(), isLong: chunk.count > Self.bucketsInPlace) {
                    chunk.merge(wantedMs, into: &$0)
                }
            }
        }
        if isMissing { found.missing.insert(.postgres) }
        return true
    }

    /// Puts consecutive pieces together where they are small.
    private func reads(
        _ missing: [HistoryCache.Key], _ rest: [Range<Int64>], _ query: Query, seriesCount: Int
    ) -> [HistoryRead] {
        var reads: [HistoryRead] = []
        for key in missing {
            // What was read is taken apart by steps, so none may be in two pieces.
            if !query.isOneBucket, let last = reads.last, last.rangeMs.upperBound == key.rangeMs.lowerBound,
                key.isWholeSteps(query.stepMs),
                last.keys[0].isWholeSteps(query.stepMs)
            {
                let rangeMs = last.rangeMs.lowerBound..<key.rangeMs.upperBound
                let resolution = Self.resolution(query, key.rangeMs)
                let buckets = Int((rangeMs.upperBound - rangeMs.lowerBound) / resolution.ms)
                let isSmall = buckets <= Self.bucketsPerRead || seriesCount * buckets <= Self.rowsPerRead
                if isSmall && resolution == Self.resolution(query, last.keys[0].rangeMs) {
                    reads[reads.count - 1] = HistoryRead(rangeMs: rangeMs, keys: last.keys + [key])
                    continue
                }
            }
            reads.append(HistoryRead(rangeMs: key.rangeMs, keys: [key]))
        }
        return reads + rest.map { HistoryRead(rangeMs: $0, keys: []) }
    }

    private static func resolution(_ query: Query, _ rangeMs: Range<Int64>) -> HistoryResolution {
        let length = rangeMs.upperBound - rangeMs.lowerBound
        return HistoryResolution(forStepMs: query.stepMs, fromMs: length.isMultiple(of: query.stepMs) ? 0 : length)
    }

    /// Reads a few at a time; each is given to `take` when it is there. Returns the first failure.
    private func read(
        _ reads: [HistoryRead], _ part: WantedHistory, _ series: [HistorySeries], _ history: any HistoryStore,
        _ take: (HistoryRead, GroupedBuckets) async -> Void
    ) async -> Result<Void, StoreError> {
        await withTaskGroup(of: (HistoryRead, Result<GroupedBuckets, StoreError>).self) { group in
            var rest = reads[...]
            var failure: StoreError?
            func add() {
                guard let read = rest.popFirst() else { return }
                group.addTask {
                    let result = await StoreError.result { () throws(StoreError) in
                        try await self.read(read, part, series, history)
                    }
                    return (read, result)
                }
            }
            for _ in 0..<Self.readsAtOnce { add() }
            for await (read, result) in group {
                switch result {
                case .success(let buckets): await take(read, buckets)
                case .failure(let error): failure = failure ?? error
                }
                if failure == nil { add() }
            }
            return failure.map { .failure($0) } ?? .success(())
        }
    }

    private func read(
        _ read: HistoryRead, _ part: WantedHistory, _ series: [HistorySeries], _ history: any HistoryStore
    ) async throws(StoreError) -> GroupedBuckets {
        let resolution =
            read.keys.first.map { Self.resolution(part.query, $0.rangeMs) }
            ?? HistoryResolution(forStepMs: part.query.stepMs, fromMs: read.rangeMs.lowerBound)
        let buckets = max(Int((read.rangeMs.upperBound - read.rangeMs.lowerBound) / resolution.ms), 1)
        let size = min(max(Self.rowsPerRead / buckets, 20), Self.seriesPerStatement)
        var found = GroupedBuckets(part.query)
        for start in stride(from: 0, to: series.count, by: size) {
            found = try await history.merge(
                series[start..<min(start + size, series.count)], into: found, fromMs: read.rangeMs.lowerBound,
                toMs: read.rangeMs.upperBound, before: part.before, resolution: resolution)
        }
        return found
    }

    /// What pieces say, as values; nil where there are none.
    func columns(_ pieces: [Piece], _ query: Query) async -> AnswerColumns? {
        if pieces.isEmpty { return nil }
        var columns = AnswerColumns(aggregationCount: query.aggregations.count)
        for piece in pieces {
            var chunk = piece.chunk
            if !chunk.has(query.aggregations) {
                let kept = cache?.completed(piece.key, query.aggregations)
                // Another question may have put values made ahead in its place, which lack some.
                if let kept, kept.has(query.aggregations) { chunk = kept }
                chunk = await changed(chunk, isLong: chunk.count > Self.bucketsInPlace) {
                    $0.complete(query.aggregations, seconds: Double(query.stepMs) / 1_000)
                }
            }
            for (group, labels) in chunk.labels.enumerated() {
                let rows = chunk.rows(ofGroup: group, in: piece.rangeMs)
                if rows.isEmpty { continue }
                let place = columns.place(of: labels)
                let weight = chunk.counts[rows].reduce(0, +)
                columns.append(times: chunk.starts[rows], weight: weight, at: place)
                for (index, aggregation) in query.aggregations.enumerated() {
                    guard let values = chunk.columns[aggregation] else { continue }
                    columns.append(values: values[rows], aggregation: index, at: place)
                }
            }
        }
        return columns
    }
}

extension HistoryCache.Key {
    /// No step is in another piece, too.
    func isWholeSteps(_ stepMs: Int64) -> Bool {
        (rangeMs.upperBound - rangeMs.lowerBound).isMultiple(of: stepMs)
    }
}

extension StoreError {
    /// What `body` returns or throws, as a value.
    static func result<Success>(
        _ body: () async throws(StoreError) -> Success
    ) async -> Result<Success, StoreError> {
        do throws(StoreError) { return .success(try await body()) } catch { return .failure(error) }
    }
}
