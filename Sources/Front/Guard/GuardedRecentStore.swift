package import Analytics

/// Redis behind its circuit breaker, for questions; see `CircuitBreaker.call` for what that means for errors.
package struct GuardedRecentStore: RecentStore {
    private let store: any RecentStore
    private let breaker: CircuitBreaker

    /// `store` must not wait for live batches through this: waiting is no sign of anything.
    package init(_ store: any RecentStore, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func partitionCount() async throws(StoreError) -> Int {
        try await breaker.call("partitions") { [store] () throws(StoreError) in try await store.partitionCount() }
    }

    package func definitions() async throws(StoreError) -> Definitions? {
        try await breaker.call("definitions") { [store] () throws(StoreError) in try await store.definitions() }
    }

    package func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        try await breaker.call("series") { [store] () throws(StoreError) in
            try await store.series(partition: partition, from: number)
        }
    }

    package func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets {
        try await breaker.call("weir_read") { [store] () throws(StoreError) in
            try await store.read(
                partition: partition, series: series, resolution: resolution, from: from, to: to, sets: sets)
        }
    }

    package func livePosition(partition: Int) async throws(StoreError) -> StreamID {
        try await store.livePosition(partition: partition)
    }

    package func live(
        partition: Int, after position: StreamID, wait: Duration
    ) async throws(StoreError) -> [LiveBatch] {
        try await store.live(partition: partition, after: position, wait: wait)
    }
}
