import Reactor
import TestKit
import Testing

@testable import Postgres

@Suite("PostgreSQL COPY", .needs(.postgres), .tags(.integration), .timeLimit(.minutes(1)))
struct PostgresCopyTests {
    private let fixture: PostgresFixture
    private static let table =
        "CREATE TEMP TABLE t (id int8 PRIMARY KEY, name text, share float8, at timestamptz, data bytea, tags text[])"
    private static let copy = "COPY t FROM STDIN (FORMAT binary)"

    init() throws { fixture = try PostgresFixture() }

    @Test func aHundredThousandRowsArrive() async throws {
        try await fixture.withConnection { connection in
            try await connection.execute(script: Self.table)
            let copied = try await connection.copyIn(Self.copy) { writer in
                for number in 0..<100_000 as Range<Int64> {
                    writer.beginRow(columns: 6)
                    writer.int8(number)
                    if number % 10 == 0 { writer.null() } else { writer.text("name \(number)") }
                    writer.float8(Double(number) / 2)
                    writer.timestamptz(us: number * 1_000_000)
                    writer.bytea([1, 2, UInt8(truncatingIfNeeded: number)])
                    writer.value(.textArray(["a", "b"]))
                    try await writer.endRow()
                }
                #expect(writer.rowCount == 100_000)
            }
            #expect(copied == 100_000)
            let result = try await connection.query(
                "SELECT count(*), count(name), sum(share), max(at), (SELECT data FROM t WHERE id = 255), min(tags) FROM t"
            )
            #expect(try result.integer(0, 0) == 100_000)
            #expect(try result.integer(0, 1) == 90_000)
            #expect(try result.float8(0, 2) == 2_499_975_000)
            #expect(try result.timestamptzUs(0, 3) == 99_999_000_000)
            #expect(try result.bytea(0, 4) == [1, 2, 255])
            #expect(try result.textArray(0, 5) == ["a", "b"])
        }
    }

    @Test func whatTheServerRefusesLeavesNoRow() async throws {
        try await fixture.withConnection { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (id int8 PRIMARY KEY)")
            let error = await failure {
                _ = try await connection.copyIn(Self.copy, operation: "copy t") { writer in
                    for _ in 0..<100_000 {
                        writer.beginRow(columns: 1)
                        writer.int8(1)
                        try await writer.endRow()
                    }
                }
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.operation.description == "copy t")
            let wrongColumns = await failure { _ = try await connection.copyIn("COPY nowhere FROM STDIN") { _ in } }
            #expect(wrongColumns?.sqlState == "42P01")
            #expect(try await connection.query("SELECT count(*) FROM t").integer(0, 0) == 0)
        }
    }

    @Test func aBodyThatThrowsLeavesNoRow() async throws {
        struct Refusal: Error {}
        try await fixture.withConnection { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (id int8)")
            await #expect(throws: Refusal.self) {
                try await connection.copyIn(Self.copy) { writer in
                    for number in 0..<50_000 as Range<Int64> {
                        writer.beginRow(columns: 1)
                        writer.int8(number)
                        try await writer.endRow()
                    }
                    throw Refusal()
                }
            }
            #expect(try await connection.query("SELECT count(*) FROM t").integer(0, 0) == 0)
        }
    }

    @Test func aServerThatDoesNotReadStopsTheWriterAtItsDeadline() async throws {
        let server = try await PostgresServer.start()
        try await fixture.withConnection(to: server, { $0.cancelGrace = .milliseconds(100) }) { connection in
            try await connection.execute(script: "CREATE TABLE t (id int8, name text)")
            let filler = String(repeating: "x", count: 1000)
            let error = await failure {
                _ = try await connection.copyIn(Self.copy, timeout: .milliseconds(300)) { writer in
                    server.freeze()
                    for number in 0..<1_000_000 as Range<Int64> {  // 1 GB, if it did not wait
                        writer.beginRow(columns: 2)
                        writer.int8(number)
                        writer.text(filler)
                        try await writer.endRow()
                    }
                }
            }
            server.thaw()
            #expect(error?.code == .timedOut)
            #expect(await !connection.isOpen)
            #expect(try await server.query("SELECT count(*) FROM t") == "0")
        }
    }

    @Test func rowsAreExportedPieceByPiece() async throws {
        try await fixture.withConnection { connection in
            var csv: [UInt8] = []
            var pieces = 0
            let rows = try await connection.copyOut(
                "COPY (SELECT n, n * 2 FROM generate_series(1, 50000) n) TO STDOUT (FORMAT csv)"
            ) { piece in
                csv += piece
                pieces += 1
            }
            #expect(rows == 50_000)
            #expect(pieces > 3)
            let lines = String(decoding: csv, as: UTF8.self).split(separator: "\n")
            #expect(lines.count == 50_000)
            #expect(lines.last == "50000,100000")
        }
    }

    @Test func anExportCanBeGivenUpAndTheConnectionLives() async throws {
        struct Enough: Error {}
        try await fixture.withConnection { connection in
            await #expect(throws: Enough.self) {
                try await connection.copyOut(
                    "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT"
                ) { _ in throw Enough() }
            }
            let late = await failure {
                _ = try await connection.copyOut("COPY (SELECT 1/(n - 3) FROM generate_series(1, 9) n) TO STDOUT") {
                    _ in
                }
            }
            #expect(late?.sqlState == "22012")
            let one = try await connection.query("SELECT 1").integer(0, 0)
            #expect(one == 1)
        }
    }
}
