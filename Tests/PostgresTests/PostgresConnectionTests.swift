import Reactor
import Synchronization
import TestKit
import Testing

@testable import Postgres

@Suite("PostgreSQL connection", .needs(.postgres), .tags(.integration), .timeLimit(.minutes(1)))
struct PostgresConnectionTests {
    private let fixture: PostgresFixture

    init() throws { fixture = try PostgresFixture() }

    @Test func valuesOfAllTypesComeBackAsTheyWent() async throws {
        try await fixture.withConnection { connection in
            let result = try await connection.query(
                """
                SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::text, $7::bytea, $8::timestamptz,
                       $9::int4[], $10::int8[], $11::float8[], $12::text[], $13::bytea[], $14::timestamptz[], $15::int8,
                       '2026-11-23 10:00:00.123456+00'::timestamptz, 'infinity'::timestamptz, 1.5::float4, $16::text
                """,
                [
                    .bool(true), .int2(-2), .int4(.min), .int8(.max), .float8(-0.1), .text("größe\u{1F600}"),
                    .bytea([0, 255, 13]), .timestamptz(us: 1_795_428_000_123_456), .int4Array([1, -1]),
                    .int8Array([.min, 0, .max]), .float8Array([.infinity, 0.5]), .textArray(["", "a,b", "\"{}"]),
                    .byteaArray([[], [0]]), .timestamptzArray(us: [0, -1]), .null, .text(""),
                ])
            #expect(result.rowCount == 1)
            #expect(result.columnCount == 19)
            #expect(try result.bool(0, 0))
            #expect(try result.integer(0, 1) == -2)
            #expect(try result.integer(0, 2) == Int64(Int32.min))
            #expect(try result.integer(0, 3) == .max)
            #expect(try result.float8(0, 4) == -0.1)
            #expect(try result.text(0, 5) == "größe\u{1F600}")
            #expect(try result.bytea(0, 6) == [0, 255, 13])
            let length = try result.withBytea(0, 6) { $0.byteCount }
            #expect(length == 3)
            #expect(try result.timestamptzUs(0, 7) == 1_795_428_000_123_456)
            #expect(try result.int4Array(0, 8) == [1, -1])
            #expect(try result.int8Array(0, 9) == [.min, 0, .max])
            #expect(try result.float8Array(0, 10) == [.infinity, 0.5])
            #expect(try result.textArray(0, 11) == ["", "a,b", "\"{}"])
            #expect(try result.byteaArray(0, 12) == [[], [0]])
            #expect(try result.timestamptzArrayUs(0, 13) == [0, -1])
            let isNull = result.isNull(0, 14)
            #expect(isNull)
            #expect(try result.timestamptzUs(0, 15) == 1_795_428_000_123_456)
            #expect(try result.timestamptzUs(0, 16) == .max)
            #expect(try result.float8(0, 17) == 1.5)
            #expect(try result.text(0, 18) == "")
        }
    }

    @Test func readingAWrongTypeOrNullSaysWhichColumn() async throws {
        try await fixture.withConnection { connection in
            let result = try await connection.query("SELECT 1 AS number, NULL::int8 AS nothing", operation: "sample")
            let columns = [result.column("nothing"), result.column("other")]
            #expect(columns == [1, nil])
            let wrong = #expect(throws: PostgresError.self) { try result.text(0, 0) }
            #expect(wrong?.code == .wrongType)
            #expect(wrong?.message.contains("column number") == true)
            let null = #expect(throws: PostgresError.self) { try result.integer(0, 1) }
            #expect(null?.message.contains("column nothing: is NULL") == true)
        }
    }

    @Test func anErrorCarriesTheServersWords() async throws {
        try await fixture.withConnection { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
            let error = await failure {
                _ = try await connection.query("INSERT INTO t VALUES ($1)", [.int4(1)], operation: "insert t")
            }
            #expect(error?.code == .rejected)
            #expect(error?.sqlState == "23505")
            #expect(error?.detail == "Key (id)=(1) already exists.")
            #expect(error?.mayHaveRun == false)
            #expect(error?.description.hasPrefix("PostgreSQL insert t: duplicate key") == true)
            #expect(error?.description.contains("(1)") == false)
            let other = await failure { _ = try await connection.query("SELECT nope FROM t", isPrepared: false) }
            #expect(other?.sqlState == "42703")
            let script = await failure { try await connection.execute(script: "SELECT 1; SELECT 1/0; SELECT 2") }
            #expect(script?.sqlState == "22012")
            #expect(try await connection.query("SELECT count(*) FROM t").integer(0, 0) == 1)
        }
    }

    @Test func statementsArePreparedOnceAndAnewWhenTheirTablesChange() async throws {
        try await fixture.withConnection({ $0.maxPreparedStatements = 2 }) { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (7)")
            for _ in 0..<3 { #expect(try await connection.query("SELECT * FROM t").integer(0, 0) == 7) }
            let count = "SELECT count(*) FROM pg_prepared_statements"
            #expect(try await connection.query(count, isPrepared: false).integer(0, 0) == 1)
            try await connection.execute(script: "ALTER TABLE t ALTER a TYPE text")
            let error = await failure { _ = try await connection.query("SELECT * FROM t") }
            #expect(error?.sqlState == "0A000")
            #expect(try await connection.query("SELECT * FROM t").text(0, 0) == "7")
            for number in 0..<5 { _ = try await connection.query("SELECT \(number)") }
            #expect(try await connection.query(count, isPrepared: false).integer(0, 0) == 3)
        }
    }

    @Test func aStatementThatTakesTooLongIsCancelledAndTheConnectionLives() async throws {
        try await fixture.withConnection { connection in
            let pid = try await connection.query("SELECT pg_backend_pid()").integer(0, 0)
            let error = await failure {
                _ = try await connection.query("SELECT pg_sleep(60)", timeout: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == false)
            #expect(try await connection.query("SELECT pg_backend_pid()").integer(0, 0) == pid)
        }
    }

    @Test func aCancelledTaskCancelsItsStatement() async throws {
        let server = try await PostgresServer.shared()
        try await fixture.withConnection { connection in
            let running = connection.loop.spawn { _ = try await connection.query("SELECT pg_sleep(60) /* mine */") }
            let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* mine */' AND state = 'active'"
            try await eventually { try await server.query(sleeping) == "1" }
            running.cancel()
            let error = await failure { _ = try await running.value }
            #expect(error?.code == .cancelled)
            #expect(try await connection.query("SELECT 1").integer(0, 0) == 1)
            #expect(try await server.query(sleeping) == "0")
        }
    }

    @Test func aServerThatDoesNotEvenCancelCostsTheConnection() async throws {
        let server = try await PostgresServer.start()
        try await fixture.withConnection(to: server, { $0.cancelGrace = .milliseconds(100) }) { connection in
            server.freeze()
            let error = await failure { _ = try await connection.query("SELECT 1", timeout: .milliseconds(50)) }
            server.thaw()
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == true)
            #expect(await !connection.isOpen)
            let after = await failure { _ = try await connection.query("SELECT 1") }
            #expect(after?.code == .disconnected)
            #expect(after?.mayHaveRun == false)
        }
    }

    @Test func aKilledBackendIsALostConnection() async throws {
        let server = try await PostgresServer.shared()
        try await fixture.withConnection { connection in
            let pid = try await connection.query("SELECT pg_backend_pid()").integer(0, 0)
            let running = connection.loop.spawn { _ = try await connection.query("SELECT pg_sleep(60)") }
            try await eventually {
                try await server.query("SELECT state FROM pg_stat_activity WHERE pid = \(pid)") == "active"
            }
            try await server.query("SELECT pg_terminate_backend(\(pid))")
            let error = await failure { _ = try await running.value }
            #expect(error?.code == .disconnected)
            #expect(error?.sqlState == "57P01")
            #expect(error?.mayHaveRun == true)
            #expect(await !connection.isOpen)
        }
    }

    @Test func anIdleConnectionNoticesTheServersGoodbye() async throws {
        let server = try await PostgresServer.shared()
        try await fixture.withConnection { connection in
            let pid = try await connection.query("SELECT pg_backend_pid()").integer(0, 0)
            try await server.query("SELECT pg_terminate_backend(\(pid))")
            try await eventually { await !connection.isOpen }
        }
    }

    @Test func closingEndsAStatementThatRuns() async throws {
        let server = try await PostgresServer.shared()
        try await fixture.withConnection { connection in
            let running = connection.loop.spawn { _ = try await connection.query("SELECT pg_sleep(60) /* closed */") }
            let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* closed */' AND state = 'active'"
            try await eventually { try await server.query(sleeping) == "1" }
            await connection.close()
            let error = await failure { _ = try await running.value }
            #expect(error?.code == .disconnected)
            #expect(error?.mayHaveRun == true)
        }
    }

    @Test func aConnectionThatNobodyHoldsIsEnded() async throws {
        let server = try await PostgresServer.shared()
        var configuration = try PostgresConfiguration(server.url())
        configuration.applicationName = "forgotten"
        let fixed = configuration
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'forgotten'"
        defer { fixture.loop.stop() }
        try await fixture.loop.run { [loop = fixture.loop] in
            let connection = try await PostgresConnection.connect(fixed, loop: loop)
            let count = try await connection.query(sessions).integer(0, 0)
            #expect(count == 1)
        }
        try await eventually { try await server.query(sessions) == "0" }
    }

    @Test func aTransactionIsCommittedOrRolledBackAsAWhole() async throws {
        try await fixture.withConnection { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (a int)")
            let returned = try await connection.withTransaction(isolation: .serializable) {
                _ = try await connection.query("INSERT INTO t VALUES (1)")
                return 42
            }
            #expect(returned == 42)
            struct Refusal: Error {}
            await #expect(throws: Refusal.self) {
                try await connection.withTransaction {
                    _ = try await connection.query("INSERT INTO t VALUES (2)")
                    throw Refusal()
                }
            }
            let swallowed = await failure {
                try await connection.withTransaction {
                    _ = try await connection.query("INSERT INTO t VALUES (3)")
                    _ = try? await connection.query("SELECT 1/0")
                }
            }
            #expect(swallowed?.operation.description == "COMMIT")
            let readOnly = await failure {
                try await connection.withTransaction(isReadOnly: true) {
                    try await connection.execute(script: "CREATE TABLE never (a int)")
                }
            }
            #expect(readOnly?.sqlState == "25006")
            #expect(try await connection.query("SELECT array_agg(a) FROM t").int4Array(0, 0) == [1])
            #expect(await connection.isReusable)
        }
    }

    @Test func aCancelledTransactionIsRolledBack() async throws {
        try await fixture.withConnection { connection in
            try await connection.execute(script: "CREATE TEMP TABLE t (a int)")
            let running = connection.loop.spawn {
                try await connection.withTransaction {
                    _ = try await connection.query("INSERT INTO t VALUES (1)")
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            let error = await failure { try await running.value }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveRun == false)
            #expect(await connection.isReusable)
            #expect(try await connection.query("SELECT count(*) FROM t").integer(0, 0) == 0)
        }
    }

    @Test func noticesAreHandedOn() async throws {
        let seen = Mutex<[String]>([])
        try await fixture.withConnection({
            $0.onNotice = { notice in seen.withLock { $0.append("\(notice.severity) \(notice.message)") } }
        }) { connection in
            try await connection.execute(script: "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$")
        }
        #expect(seen.withLock { $0 } == ["NOTICE one", "WARNING two"])
    }

    @Test func withoutGraceTheServerIsNotAskedToCancel() async throws {
        let server = try await PostgresServer.shared()
        try await fixture.withConnection({ $0.cancelGrace = .zero }) { connection in
            let pid = try await connection.query("SELECT pg_backend_pid()").integer(0, 0)
            let error = await failure {
                _ = try await connection.query("SELECT pg_sleep(60)", timeout: .milliseconds(50))
            }
            #expect(error?.code == .timedOut && error?.mayHaveRun == true)
            #expect(await !connection.isOpen)
            // A session notices that its client is gone only after its statement; a cancelled one would be over.
            let session = "FROM pg_stat_activity WHERE pid = \(pid) AND state = 'active'"
            #expect(try await server.query("SELECT count(*) \(session)") == "1")
            try await server.query("SELECT pg_terminate_backend(pid) \(session)")
        }
    }

    @Test func aServerThatIsNotThereIsSaidSo() async throws {
        let port = try FreePort.next()
        let configuration = try PostgresConfiguration("postgres://localhost:\(port)/x")
        defer { fixture.loop.stop() }
        try await fixture.loop.run { [loop = fixture.loop] in
            let error = await failure { _ = try await PostgresConnection.connect(configuration, loop: loop) }
            #expect(error?.code == .disconnected)
            #expect(error?.message.contains("\(port)") == true)
            let unknown = try PostgresConfiguration("postgres://no-such-host.invalid/x")
            let other = await failure { _ = try await PostgresConnection.connect(unknown, loop: loop) }
            #expect(other?.code == .disconnected || other?.code == .timedOut)
        }
    }

    @Test func aNameAndAUnixSocketLeadToTheServer() async throws {
        let server = try await PostgresServer.shared()
        defer { fixture.loop.stop() }
        let byName = try PostgresConfiguration("postgres://weir@localhost:\(server.port)/postgres")
        let bySocket = try PostgresConfiguration(server.socketURL())
        try await fixture.loop.run { [loop = fixture.loop] in
            for configuration in [byName, bySocket] {
                let connection = try await PostgresConnection.connect(configuration, loop: loop)
                let name = try await connection.query("SHOW application_name").text(0, 0)
                #expect(name == "weir")
                await connection.close()
            }
        }
    }

    @Test func noPasswordIsEverShown() throws {
        let configuration = try PostgresConfiguration("postgres://ana:topsecret@h/x")
        var shown = "\(configuration) \(String(reflecting: configuration))"
        dump(configuration, to: &shown)
        #expect(!shown.contains("topsecret"))
        #expect {
            try PostgresConfiguration("postgres://ana:topsecret@[h/x")
        } throws: {
            ($0 as? PostgresError)?.code == .badConfiguration && !"\($0)".contains("topsecret")
        }
        #expect {
            try PostgresConfiguration("hots=here")
        } throws: {
            "\($0)".contains("hots")
        }
    }
}
