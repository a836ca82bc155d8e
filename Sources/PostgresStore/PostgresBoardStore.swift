package import Analytics
package import Postgres
internal import Service
internal import Wire

/// Boards in PostgreSQL, in `weir.board`.
package struct PostgresBoardStore: BoardStore {
    private let pool: PostgresPool
    private let timeout: Duration

    /// - Parameters:
    ///   - pool: the front's connections.
    ///   - timeout: for one statement; it is then cancelled.
    package init(pool: PostgresPool, timeout: Duration = .seconds(10)) {
        self.pool = pool
        self.timeout = timeout
    }

    package func boards() async throws(StoreError) -> [StoredBoardName] {
        try await mapping {
            let found = try await pool.query(
                Statement.boards, [.int8(Int64(Board.maxStored))], operation: "list boards", timeout: timeout)
            var names: [StoredBoardName] = []
            for row in 0..<found.rowCount {
                names.append(
                    StoredBoardName(
                        name: try found.text(row, 0), title: try found.text(row, 1),
                        version: try found.integer(row, 2), updatedMs: try found.timestamptzUs(row, 3) / 1_000))
            }
            return names
        }
    }

    package func board(named name: String) async throws(StoreError) -> StoredBoard? {
        try await mapping {
            let found = try await pool.query(
                Statement.board, [.text(name)], operation: "read board", timeout: timeout)
            if found.rowCount == 0 { return nil }
            var problems: [BoardJSON.Problem] = []
            let value = try? JSON5.parse(Array(try found.text(0, 0).utf8))
            guard let board = value.flatMap({ BoardJSON.read($0, name: name, problems: &problems) }) else {
                let detail = problems.isEmpty ? "is no JSON" : problems.map(\.description).joined(separator: "; ")
                throw StoreError(
                    .incompatible, store: "postgres", operation: "read board", detail: "weir.board: \(detail)")
            }
            return StoredBoard(board: board, version: try found.integer(0, 1))
        }
    }

    package func put(
        _ board: Board, if condition: BoardCondition, atMs: Int64
    ) async throws(StoreError) -> BoardPut {
        var written: [PostgresParameter] = [
            .text(board.name), .text(board.title), .text(String(decoding: BoardJSON.encode(board), as: UTF8.self)),
            .timestamptz(us: atMs * 1_000),
        ]
        let created = written + [.int8(Int64(Board.maxStored))]
        if case .versions(let versions) = condition {
            written.append(.int8Array(versions))
        } else {
            written.append(.null)
        }
        // Another front may make or forget the board between two of these statements; then it is tried once more.
        for _ in 0..<3 {
            if condition != .absent {
                if let version = try await change(Statement.replaceBoard, written) {
                    return .replaced(version: version)
                }
                if condition != .none { return .conditionFailed }
            }
            if let version = try await change(Statement.createBoard, created) { return .created(version: version) }
            guard try await self.board(isThere: board.name) else { return .tooMany }
            if condition == .absent { return .conditionFailed }
        }
        throw StoreError(
            .unavailable, store: "postgres", operation: "write board", detail: "others are changing the same board")
    }

    package func delete(
        named name: String, if condition: BoardCondition
    ) async throws(StoreError) -> BoardDeletion {
        try await mapping {
            var versions = PostgresParameter.null
            if case .versions(let wanted) = condition { versions = .int8Array(wanted) }
            let found = try await pool.query(
                Statement.deleteBoard, [.text(name), versions], operation: "delete board", timeout: timeout)
            if try found.bool(0, 1) { return .deleted }
            return try found.bool(0, 0) ? .conditionFailed : .missing
        }
    }

    /// Runs a statement that returns the new version, or nothing where it wrote nothing.
    private func change(
        _ statement: String, _ parameters: [PostgresParameter]
    ) async throws(StoreError) -> Int64? {
        try await mapping {
            let found = try await pool.query(statement, parameters, operation: "write board", timeout: timeout)
            return found.rowCount == 0 ? nil : try found.integer(0, 0)
        }
    }

    private func board(isThere name: String) async throws(StoreError) -> Bool {
        try await mapping {
            try await pool.query(Statement.board, [.text(name)], operation: "read board", timeout: timeout).rowCount > 0
        }
    }
}
