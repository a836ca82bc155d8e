package import Analytics

/// PostgreSQL behind its circuit breaker, for questions; see `CircuitBreaker.call` for what that means for errors.
package struct GuardedHistoryStore: HistoryStore {
    private let store: any HistoryStore
    private let breaker: CircuitBreaker

    /// Puts `breaker` in front of `store`.
    package init(_ store: any HistoryStore, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        try await breaker.call("read series") { [store] () throws(StoreError) in
            try await store.series(ofMetric: name, from: id)
        }
    }

    package func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld {
        try await breaker.call("read retention") { [store] () throws(StoreError) in
            try await store.held(nowMs: nowMs)
        }
    }

    package func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        try await breaker.call("read minutes") { [store] () throws(StoreError) in
            try await store.rows(
                series: series, fromMs: fromMs, toMs: toMs, before: before, resolution: resolution)
        }
    }

    package func merge(
        _ series: ArraySlice<HistorySeries>, into buckets: GroupedBuckets, fromMs: Int64, toMs: Int64, before: [Int64],
        resolution: HistoryResolution
    ) async throws(StoreError) -> GroupedBuckets {
        try await breaker.call("read minutes") { [store] () throws(StoreError) in
            try await store.merge(
                series, into: buckets, fromMs: fromMs, toMs: toMs, before: before, resolution: resolution)
        }
    }

    package func labelRollUps(
        _ metric: String, by label: String, stepMs: Int64, rangeMs: Range<Int64>, aggregations: [Aggregation]
    ) async throws(StoreError) -> LabelRollUps {
        try await breaker.call("read label roll-ups") { [store] () throws(StoreError) in
            try await store.labelRollUps(
                metric, by: label, stepMs: stepMs, rangeMs: rangeMs, aggregations: aggregations)
        }
    }
}
