package import Analytics

/// All boards of an installation: those of the configuration, which nobody changes here, and those that were saved.
///
/// A board of the configuration hides a saved one of the same name: it is the same on every front's answer, with or without
/// PostgreSQL, and whoever wants to change it finds it in one place.
package struct BoardShelf: Sendable {
    /// A board and how it may be treated.
    struct Entry: Sendable {
        let board: Board
        /// Nil: it is of the configuration.
        let version: Int64?
    }

    private let store: any BoardStore
    /// By name.
    private let configured: [String: Board]
    private let inOrder: [Board]

    /// - Parameters:
    ///   - store: of those that were saved.
    ///   - configured: of the configuration, each name once.
    package init(store: any BoardStore, configured: [Board] = []) {
        self.store = store
        inOrder = configured
        self.configured = Dictionary(configured.map { ($0.name, $0) }) { first, _ in first }
    }

    func isConfigured(_ name: String) -> Bool { configured[name] != nil }

    /// Those of the configuration in its order, then the saved ones by name; and the stores that are missing.
    func list() async -> (configured: [Board], stored: [StoredBoardName], degraded: [String]) {
        do throws(StoreError) {
            let stored = try await store.boards().filter { configured[$0.name] == nil }
            return (inOrder, stored, [])
        } catch {
            return (inOrder, [], ["\(error.store)"])
        }
    }

    /// The board of that name; nil where there is none.
    func board(named name: String) async throws(StoreError) -> Entry? {
        if let board = configured[name] { return Entry(board: board, version: nil) }
        return try await store.board(named: name).map { Entry(board: $0.board, version: $0.version) }
    }

    /// Saves a board; see `BoardStore.put`.
    ///
    /// - Precondition: the configuration has none of the name.
    func put(_ board: Board, if condition: BoardCondition, atMs: Int64) async throws(StoreError) -> BoardPut {
        precondition(!isConfigured(board.name), "boards of the configuration are read-only")
        return try await store.put(board, if: condition, atMs: atMs)
    }

    /// Forgets a saved board; see `BoardStore.delete`.
    ///
    /// - Precondition: the configuration has none of the name.
    func delete(named name: String, if condition: BoardCondition) async throws(StoreError) -> BoardDeletion {
        precondition(!isConfigured(name), "boards of the configuration are read-only")
        return try await store.delete(named: name, if: condition)
    }
}
