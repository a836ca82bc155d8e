import Analytics
import Reactor
import Redis
import RedisStore
import Service
import TestKit
import Testing
import Worker

@Suite("Order and partitions", .tags(.integration), .needs(.redis), .timeLimit(.minutes(3)))
struct OrderTests {
    /// Whatever the order of arrival, the cut of batches and the number of partitions, the merged aggregates are equal: to the
    /// bit but for sums.
    @Test(
        "order, batches and partitions change no answer",
        arguments: [(1, 1), (2, 1), (3, 2), (4, 2), (5, 8), (6, 8)] as [(Int, Int)])
    func changesNoAnswer(seed: Int, partitions: Int) async throws {
        var rng = SplitMix64(Seed(value: seed))
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url(), readers: partitions)
        _ = try await RedisScripts(client: fixture.client).load()
        let nowMs = TimeSource.system.wallMs()
        // The same events for every case: only how they come differs.
        var load = EventLoad(seed: Seed(value: 77), startMs: nowMs - 100_000)
        var entries: [(fields: [String], partition: Int)] = []
        while load.count < 900 {
            let partition = Int.random(in: 0..<partitions, using: &rng)
            if load.count % 3 == 0 {
                entries.append((load.plain(), partition))
            } else {
                let entry = load.entry(events: [1, 2, 9].randomElement(using: &rng) ?? 1)
                let text = String(decoding: entry.ndjson, as: UTF8.self)
                let lines = text.split(separator: "\n").shuffled(using: &rng).joined(separator: "\n")
                entries.append((["batch", lines, "received", "\(nowMs)"], partition))
            }
        }
        let workers = (0..<partitions).map { partition in
            fixture.worker(partition: partition, metrics: EventLoad.metrics) { configuration in
                configuration.maxTouched = [1, 5, 40, 2_000].randomElement(using: &rng) ?? 1
                configuration.maxEntriesPerRead = [1, 3, 500].randomElement(using: &rng) ?? 1
            }
        }
        var rest = entries.shuffled(using: &rng)[...]
        while !rest.isEmpty {
            let some = rest.prefix(Int.random(in: 1...30, using: &rng))
            rest = rest.dropFirst(some.count)
            _ = try await fixture.client.pipeline(
                some.map { entry in
                    var command = RedisCommand("XADD", "weir:{\(entry.partition)}:events", "*")
                    for field in entry.fields { command.append(field) }
                    return command
                })
            if Bool.random(using: &rng) { try await Task.sleep(for: .milliseconds(3)) }
        }
        let total = load.count
        try await eventually("all events are applied", deadline: .seconds(30)) {
            var applied = 0
            for partition in 0..<partitions {
                let reply = try await fixture.client.send(
                    RedisCommand("HGET", "weir:{\(partition)}:cursor", "applied"))
                applied += reply.integer ?? 0
            }
            return applied == total
        }
        for worker in workers { worker.cancel() }
        for worker in workers { _ = await worker.result }
        let stored = try await fixture.recentStore.definitions()
        let definitions = try #require(stored)
        var merged: [SeriesKey: [String: Aggregate]] = [:]
        for partition in 0..<partitions {
            let from = load.startMs / 1_000 - 20
            let part = try await fixture.totals(
                partition: partition, from: from, to: from + 300, definitions: definitions)
            for (key, metrics) in part {
                for (name, aggregate) in metrics {
                    merged[key, default: [:]][name, default: Aggregate()].merge(aggregate)
                }
            }
        }
        expectEqual(merged, load.expected)
        await fixture.stop()
    }
}

@Suite("Malformed entries", .tags(.integration), .needs(.redis), .timeLimit(.minutes(2)))
struct MalformedTests {
    @Test("good entries count among every sort of bad ones, which are set aside with a reason")
    func goodOnesCount() async throws {
        let server = try await RedisServer.start()
        let fixture = try await RedisFixture.start(url: server.url())
        _ = try await RedisScripts(client: fixture.client).load()
        let nowMs = TimeSource.system.wallMs()
        var rng = SplitMix64(Seed(value: 5))
        var load = EventLoad(seed: Seed(value: 6), startMs: nowMs - 100_000)
        let noise = (0..<3_000).map { _ in UInt8.random(in: 0...255, using: &rng) }.filter { $0 != 0x0A }
        let deep = String(repeating: "{\"a\":", count: 500) + "1" + String(repeating: "}", count: 500)
        let bad: [[(String, [UInt8])]] = [
            [("batch", noise)], [("batch", Array("not json".utf8))], [("batch", Array("[1,2]".utf8))],
            [("batch", Array("{\"service\":[1]}".utf8))], [("batch", Array("{\"service\":\"a\"".utf8))],
            [("batch", Array("{\"ts\":{\"a\":1}}x".utf8))], [("batch", Array(deep.utf8))],
            [("batch", Array("{\"ts\":\"soon\"}".utf8))], [("batch", Array("{\"ts\":true}".utf8))],
            [("batch", Array("{\"x\":\"".utf8) + [UInt8](repeating: 0x78, count: 10 << 20) + Array("\"}".utf8))],
            [("service", Array("a".utf8)), ("blob", [UInt8](repeating: 0xFF, count: 10 << 20))],
            [("service", [0x61, 0xFF, 0xC0])], [("service", Array("a".utf8)), ("service", Array("b".utf8))],
            [("ts", Array("yesterday".utf8))], [("ts", Array("99999999999999".utf8))], [("ts", [0])],
            [("batch", Array("{\"service\":\"\u{1}\"}".utf8))], [("batch", Array("{\"service\":\"a\",}".utf8))],
            [("batch", Array("{\"status\":1e999}".utf8))],
        ]
        // Good, if odd: no fields that anybody needs, texts where numbers are expected, empty names.
        let odd: [[(String, [UInt8])]] = [
            [("", [])], [("nobody", noise)], [("status", Array("many".utf8)), ("duration_ms", Array("slow".utf8))],
            [("batch", Array("{}".utf8))], [("batch", Array("{\"duration_ms\":null,\"user\":{}}".utf8))],
        ]
        var commands: [RedisCommand] = []
        for fields in bad + odd {
            var command = RedisCommand("XADD", "weir:{0}:events", "*")
            for (name, value) in fields {
                command.append(name)
                command.append(value)
            }
            commands.append(command)
        }
        for _ in 0..<60 {
            var command = RedisCommand("XADD", "weir:{0}:events", "*")
            for field in load.plain() { command.append(field) }
            commands.append(command)
            var batch = RedisCommand("XADD", "weir:{0}:events", "*", "batch")
            batch.append(load.entry(events: 5).ndjson)
            commands.append(batch)
        }
        commands.shuffle(using: &rng)
        for command in commands { _ = try await fixture.client.send(command) }
        // Batches that hold nothing are no events.
        _ = try await fixture.client.send(RedisCommand("XADD", "weir:{0}:events", "*", "batch", ""))
        _ = try await fixture.client.send(RedisCommand("XADD", "weir:{0}:events", "*", "batch", "\n \r\n"))
        let worker = fixture.worker(metrics: EventLoad.metrics)
        let last = try await fixture.client.send(RedisCommand("XREVRANGE", "weir:{0}:events", "+", "-", "COUNT", "1"))
        try await eventually("everything is read", deadline: .seconds(30)) {
            try await fixture.client.send(RedisCommand("HGET", "weir:{0}:cursor", "id")).text == last[0]?[0]?.text
        }
        worker.cancel()
        _ = await worker.result
        let books = try await fixture.client.send(
            RedisCommand("HMGET", "weir:{0}:cursor", "applied", "refused", "foreign", "late", "missing"))
        #expect(
            (0..<5).map { books[$0]?.integer ?? 0 } == [
                load.count + odd.count, bad.count, load.count + odd.count + bad.count, 0, 0,
            ])
        let refused = try await fixture.client.send(RedisCommand("XRANGE", "weir:{0}:refused", "-", "+"))
        #expect(refused.array?.count == bad.count)
        for entry in refused.array ?? [] {
            #expect(entry[1]?[2]?.text == "reason")
            #expect((entry[1]?[3]?.text ?? "").count > 5)
        }
        // What is kept of them is bounded.
        let bytes = try await fixture.client.send(RedisCommand("MEMORY", "USAGE", "weir:{0}:refused"))
        #expect((bytes.integer ?? .max) < 500_000)
        let stored = try await fixture.recentStore.definitions()
        let from = load.startMs / 1_000 - 20
        var totals = try await fixture.totals(from: from, to: from + 300, definitions: try #require(stored))
        for key in totals.keys where key.labels == .none || key.labels.labels.isEmpty { totals[key]?["events"] = nil }
        var expected = load.expected
        expected[SeriesKey(group: "", labels: .none)] = nil
        totals = totals.filter { !$0.value.isEmpty && expected[$0.key] != nil }
        expectEqual(totals, expected)
        await fixture.stop()
    }
}
