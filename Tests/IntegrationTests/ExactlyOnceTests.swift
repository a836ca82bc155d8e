import Analytics
import Reactor
import Redis
import RedisStore
import Service
import TestKit
import Testing
import Wire
import Worker

enum RecordCodecAccess {
    static func decode(_ bytes: [UInt8]) throws -> Record { try RecordCodec.decode(bytes) }
}

@Suite("Exactly once", .tags(.integration), .needs(.redis), .timeLimit(.minutes(3)))
struct ExactlyOnceTests {
    private func nowMs() -> Int64 { TimeSource.system.wallMs() }

    @Test("racing workers change no total", arguments: Seed.range(4))
    func racingWorkersChangeNoTotal(seed: Seed) async throws {
        let server = try await RedisServer.start()
        let producer = try await RedisFixture.start(url: server.url(), name: "producer")
        _ = try await RedisScripts(client: producer.client).load()
        var load = EventLoad(seed: seed, startMs: nowMs() - 100_000)
        let log = RedisEventLog(client: producer.client, partitionCount: 1)

        let fixtures = [
            try await RedisFixture.start(url: server.url(), name: "one"),
            try await RedisFixture.start(url: server.url(), name: "two"),
        ]
        let workers = fixtures.map { $0.worker(metrics: EventLoad.metrics) }
        var rng = SplitMix64(seed)
        for _ in 0..<60 {
            let entries = (0..<Int.random(in: 1...6, using: &rng)).map { _ in load.entry(events: 7) }
            let group = AppendGroup(
                idempotencyKey: nil, fingerprint: 0, receivedMs: nowMs(), entries: entries, answer: [])
            #expect(try await log.append([group]) == [.appended])
        }
        let total = load.count
        try await eventually("all events are applied", deadline: .seconds(30)) {
            try await appliedEvents(producer) == total
        }
        for worker in workers { worker.cancel() }
        for worker in workers { _ = await worker.result }
        try await check(producer, load)
        for fixture in fixtures + [producer] { await fixture.stop() }
    }

    @Test func aRequestRepeatedUnderItsKeyCountsOnce() async throws {
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url())
        _ = try await RedisScripts(client: fixture.client).load()
        let log = RedisEventLog(client: fixture.client, partitionCount: 1)
        var load = EventLoad(seed: Seed(value: 1), startMs: nowMs() - 100_000)
        let group = AppendGroup(
            idempotencyKey: "k1", fingerprint: 42, receivedMs: nowMs(), entries: [load.entry(events: 10)],
            answer: Array("the answer".utf8))
        var other = group
        other.fingerprint = 43
        #expect(
            try await log.append([group, group, other]) == [.appended, .duplicate(answer: group.answer), .conflict])
        #expect(try await log.append([group]) == [.duplicate(answer: group.answer)])
        let worker = fixture.worker(metrics: EventLoad.metrics)
        try await eventually("applied") { try await appliedEvents(fixture) == 10 }
        worker.cancel()
        _ = await worker.result
        try await check(fixture, load)
        await fixture.stop()
    }

    @Test func aRestartedRedisLosesNothingItKept() async throws {
        let server = try await RedisServer.start(.init(appendOnly: .always))
        let producer = try await RedisFixture.start(url: server.url(), name: "producer")
        _ = try await RedisScripts(client: producer.client).load()
        let fixture = try await RedisFixture.start(url: server.url(), name: "worker")
        let worker = fixture.worker(metrics: EventLoad.metrics, lease: .seconds(1))
        var load = EventLoad(seed: Seed(value: 9), startMs: nowMs() - 100_000)
        let log = RedisEventLog(client: producer.client, partitionCount: 1)
        for round in 0..<30 {
            if round % 10 == 5 {
                try await server.crash()
                try await server.launch()
            }
            let entry = load.entry(events: 20)
            let group = AppendGroup(
                idempotencyKey: "round \(round)", fingerprint: UInt64(round), receivedMs: nowMs(), entries: [entry],
                answer: [])
            // A producer retries under its key until it has an answer.
            try await eventually("appended", deadline: .seconds(20)) {
                (try? await log.append([group])) != nil
            }
        }
        let total = load.count
        try await eventually("all events are applied", deadline: .seconds(30)) {
            try await appliedEvents(producer) == total
        }
        worker.cancel()
        _ = await worker.result
        try await check(producer, load)
        await fixture.stop()
        await producer.stop()
    }

    @Test func malformedEntriesAreSetAsideAndTheRestCounts() async throws {
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url())
        _ = try await RedisScripts(client: fixture.client).load()
        var load = EventLoad(seed: Seed(value: 3), startMs: nowMs() - 100_000)
        let good = load.entry(events: 5)
        var bad = RedisCommand("XADD", "weir:{0}:events", "*", "batch")
        bad.append(good.ndjson + Array("{\"service\":\n[1,2]\n\u{0}\n{\"ts\":\"soon\"}\n".utf8))
        _ = try await fixture.client.send(bad)
        _ = try await fixture.client.send(
            RedisCommand("XADD", "weir:{0}:events", "*", "service", "s9", "ts", "99999999999999"))
        let worker = fixture.worker(metrics: EventLoad.metrics)
        try await eventually("applied") { try await appliedEvents(fixture) == 5 }
        try await eventually("refused") {
            try await fixture.client.send(RedisCommand("XLEN", "weir:{0}:refused")).integer == 5
        }
        worker.cancel()
        _ = await worker.result
        try await check(fixture, load)
        await fixture.stop()
    }

    private func appliedEvents(_ fixture: RedisFixture) async throws -> Int {
        let hour = nowMs() / 3_600_000 * 3_600
        var total = 0
        for hour in [hour - 3_600, hour] {
            let reply = try? await fixture.client.send(RedisCommand("HGET", "weir:{0}:audit:\(hour)", "applied"))
            total += reply?.integer ?? 0
        }
        return total
    }

    private func check(_ fixture: RedisFixture, _ load: EventLoad) async throws {
        let stored = try await fixture.recentStore.definitions()
        let definitions = try #require(stored)
        let from = load.startMs / 1_000 - 20
        expectEqual(try await fixture.totals(from: from, to: from + 300, definitions: definitions), load.expected)
    }
}

@Suite("Partitions", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct PartitionTests {
    @Test func aMetricHasOneNumberInEveryPartition() async throws {
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url())
        _ = try await RedisScripts(client: fixture.client).load()
        func run(_ names: [String], partitions: Int) async throws {
            let metrics = names.map { MetricDefinition(id: .events, name: $0, kind: .counter) }
            let workers = (0..<partitions).map { fixture.worker(partition: $0, metrics: metrics) }
            try await eventually("every partition has the definitions") {
                let all = try await (0..<partitions).async { try await definitions(fixture, partition: $0) }
                return all.allSatisfy { $0 != nil && $0 == all[0] && names.allSatisfy(all[0].names.contains) }
            }
            for worker in workers { worker.cancel() }
            for worker in workers { _ = await worker.result }
        }
        // Later partitions see other sets of metrics than the first one did.
        try await run(["a", "b"], partitions: 1)
        try await run(["b", "c"], partitions: 1)
        try await run(["c", "b", "d"], partitions: 3)
        await fixture.stop()
    }

    private func definitions(_ fixture: RedisFixture, partition: Int) async throws -> Definitions? {
        let reply = try await fixture.client.send(RedisCommand("GET", "weir:{\(partition)}:definitions"))
        return reply.bytes.flatMap(MetricDefinitionJSON.decode)
    }
}

extension Definitions? {
    fileprivate var names: [String] { self?.metrics.map(\.name) ?? [] }
}

extension Range<Int> {
    fileprivate func async<Value>(_ body: (Int) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for index in self { values.append(try await body(index)) }
        return values
    }
}
