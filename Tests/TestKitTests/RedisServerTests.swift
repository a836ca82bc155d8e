import TestKit
import Testing

@Suite("A throwaway Redis", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct RedisServerTests {
    @Test func answersByPortAndBySocket() async throws {
        let server = try await RedisServer.start()
        #expect(try await server.connect().command("PING") == .text("PONG"))
        let socket = try TestSocket(to: server.address)
        try await socket.send("PING\r\n")
        #expect(try await socket.receiveLine() == "+PONG")
    }

    @Test func keepsItsDataThroughAKillWithAppendOnly() async throws {
        let server = try await RedisServer.start(.init(appendOnly: .always))
        try await server.connect().command("SET", "a", "1")
        try await server.crash()
        #expect(!server.isRunning)
        try await server.launch()
        #expect(try await server.connect().command("GET", "a") == .text("1"))
    }

    @Test func obeysItsMemoryLimit() async throws {
        let server = try await RedisServer.start(.init(maxMemory: "1mb"))
        let reply = try await server.connect().command(["SET", "a", String(repeating: "x", count: 500_000)])
        #expect(reply == .error("OOM command not allowed when used memory > 'maxmemory'."))
    }

    @Test func answersNothingWhileFrozen() async throws {
        let server = try await RedisServer.start()
        let probe = try await server.connect()
        server.freeze()
        await #expect(throws: TestKitError.self) { try await probe.command(["PING"], within: .milliseconds(50)) }
        server.thaw()
        #expect(try await server.connect().command("PING") == .text("PONG"))
    }

    @Test func sharedDatabasesDoNotSeeEachOther() async throws {
        let server = try await RedisServer.shared()
        let first = try await server.connect(database: RedisServer.nextDatabase())
        let second = try await server.connect(database: RedisServer.nextDatabase())
        try await first.command("SET", "a", "1")
        #expect(try await second.command("GET", "a") == .null)
        #expect(try await first.command("CONFIG", "GET", "appendonly").dictionary?["appendonly"]?.string == "no")
    }
}
