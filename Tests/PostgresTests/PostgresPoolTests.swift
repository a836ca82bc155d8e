import Reactor
import TestKit
import Testing

@testable import Postgres

@Suite("PostgreSQL pool", .needs(.postgres), .tags(.integration), .timeLimit(.minutes(1)))
struct PostgresPoolTests {
    private let fixture: PostgresFixture

    init() throws { fixture = try PostgresFixture() }

    @Test func manyCallersShareAFewConnections() async throws {
        try await fixture.withPool({ $0.maxConnections = 3 }) { pool in
            let pids = try await withThrowingTaskGroup { group in
                for _ in 0..<100 {
                    group.addTask { try await pool.query("SELECT pg_backend_pid()").integer(0, 0) }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect((1...3).contains(pids.count))
            #expect(await pool.counts.leased == 0)
        }
    }

    @Test func whoFindsNoFreeConnectionWaitsAndGivesUpInTime() async throws {
        try await fixture.withPool({
            $0.maxConnections = 1
            $0.maxWaiting = 1
        }) { pool in
            try await pool.withConnection { _ in
                let late = await failure { try await pool.withConnection(timeout: .milliseconds(30)) { _ in } }
                #expect(late?.code == .timedOut)
                let waiting = pool.loop.spawn { try await pool.withConnection { _ in } }
                try await eventually { await pool.counts.waiting == 1 }
                let tooMany = await failure { try await pool.withConnection { _ in } }
                #expect(tooMany?.code == .overloaded)
                waiting.cancel()
                let cancelled = await failure { try await waiting.value }
                #expect(cancelled?.code == .cancelled)
                #expect(await pool.counts.waiting == 0)
            }
            #expect(try await pool.query("SELECT 1").integer(0, 0) == 1)
        }
    }

    @Test func aRestartedServerIsFoundAgain() async throws {
        let server = try await PostgresServer.start()
        try await fixture.withPool(to: server) { pool in
            _ = try await pool.query("SELECT 1")
            try await server.stop(.immediate)
            try await eventually { await pool.counts.connections == 0 }
            let away = await failure { try await pool.withConnection(timeout: .milliseconds(100)) { _ in } }
            #expect(away?.code == .timedOut)
            #expect(away?.message.contains("\(server.port)") == true)
            let waiting = pool.loop.spawn { try await pool.query("SELECT 2").integer(0, 0) }
            try await server.launch()
            #expect(try await waiting.value == 2)
        }
    }

    @Test func whoFailsFastIsToldAtOnceThatTheServerIsAway() async throws {
        let server = try await PostgresServer.start()
        try await server.stop(.immediate)
        try await fixture.withPool(to: server, { $0.failsFast = true }) { pool in
            let error = await failure { try await pool.withConnection { _ in } }
            #expect(error?.code == .disconnected)
            try await server.launch()
            try await eventually { (try? await pool.query("SELECT 1")) != nil ? true : false }
        }
    }

    @Test func aConnectionWithAnOpenTransactionDoesNotComeBack() async throws {
        try await fixture.withPool { pool in
            let first = try await pool.withConnection { connection in
                try await connection.execute(script: "BEGIN")
                return try await connection.query("SELECT pg_backend_pid()").integer(0, 0)
            }
            let second = try await pool.query("SELECT pg_backend_pid()").integer(0, 0)
            #expect(first != second)
        }
    }

    @Test func transactionsOfAPoolRollBack() async throws {
        let server = try await PostgresServer.shared()
        let table = "pool_transaction"
        try await server.query("DROP TABLE IF EXISTS \(table); CREATE TABLE \(table) (a int)")
        try await fixture.withPool { pool in
            try await pool.withTransaction { connection in
                _ = try await connection.query("INSERT INTO pool_transaction VALUES ($1)", [.int4(1)])
            }
            let error = await failure {
                try await pool.withTransaction { connection in
                    _ = try await connection.query("INSERT INTO pool_transaction VALUES (2)")
                    _ = try await connection.query("SELECT 1/0")
                }
            }
            #expect(error?.sqlState == "22012")
            #expect(await pool.counts.connections == 1)
        }
        #expect(try await server.query("SELECT a FROM \(table)") == "1")
    }

    @Test func idleConnectionsAreTriedAndThenClosed() async throws {
        try await fixture.withPool({
            $0.checkAfter = .zero
            $0.closeAfter = .milliseconds(40)
        }) { pool in
            for _ in 0..<2 {
                let one = try await pool.query("SELECT 1").integer(0, 0)
                #expect(one == 1)
            }
            try await eventually { await pool.counts.connections == 0 }
        }
    }

    @Test func aClosedPoolRefuses() async throws {
        try await fixture.withPool { pool in
            try await pool.withConnection { connection in
                await pool.close()
                let one = try await connection.query("SELECT 1").integer(0, 0)
                #expect(one == 1)
            }
            let error = await failure { try await pool.withConnection { _ in } }
            #expect(error?.code == .disconnected)
            #expect(error?.message == "the pool is closed")
        }
    }
}
