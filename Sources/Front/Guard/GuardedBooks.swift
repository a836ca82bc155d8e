package import Analytics

/// The books in Redis behind its circuit breaker.
package struct GuardedBooksStore: BooksStore {
    private let store: any BooksStore
    private let breaker: CircuitBreaker

    /// Puts `breaker` in front of `store`.
    package init(_ store: any BooksStore, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func partitionCount() async throws(StoreError) -> Int {
        try await breaker.call("partitions") { [store] () throws(StoreError) in try await store.partitionCount() }
    }

    package func books(partition: Int, hoursMs: [Int64]) async throws(StoreError) -> PartitionBooks {
        try await breaker.call("weir_books") { [store] () throws(StoreError) in
            try await store.books(partition: partition, hoursMs: hoursMs)
        }
    }
}

/// What history counts, behind PostgreSQL's circuit breaker.
package struct GuardedHistoryBooks: HistoryBooks {
    private let store: any HistoryBooks
    private let breaker: CircuitBreaker

    /// Puts `breaker` in front of `store`.
    package init(_ store: any HistoryBooks, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func counted(partition: Int, except recent: RecentCount) async throws(StoreError) -> HistoryCount {
        try await breaker.call("count events") { [store] () throws(StoreError) in
            try await store.counted(partition: partition, except: recent)
        }
    }

    package func countedByHour(fromMs: Int64, toMs: Int64) async throws(StoreError) -> [HistoryHour] {
        try await breaker.call("count events by hour") { [store] () throws(StoreError) in
            try await store.countedByHour(fromMs: fromMs, toMs: toMs)
        }
    }
}
