package import Analytics

/// Refused events in Redis behind its circuit breaker; a change that is given up says `mayHaveRun`.
package struct GuardedRefusedStore: RefusedStore {
    private let store: any RefusedStore
    private let breaker: CircuitBreaker

    /// Puts `breaker` in front of `store`.
    package init(_ store: any RefusedStore, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func partitionCount() async throws(StoreError) -> Int {
        try await breaker.call("partitions") { [store] () throws(StoreError) in try await store.partitionCount() }
    }

    package func refused(
        partition: Int, after position: StreamID, limit: Int
    ) async throws(StoreError) -> [RefusedEvent] {
        try await breaker.call("XRANGE") { [store] () throws(StoreError) in
            try await store.refused(partition: partition, after: position, limit: limit)
        }
    }

    package func newestRefused(partition: Int) async throws(StoreError) -> StreamID {
        try await breaker.call("XREVRANGE") { [store] () throws(StoreError) in
            try await store.newestRefused(partition: partition)
        }
    }

    package func retry(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> [RetryOutcome] {
        try await breaker.call("weir_retry") { [store] () throws(StoreError) in
            try await store.retry(partition: partition, positions)
        }
    }

    package func drop(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> Int {
        try await breaker.call("XDEL") { [store] () throws(StoreError) in
            try await store.drop(partition: partition, positions)
        }
    }
}
