import TestKit
import Testing

@Suite("A throwaway PostgreSQL", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct PostgresServerTests {
    @Test func copiesATemplateMadeOnce() async throws {
        let server = try await PostgresServer.shared()
        let made = Counter()
        let prepare: @Sendable (String) async throws -> Void = { database in
            made.add()
            try await server.query("CREATE TABLE t (x int); INSERT INTO t VALUES (7)", database: database)
        }
        async let one = server.template("kit", prepare: prepare)
        async let two = server.template("kit", prepare: prepare)
        let template = try await one
        #expect(try await two == template)
        #expect(made.value == 1)
        let copy = try await server.createDatabase(template: template)
        #expect(try await server.query("SELECT x, x + 1 FROM t", database: copy) == "7|8")
    }

    @Test func saysWhatPostgresSays() async throws {
        let server = try await PostgresServer.shared()
        let error = await #expect(throws: TestKitError.self) { try await server.query("SELECT nothing") }
        #expect(error?.description.contains("column \"nothing\" does not exist") == true)
    }

    @Test func keepsCommittedRowsThroughAKill() async throws {
        let server = try await PostgresServer.start()
        try await server.query("CREATE TABLE t AS SELECT 1 AS x; INSERT INTO t VALUES (2)")
        try await server.crash()
        try await server.launch()
        #expect(try await server.query("SELECT count(*) FROM t") == "2")
        try await server.restart(.immediate)
        #expect(try await server.query("SELECT count(*) FROM t") == "2")
    }

    @Test func answersNothingWhileFrozen() async throws {
        let server = try await PostgresServer.start()
        let socket = try TestSocket(to: server.address)
        server.freeze()
        // An SSLRequest, which a living server answers with one byte.
        try await socket.send([0, 0, 0, 8, 4, 210, 22, 47])
        await #expect(throws: TestKitError.self) { try await socket.receive(count: 1, within: .milliseconds(50)) }
        server.thaw()
        #expect(try await socket.receive(count: 1).count == 1)
    }

    @Test func leavesNothingBehindWhenItGoesFrozen() async throws {
        var server: PostgresServer? = try await PostgresServer.start()
        let path = try #require(server?.folder.path)
        let processes = ProcessTable.using(path)
        #expect(processes.count > 1)
        server?.freeze()
        server = nil
        try await eventually("all its processes are gone") { !processes.contains(where: ProcessTable.isAlive) }
    }
}
