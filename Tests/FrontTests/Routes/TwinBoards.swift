import Analytics
import Service

/// Stored boards in memory; also what the store in PostgreSQL is held against.
final class TwinBoards: BoardStore {
    struct State {
        var boards: [String: StoredBoard] = [:]
        var updatedMs: [String: Int64] = [:]
        var lastVersion: Int64 = 0
        var failure: StoreError?
    }

    private let state = Lock(State())

    func change(_ body: @Sendable (inout State) -> Void) { state.withLock { body(&$0) } }

    private func answer<Success: Sendable>(
        _ body: @Sendable (inout State) -> Success
    ) throws(StoreError) -> Success {
        let result: Result<Success, StoreError> = state.withLock { state in
            state.failure.map { .failure($0) } ?? .success(body(&state))
        }
        return try result.get()
    }

    func boards() async throws(StoreError) -> [StoredBoardName] {
        try answer { state in
            state.boards.values.sorted { $0.board.name < $1.board.name }.map {
                StoredBoardName(
                    name: $0.board.name, title: $0.board.title, version: $0.version,
                    updatedMs: state.updatedMs[$0.board.name] ?? 0)
            }
        }
    }

    func board(named name: String) async throws(StoreError) -> StoredBoard? { try answer { $0.boards[name] } }

    func put(_ board: Board, if condition: BoardCondition, atMs: Int64) async throws(StoreError) -> BoardPut {
        try answer { state in
            let known = state.boards[board.name]
            guard condition.holds(for: known) else { return .conditionFailed }
            if known == nil, state.boards.count >= Board.maxStored { return .tooMany }
            state.lastVersion += 1
            state.boards[board.name] = StoredBoard(board: board, version: state.lastVersion)
            state.updatedMs[board.name] = atMs
            return known == nil ? .created(version: state.lastVersion) : .replaced(version: state.lastVersion)
        }
    }

    func delete(named name: String, if condition: BoardCondition) async throws(StoreError) -> BoardDeletion {
        try answer { state in
            guard let known = state.boards[name] else { return .missing }
            guard condition.holds(for: known) else { return .conditionFailed }
            state.boards[name] = nil
            return .deleted
        }
    }
}

extension BoardCondition {
    fileprivate func holds(for board: StoredBoard?) -> Bool {
        switch self {
        case .none: true
        case .absent: board == nil
        case .present: board != nil
        case .versions(let versions): board.map { versions.contains($0.version) } ?? false
        }
    }
}
