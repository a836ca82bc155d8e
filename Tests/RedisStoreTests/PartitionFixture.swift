import Analytics
import Reactor
import Redis
import RedisStore
import Service
import TestKit
import Testing

/// A database of its own on the shared server, with our functions.
struct PartitionFixture {
    let loop: EventLoop
    let client: RedisClient

    static func start() async throws -> PartitionFixture {
        let server = try await RedisServer.shared()
        let loop = try EventLoop.start(name: "store")
        let url = try RedisURL(server.url(database: RedisServer.nextDatabase()))
        let fixture = PartitionFixture(loop: loop, client: RedisClient(RedisConfiguration(url: url), loop: loop))
        await fixture.client.start()
        _ = try await fixture.client.session(timeout: .seconds(5))
        _ = try await RedisScripts(client: fixture.client).load()
        return fixture
    }

    func stop() async {
        await client.close()
        loop.stop()
    }

    /// A call by hand; an error is a value.
    func call(_ name: StaticString, keys: [String], _ arguments: String...) async throws -> RedisValue {
        var command = RedisCommand(function: name, keys: keys)
        for argument in arguments { command.append(argument) }
        return try await client.pipeline([command])[0]
    }

    func nowMs() async throws -> Int64 {
        let time = try await client.send(RedisCommand("TIME"))
        return Int64(time[0]?.integer ?? 0) * 1_000 + Int64(time[1]?.integer ?? 0) / 1_000
    }

    func length(_ partition: Int) async throws -> Int {
        try await client.send(RedisCommand("XLEN", "weir:{\(partition)}:events")).integer ?? 0
    }

    static func group(_ key: String?, fingerprint: UInt64 = 1) -> AppendGroup {
        AppendGroup(
            idempotencyKey: key, fingerprint: fingerprint, receivedMs: 1_795_428_000_000,
            entries: [.init(ndjson: Array("{}\n{}\n".utf8), eventCount: 2)], answer: Array("answer \(key ?? "")".utf8))
    }
}
