import Analytics
import Postgres
import PostgresStore
import TestKit
import Testing

@Suite("Boards in PostgreSQL", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct BoardStoreTests {
    private static let board = Board(
        name: "checkout", title: "Check \"out\" ü", range: "6h",
        panels: [
            .init(
                metric: "response_time", aggregations: ["p50", "p99"], by: ["service"],
                filters: [("endpoint", #"!/pay,\*"#), ("zone", "a,b")], title: "Fast?", size: .wide),
            .init(metric: "events"),
        ])

    private func withStore(_ body: @escaping @Sendable (PostgresBoardStore, DatabaseFixture) async throws -> Void)
        async throws
    {
        let fixture = try await DatabaseFixture(isMigrated: true)
        try await fixture.withPool { pool in try await body(PostgresBoardStore(pool: pool), fixture) }
    }

    private func created(_ put: BoardPut) throws -> Int64 {
        var version: Int64?
        if case .created(let found) = put { version = found }
        return try #require(version, "\(put)")
    }

    private func replaced(_ put: BoardPut) throws -> Int64 {
        var version: Int64?
        if case .replaced(let found) = put { version = found }
        return try #require(version, "\(put)")
    }

    @Test func whatIsSavedIsReadAgain() async throws {
        try await withStore { store, _ in
            #expect(try await store.boards() == [])
            #expect(try await store.board(named: "checkout") == nil)
            let first = try await created(store.put(Self.board, if: .none, atMs: 1_795_428_000_123))
            let read = try await store.board(named: "checkout")
            #expect(read == StoredBoard(board: Self.board, version: first))
            var other = Self.board
            other.title = "Other"
            let second = try await replaced(store.put(other, if: .none, atMs: 1_795_428_000_456))
            #expect(second > first)
            #expect(
                try await store.boards() == [
                    StoredBoardName(name: "checkout", title: "Other", version: second, updatedMs: 1_795_428_000_456)
                ])
        }
    }

    @Test func conditionsAreHeldToInOneStep() async throws {
        try await withStore { store, _ in
            let board = Self.board
            func put(_ condition: BoardCondition) async throws -> BoardPut {
                try await store.put(board, if: condition, atMs: 1)
            }
            #expect(try await put(.present) == .conditionFailed)
            #expect(try await put(.versions([1])) == .conditionFailed)
            let first = try await created(put(.absent))
            #expect(try await put(.absent) == .conditionFailed)
            #expect(try await put(.versions([first + 1])) == .conditionFailed)
            #expect(try await put(.versions([])) == .conditionFailed)
            let second = try await replaced(put(.versions([7_777, first])))
            #expect(try await put(.versions([first])) == .conditionFailed)
            #expect(try await store.delete(named: "checkout", if: .versions([first])) == .conditionFailed)
            #expect(try await store.delete(named: "checkout", if: .versions([second])) == .deleted)
            #expect(try await store.delete(named: "checkout", if: .none) == .missing)
            // Made anew it is no old version, so that whoever holds one of the old board does not overwrite it.
            let third = try await created(put(.none))
            #expect(third > second)
        }
    }

    @Test func ofManyWhoSaveAtOnceOneWins() async throws {
        try await withStore { store, _ in
            let first = try await created(store.put(Self.board, if: .none, atMs: 1))
            let outcomes = try await withThrowingTaskGroup(of: BoardPut.self) { group in
                for _ in 0..<12 { group.addTask { try await store.put(Self.board, if: .versions([first]), atMs: 2) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .conditionFailed } == 11, "\(outcomes)")
        }
    }

    @Test func thereAreNeverMoreThanABound() async throws {
        try await withStore { store, fixture in
            _ = try await fixture.sql(
                """
                INSERT INTO weir.board (name, title, body, updated_at)
                SELECT 'b' || n, 'B', '{"panels": []}', now() FROM generate_series(1, 1000) AS n
                """)
            #expect(try await store.put(Self.board, if: .none, atMs: 1) == .tooMany)
            #expect(try await store.put(Self.board, if: .absent, atMs: 1) == .tooMany)
            let known = Board(name: "b7", title: "B 7")
            _ = try await replaced(store.put(known, if: .none, atMs: 1))
            #expect(try await store.put(known, if: .absent, atMs: 1) == .conditionFailed)
            #expect(try await store.boards().count == 1_000)
        }
    }

    @Test func whatCannotBeReadIsSaid() async throws {
        try await withStore { store, fixture in
            _ = try await fixture.sql(
                "INSERT INTO weir.board (name, title, body, updated_at) VALUES ('new', 'N', '{\"format\": 2}', now())")
            let error = await #expect(throws: StoreError.self) { _ = try await store.board(named: "new") }
            #expect(error?.code == .incompatible && error?.detail.contains("format: is not one") == true)
            await #expect(throws: TestKitError.self) {
                _ = try await fixture.sql(
                    "INSERT INTO weir.board (name, title, body, updated_at) VALUES ('A b', 'N', '{}', now())")
            }
        }
    }
}
