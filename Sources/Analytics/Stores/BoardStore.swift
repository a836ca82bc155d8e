/// Boards that admins saved.
package protocol BoardStore: Sendable {
    /// All of them, by name, without their panels.
    func boards() async throws(StoreError) -> [StoredBoardName]
    /// The board of that name; nil where there is none.
    func board(named name: String) async throws(StoreError) -> StoredBoard?
    /// Writes `board` where `condition` holds, in one step.
    func put(_ board: Board, if condition: BoardCondition, atMs: Int64) async throws(StoreError) -> BoardPut
    /// Forgets the board of that name where `condition` holds, in one step.
    func delete(named name: String, if condition: BoardCondition) async throws(StoreError) -> BoardDeletion
}

/// What must be so for a board to be changed.
package enum BoardCondition: Sendable, Equatable {
    case none
    /// There is no board of the name yet.
    case absent
    /// There is one, whichever.
    case present
    /// There is one, and it has one of these versions.
    case versions([Int64])
}

/// What became of a board that was to be written.
package enum BoardPut: Sendable, Equatable {
    case created(version: Int64)
    case replaced(version: Int64)
    /// The condition did not hold; nothing was written.
    case conditionFailed
    /// `Board.maxStored` others are stored already.
    case tooMany
}

/// What became of a board that was to be forgotten.
package enum BoardDeletion: Sendable, Equatable {
    case deleted
    case missing
    /// There is one, but the condition did not hold.
    case conditionFailed
}

/// A stored board in a list.
package struct StoredBoardName: Sendable, Equatable {
    package let name: String
    package let title: String
    /// Another one with each change, never used before, not even by a board of the same name.
    package let version: Int64
    /// Of the last change, ms since 1970.
    package let updatedMs: Int64

    package init(name: String, title: String, version: Int64, updatedMs: Int64) {
        self.name = name
        self.title = title
        self.version = version
        self.updatedMs = updatedMs
    }
}

/// A stored board.
package struct StoredBoard: Sendable, Equatable {
    package let board: Board
    /// As of `StoredBoardName`.
    package let version: Int64

    package init(board: Board, version: Int64) {
        self.board = board
        self.version = version
    }
}
