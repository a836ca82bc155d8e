import Analytics
import Redis
import TestKit
import Testing

@testable import RedisStore

@Suite("Functions: partitions", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct PartitionFunctionTests {
    private static let appendKeys = ["weir:{3}:cursor", "weir:{3}:events"]
    private static let layoutKeys = ["weir:{0}:partitions", "weir:{0}:layout"]

    @Test func appendKnowsAKeyAgain() async throws {
        let fixture = try await PartitionFixture.start()
        let keys = Self.appendKeys + ["weir:{3}:once:k"]
        func append(_ fingerprint: String) async throws -> RedisValue {
            try await fixture.call(
                "weir_append", keys: keys, "60000", "1", fingerprint, "5", "yes", "0", "1", "2", "{}")
        }
        #expect(try await append("f")[0]?.text == "OK")
        #expect(try await append("f")[0]?.text == "DUPLICATE yes")
        #expect(try await append("g")[0]?.text == "CONFLICT")
        #expect(try await fixture.length(3) == 1)
        let books = try await fixture.client.send(RedisCommand("HMGET", "weir:{3}:cursor", "appended", "duplicate"))
        #expect(books.array?.compactMap(\.integer) == [2, 2])
        await fixture.stop()
    }

    @Test func appendRefusesAKeyPastItsLimit() async throws {
        let fixture = try await PartitionFixture.start()
        let now = try await fixture.nowMs()
        let keys = Self.appendKeys + ["weir:{3}:once:late", "weir:{3}:once:early"]
        let reply = try await fixture.call(
            "weir_append", keys: keys, "60000", "1", "f", "5", "yes", "\(now)", "1", "2", "{}",
            "1", "f", "5", "yes", "\(now + 60_000)", "1", "2", "{}")
        #expect(reply.array?.map(\.text) == ["MOVED", "OK"])
        #expect(try await fixture.length(3) == 1)
        #expect(try await fixture.client.send(RedisCommand("EXISTS", "weir:{3}:once:late")).integer == 0)
        await fixture.stop()
    }

    @Test func appendLooksUpAndWritesNothing() async throws {
        let fixture = try await PartitionFixture.start()
        let keys = Self.appendKeys + ["weir:{3}:once:k"]
        func look(_ fingerprint: String, from limit: Int64) async throws -> String? {
            try await fixture.call(
                "weir_append", keys: keys, "60000", "2", fingerprint, "5", "yes", "\(limit)", "1", "2", "")[0]?.text
        }
        let now = try await fixture.nowMs()
        #expect(try await look("f", from: now) == "NONE")
        #expect(try await fixture.length(3) == 0)
        _ = try await fixture.call("weir_append", keys: keys, "60000", "1", "f", "5", "yes", "0", "1", "2", "{}")
        #expect(try await look("f", from: now) == "DUPLICATE yes")
        #expect(try await look("g", from: now) == "CONFLICT")
        #expect(try await look("f", from: now + 60_000) == "EARLY")
        #expect(try await fixture.length(3) == 1)
        let books = try await fixture.client.send(RedisCommand("HMGET", "weir:{3}:cursor", "appended", "duplicate"))
        #expect(books.array?.compactMap(\.integer) == [2, 2])
        await fixture.stop()
    }

    @Test(
        "appending refuses arguments that are wrong, and writes nothing",
        arguments: [
            ["0"], ["60000", "3", "f", "5", "yes", "0", "0"], ["60000", "1", "f", "5", "yes", "0", "0"],
            ["60000", "0", "f", "5", "yes", "soon", "0"], ["60000", "0", "f", "5", "yes", "0", "1", "2"],
        ])
    func appendRefusesWrongArguments(arguments: [String]) async throws {
        let fixture = try await PartitionFixture.start()
        var command = RedisCommand(function: "weir_append", keys: Self.appendKeys)
        for argument in arguments { command.append(argument) }
        #expect(try await fixture.client.pipeline([command])[0].errorText?.hasPrefix("ARGS ") == true)
        #expect(try await fixture.length(3) == 0)
        await fixture.stop()
    }

    @Test func partitionsGrowAndRememberByWhatKeysWent() async throws {
        let fixture = try await PartitionFixture.start()
        func ask(_ atLeast: Int, life: Int = 0) async throws -> PartitionLayout {
            let reply = try await fixture.call("weir_partitions", keys: Self.layoutKeys, "\(atLeast)", "\(life)")
            return try PartitionLayout(reply)
        }
        let first = try await ask(2)
        #expect(first.growth == .grew && first.count == 2 && first.steps.isEmpty && first.keyLifeMs == 0)
        #expect(first.validUntilMs == first.readMs + 5_000)
        let same = try await ask(1, life: 60_000)
        #expect(same.growth == .none && same.count == 2 && same.keyLifeMs == 60_000)
        let grown = try await ask(5, life: 7_000)
        #expect(grown.growth == .grew && grown.count == 5 && grown.keyLifeMs == 60_000)
        #expect(grown.steps == [.init(count: 2, sinceMs: 0), .init(count: 5, sinceMs: grown.readMs + 5_000)])
        // Nothing an earlier answer said is over before its time.
        #expect(grown.steps[1].sinceMs >= same.validUntilMs)
        let again = try await ask(9)
        #expect(again.steps.map(\.count) == [2, 5, 9])
        #expect(again.steps[2].sinceMs >= again.steps[1].sinceMs)
        #expect(try await ask(0).steps == again.steps)
        await fixture.stop()
    }

    @Test func partitionsThatGrowTooOftenWait() async throws {
        let fixture = try await PartitionFixture.start()
        func ask(_ atLeast: Int) async throws -> PartitionLayout {
            try PartitionLayout(
                try await fixture.call("weir_partitions", keys: Self.layoutKeys, "\(atLeast)", "60000"))
        }
        for count in 1...8 { #expect(try await ask(count).growth == .grew) }
        let refused = try await ask(9)
        #expect(refused.growth == .mustWait && refused.count == 8 && refused.steps.count == 8)
        // As if all but the last two steps were long over.
        for count in 1...7 {
            _ = try await fixture.client.send(RedisCommand("HSET", "weir:{0}:layout", "\(count)", "0"))
        }
        let grown = try await ask(9)
        #expect(grown.growth == .grew && grown.steps.map(\.count) == [7, 8, 9])
        let wrong = try await fixture.call("weir_partitions", keys: Self.layoutKeys, "257", "0")
        #expect(wrong.errorText?.hasPrefix("ARGS ") == true)
        await fixture.stop()
    }

    @Test func workersSeeEachOtherWhileTheyLive() async throws {
        let fixture = try await PartitionFixture.start()
        let store = RedisTeamStore(client: fixture.client)
        #expect(try await store.workers(owner: "one", for: .seconds(60)) == ["one"])
        #expect(try await store.workers(owner: "two", for: .seconds(60)).sorted() == ["one", "two"])
        let due = try await fixture.client.send(RedisCommand("ZSCORE", "weir:{0}:workers", "two")).text
        let left = try #require(due.flatMap { Int64($0) }) - (try await fixture.nowMs())
        #expect(left > 0 && left <= 60_000)
        // As if the first had shown itself for the last time a minute ago.
        _ = try await fixture.client.send(
            RedisCommand("ZADD", "weir:{0}:workers", "\(try await fixture.nowMs())", "one"))
        #expect(try await store.workers(owner: "two", for: .seconds(60)) == ["two"])
        #expect(try await store.workers(owner: "two", for: .zero) == [])
        let wrong = try await fixture.call("weir_workers", keys: ["weir:{0}:workers"], "", "5")
        #expect(wrong.errorText?.hasPrefix("ARGS ") == true)
        await fixture.stop()
    }

    @Test func aLeaseIsOnesAtATime() async throws {
        let fixture = try await PartitionFixture.start()
        let store = RedisPartitionStore(client: fixture.client, readers: PartitionClients(sharing: [fixture.client]))
        #expect(try await store.lease(partition: 4, owner: "one", for: .seconds(60)))
        #expect(try await store.lease(partition: 4, owner: "one", for: .seconds(60)))
        #expect(try await !store.lease(partition: 4, owner: "two", for: .seconds(60)))
        #expect(try await !store.lease(partition: 4, owner: "two", for: .zero))
        #expect(try await store.lease(partition: 4, owner: "one", for: .zero))
        #expect(try await store.lease(partition: 4, owner: "two", for: .seconds(60)))
        await fixture.stop()
    }
}

@Suite("Redis memory")
struct RedisMemoryTests {
    private func info(_ used: Int, _ most: Int, _ policy: String = "noeviction", uncounted: Int = 0) -> RedisMemory? {
        RedisMemory(
            info: "# Memory\r\nused_memory:\(used)\r\nused_memory_human:1M\r\nmaxmemory:\(most)\r\n"
                + "maxmemory_policy:\(policy)\r\nmem_not_counted_for_evict:\(uncounted)\r\n")
    }

    @Test func itIsFullFromNineteenTwentiethsOn() {
        #expect(info(949, 1_000)?.isFull() == false)
        #expect(info(950, 1_000)?.isFull() == true)
        #expect(info(970, 1_000, uncounted: 30)?.isFull() == false)
        #expect(info(970, 0)?.isFull() == false)
        #expect(info(900, 1_000)?.isFull(written: 49) == false)
        #expect(info(900, 1_000)?.isFull(written: 50) == true)
        #expect(RedisMemory(info: "used_memory:5") == nil)
    }

    @Test func onlyWithALimitAnythingIsEvicted() {
        #expect(info(1, 10)?.evicts == false)
        #expect(info(1, 10, "volatile-ttl")?.evicts == true)
        #expect(info(1, 0, "allkeys-lru")?.evicts == false)
    }

    @Test func whoIsRefusedIsToldWhatToDo() throws {
        let words = try #require(info(98 << 20, 100 << 20)).fullness()
        #expect(words.contains("98.0 MiB") && words.contains("100.0 MiB") && words.contains("maxmemory"))
    }
}
