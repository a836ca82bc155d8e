import Reactor
import TestKit
import Testing

@testable import Redis

@Suite("Redis client", .needs(.redis), .tags(.integration), .timeLimit(.minutes(1)))
struct RedisClientTests {
    private let loop: EventLoop

    init() throws { loop = try EventLoop.start(name: "redis-test") }

    /// Runs `body` on the loop with a connected client.
    private func withClient(
        _ server: RedisServer, database: Int = 0, _ change: (inout RedisConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (RedisClient) async throws -> Void
    ) async throws {
        defer { loop.stop() }
        var configuration = RedisConfiguration(url: try RedisURL(server.url(database: database)))
        configuration.firstBackoff = .milliseconds(5)
        configuration.maxBackoff = .milliseconds(20)
        change(&configuration)
        let fixed = configuration
        try await loop.run { [loop] in
            try await RedisClient.withClient(fixed, loop: loop) { client in
                _ = try await client.session(timeout: .seconds(10))
                try await body(client)
            }
        }
    }

    private func onShared(
        _ change: (inout RedisConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (RedisClient) async throws -> Void
    ) async throws {
        try await withClient(try await RedisServer.shared(), database: RedisServer.nextDatabase(), change, body)
    }

    @Test func repliesOfAPipelineComeInOrder() async throws {
        try await onShared { client in
            let commands = (0..<1000).map { RedisCommand("ECHO", "\($0)") }
            let replies = try await client.pipeline(commands)
            #expect(replies == (0..<1000).map { .bulk(Array("\($0)".utf8)) })
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        let reply = try await client.send(RedisCommand("ECHO", "\(number)"))
                        #expect(reply.integer == number)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.pipeline([]) == [])
        }
    }

    @Test func largeValuesSurvive() async throws {
        try await onShared { client in
            let large = [UInt8]((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            var command = RedisCommand("SET", "large")
            command.append(large)
            let set = try await client.send(command, timeout: .seconds(20))
            #expect(set.isOK)
            #expect(try await client.send(RedisCommand("GET", "large"), timeout: .seconds(20)).bytes == large)
        }
    }

    @Test func anErrorReplyIsThrownBySendAndAValueInAPipeline() async throws {
        try await onShared { client in
            _ = try await client.send(RedisCommand("SET", "text", "x"))
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("LPUSH", "text", "y"))
            }
            #expect(error?.code == .rejected)
            #expect(error?.kind == "WRONGTYPE")
            #expect(error?.mayHaveRun == false)
            #expect(error?.operation.description == "LPUSH")
            let replies = try await client.pipeline([
                RedisCommand("NOSUCH"), RedisCommand("GET", "text"), RedisCommand("GET", "none"),
            ])
            #expect(replies[0].errorText?.hasPrefix("ERR unknown command") == true)
            #expect(replies[1...] == [.bulk([0x78]), .null])
        }
    }

    @Test func streamEntriesComeNested() async throws {
        try await onShared { client in
            let adds = (1...1000).map { RedisCommand("XADD", "s", "\($0)-0", "n", "\($0)") }
            _ = try await client.pipeline(adds)
            let reply = try await client.send(RedisCommand("XREAD", "COUNT", "1000", "STREAMS", "s", "0"))
            let entries = try #require(reply[0]?[1]?.array)
            #expect(entries.count == 1000)
            #expect(entries.last?[0]?.text == "1000-0")
            #expect(entries.last?[1]?[1]?.integer == 1000)
        }
    }

    @Test func aBlockingReadMayTakeItsTimeAndMore() async throws {
        try await onShared({ $0.commandTimeout = .milliseconds(150) }) { client in
            var read = RedisCommand("XREAD", "BLOCK", "300", "STREAMS", "none", "$")
            read.blockTime = .milliseconds(300)
            let reply = try await client.send(read)
            #expect(reply.isNull)
            #expect(await client.epoch == 1)
        }
    }

    @Test func aCommandThatIsNotAnsweredInTimeEndsTheConnection() async throws {
        let server = try await RedisServer.start()
        try await withClient(server) { client in
            _ = try await client.send(RedisCommand("SET", "n", "0"))
            server.freeze()
            let other = client.loop.spawn { try await client.send(RedisCommand("GET", "n"), timeout: .seconds(20)) }
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("INCR", "n"), timeout: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == true)
            await #expect {
                try await other.value
            } throws: {
                ($0 as? RedisError)?.code == .disconnected && ($0 as? RedisError)?.mayHaveRun == true
            }
            server.thaw()
            let session = try await client.session(timeout: .seconds(10))
            #expect(session.epoch > 1)
            // It did run, which is what `mayHaveRun` is for.
            try await eventually { try await client.send(RedisCommand("GET", "n")).integer == 1 }
        }
    }

    @Test func afterACrashThereIsANewConnectionWithAHigherEpoch() async throws {
        let server = try await RedisServer.start()
        try await withClient(server) { client in
            var states = await client.states().makeAsyncIterator()
            #expect(await states.next() == .connected(epoch: 1))
            let old = try await client.session()
            try await server.crash()
            try await eventually { if case .disconnected = await client.state { true } else { false } }
            if case .disconnected = await states.next() {} else { Issue.record("no word of the loss") }
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .disconnected)
            #expect(error?.mayHaveRun == false)
            try await server.launch()
            let new = try await client.session(timeout: .seconds(10))
            #expect(new.epoch == 2)
            #expect(try await new.send(RedisCommand("PING")) == .status("PONG"))
            let stale = await #expect(throws: RedisError.self) { try await old.send(RedisCommand("PING")) }
            #expect(stale?.code == .disconnected)
            #expect(stale?.mayHaveRun == false)
        }
    }

    @Test func commandsMayWaitForTheConnection() async throws {
        let server = try await RedisServer.start()
        try await withClient(server, { $0.waitsForConnection = true }) { client in
            try await server.stop()
            try await eventually { if case .disconnected = await client.state { true } else { false } }
            let error = await #expect(throws: RedisError.self) {
                try await client.send(RedisCommand("PING"), timeout: .milliseconds(30))
            }
            #expect(error?.code == .disconnected)
            let reply = client.loop.spawn { try await client.send(RedisCommand("PING"), timeout: .seconds(20)) }
            try await server.launch()
            #expect(try await reply.value == .status("PONG"))
        }
    }

    @Test func theRightPasswordLetsInAndAWrongOneIsToldByRedis() async throws {
        let server = try await RedisServer.start(.init(arguments: ["--user", "ana", "on", ">p@ss", "~*", "+@all"]))
        let configuration = RedisConfiguration(url: try RedisURL("redis://ana:p%40ss@127.0.0.1:\(server.port)/5"))
        let wrong = RedisConfiguration(url: try RedisURL("redis://ana:no@127.0.0.1:\(server.port)"))
        defer { loop.stop() }
        try await loop.run { [loop] in
            try await RedisClient.withClient(configuration, loop: loop) { client in
                let session = try await client.session(timeout: .seconds(10))
                #expect(try await session.send(RedisCommand("ACL", "WHOAMI")).text == "ana")
                let info = try await session.send(RedisCommand("CLIENT", "INFO")).text
                #expect(info?.contains(" db=5 ") == true && info?.contains(" name=weir ") == true)
            }
            try await RedisClient.withClient(wrong, loop: loop) { client in
                try await eventually {
                    if case .disconnected(let error) = await client.state { error.kind == "WRONGPASS" } else { false }
                }
            }
        }
    }

    @Test func aUnixSocketServesAsWell() async throws {
        let server = try await RedisServer.shared()
        let configuration = RedisConfiguration(url: try RedisURL(server.socketURL))
        defer { loop.stop() }
        try await loop.run { [loop] in
            try await RedisClient.withClient(configuration, loop: loop) { client in
                let session = try await client.session(timeout: .seconds(10))
                #expect(try await session.send(RedisCommand("PING")) == .status("PONG"))
            }
        }
    }

    @Test func whatIsTooMuchIsRefusedAndNotSent() async throws {
        let server = try await RedisServer.start()
        try await withClient(server, { $0.maxPendingCommands = 10 }) { client in
            server.freeze()
            let held = (0..<10).map { _ in client.loop.spawn { try await client.send(RedisCommand("INCR", "n")) } }
            try await eventually { await client.pendingCommands == 10 }
            let error = await #expect(throws: RedisError.self) { try await client.send(RedisCommand("INCR", "n")) }
            #expect(error?.code == .overloaded)
            #expect(error?.mayHaveRun == false)
            server.thaw()
            for task in held { _ = try await task.value }
            #expect(try await client.send(RedisCommand("GET", "n")).integer == 10)
        }
    }

    @Test func unsentBytesAreBounded() async throws {
        let server = try await RedisServer.start()
        try await withClient(server, { $0.maxPendingBytes = 1 << 20 }) { client in
            server.freeze()
            var large = RedisCommand("SET", "large")
            large.append([UInt8](repeating: 1, count: 32 << 20))
            let command = large
            let held = client.loop.spawn { try await client.send(command, timeout: .seconds(20)) }
            try await eventually { await client.pendingCommands == 1 }
            let error = await #expect(throws: RedisError.self) { try await client.send(command) }
            #expect(error?.code == .overloaded)
            server.thaw()
            #expect(try await held.value.isOK)
        }
    }

    @Test func aCancelledCallReturnsAtOnceAndTheConnectionLives() async throws {
        try await onShared { client in
            var read = RedisCommand("XREAD", "BLOCK", "2000", "STREAMS", "none", "$")
            read.blockTime = .seconds(5)
            let command = read
            let reading = client.loop.spawn { try await client.send(command) }
            try await eventually { await client.pendingCommands == 1 }
            reading.cancel()
            await #expect {
                try await reading.value
            } throws: {
                ($0 as? RedisError)?.code == .cancelled
            }
            #expect(try await client.send(RedisCommand("ECHO", "after"), timeout: .seconds(10)).text == "after")
            #expect(await client.epoch == 1)
        }
    }

    @Test func aServerThatSpeaksAnotherProtocolIsNoConnection() async throws {
        let listener = try FakeServer(answer: "HTTP/1.1 400 Bad Request\r\n\r\n")
        let configuration = RedisConfiguration(url: try RedisURL("redis://127.0.0.1:\(listener.port)"))
        defer { loop.stop() }
        try await loop.run { [loop] in
            try await RedisClient.withClient(configuration, loop: loop) { client in
                try await eventually {
                    if case .disconnected(let error) = await client.state {
                        error.code == .malformedReply
                    } else {
                        false
                    }
                }
            }
        }
    }

    @Test func aClosedClientIsReleasedAndFailsWhatIsPending() async throws {
        let server = try await RedisServer.shared()
        let configuration = RedisConfiguration(url: try RedisURL(server.url()))
        defer { loop.stop() }
        let leftOver = Weak()
        try await loop.run { [loop] in
            let client = RedisClient(configuration, loop: loop)
            await client.start()
            _ = try await client.session(timeout: .seconds(10))
            var read = RedisCommand("XREAD", "BLOCK", "0", "STREAMS", "none", "$")
            read.blockTime = .seconds(60)
            let command = read
            let reading = loop.spawn { try await client.send(command) }
            try await eventually { await client.pendingCommands == 1 }
            await client.close()
            await #expect {
                try await reading.value
            } throws: {
                ($0 as? RedisError)?.code == .disconnected
            }
            leftOver.set(client)
        }
        try await eventually("the client is released") { leftOver.isGone }
    }
}
