internal import Analytics
internal import Service

/// Reading values that were made ahead, see `LabelRollUps`.
extension QueryEngine {
    /// Reads the pieces of `missing` that can be answered so, and are there whole.
    func labelRollUps(
        _ missing: [HistoryCache.Key], _ part: WantedHistory, _ cache: HistoryCache?, _ history: any HistoryStore
    ) async throws(StoreError) -> [HistoryCache.Key: HistoryChunk] {
        let query = part.query
        guard let asked = part.columns, let use = LabelRollUps.use(for: query) else { return [:] }
        let keys = missing.filter { $0.isWholeSteps(query.stepMs) }
        // With what others ask of the same pieces, so that two who take turns do not read them each time.
        let known = keys.compactMap { cache?.piece($0, allowsOld: true)?.columns.keys }.joined()
        let wanted = Set(asked).union(known).subtracting([.count])
        let aggregations = LabelRollUps.aggregations.filter(wanted.contains)
        var chunks: [HistoryCache.Key: HistoryChunk] = [:]
        for (rangeMs, keys) in HistoryCache.Key.runs(keys) {
            let made = try await history.labelRollUps(
                query.metric.name, by: use.label, stepMs: query.stepMs, rangeMs: rangeMs, aggregations: aggregations)
            let filter = query.filter
            let found = await computed(isLong: made.buckets.count > 1) {
                let labels = made.labels.map { labels -> LabelSet? in
                    guard filter.matches(labels) else { return nil }
                    return use.isOneOfMany ? LabelSet.none : labels
                }
                return keys.map { key in made.chunk(key.rangeMs, query.stepMs, aggregations, keeping: labels) }
            }
            for (key, chunk) in zip(keys, found) { chunks[key] = chunk }
        }
        metrics?.labelPieces.add(chunks.count)
        return chunks
    }
}

extension LabelRollUps {
    /// A piece; nil where one of its buckets is not there.
    fileprivate func chunk(
        _ rangeMs: Range<Int64>, _ stepMs: Int64, _ aggregations: [Aggregation], keeping labels: [LabelSet?]
    ) -> HistoryChunk? {
        let first = buckets.partitioningIndex { $0.startMs >= rangeMs.lowerBound }
        let end = first + Int((rangeMs.upperBound - rangeMs.lowerBound) / stepMs)
        guard end <= buckets.count, end > first, buckets[first].startMs == rangeMs.lowerBound,
            buckets[end - 1].startMs == rangeMs.upperBound - stepMs
        else { return nil }
        return HistoryChunk(self, first..<end, aggregations, keeping: labels)
    }
}

extension HistoryChunk {
    /// Whether it says of its piece all that is wanted.
    func answers(_ part: QueryEngine.WantedHistory, _ key: HistoryCache.Key) -> Bool {
        if hasRecords { return true }
        guard let columns = part.columns else { return false }
        return has(columns) && key.isWholeSteps(part.query.stepMs)
    }
}

extension HistoryCache.Key {
    /// Keys whose pieces follow one another, with the range of all of them.
    static func runs(_ keys: [Self]) -> [(rangeMs: Range<Int64>, keys: [Self])] {
        var runs: [(rangeMs: Range<Int64>, keys: [Self])] = []
        for key in keys {
            if let last = runs.last, last.rangeMs.upperBound == key.rangeMs.lowerBound {
                runs[runs.count - 1] = (last.rangeMs.lowerBound..<key.rangeMs.upperBound, last.keys + [key])
            } else {
                runs.append((key.rangeMs, [key]))
            }
        }
        return runs
    }
}

extension Array {
    /// The first place from which `isAfter` holds to the end, as it does from somewhere on; by halving.
    fileprivate func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
