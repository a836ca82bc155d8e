package import Analytics

/// Boards in PostgreSQL behind its circuit breaker; a change that is given up says `mayHaveRun`.
package struct GuardedBoardStore: BoardStore {
    private let store: any BoardStore
    private let breaker: CircuitBreaker

    /// Puts `breaker` in front of `store`.
    package init(_ store: any BoardStore, _ breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    package func boards() async throws(StoreError) -> [StoredBoardName] {
        try await breaker.call("list boards") { [store] () throws(StoreError) in try await store.boards() }
    }

    package func board(named name: String) async throws(StoreError) -> StoredBoard? {
        try await breaker.call("read board") { [store] () throws(StoreError) in try await store.board(named: name) }
    }

    package func put(
        _ board: Board, if condition: BoardCondition, atMs: Int64
    ) async throws(StoreError) -> BoardPut {
        try await breaker.call("write board") { [store] () throws(StoreError) in
            try await store.put(board, if: condition, atMs: atMs)
        }
    }

    package func delete(
        named name: String, if condition: BoardCondition
    ) async throws(StoreError) -> BoardDeletion {
        try await breaker.call("delete board") { [store] () throws(StoreError) in
            try await store.delete(named: name, if: condition)
        }
    }
}
