import Analytics
import Glibc
import Redis
import RedisStore
import Service
import TestKit
import Testing

/// `appendfsync everysec`, a crash, and the last second gone: what survived must be consistent with itself.
@Suite("A lost tail", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct LostTailTests {
    @Test("what survives the loss of the log's end is consistent, and all go on from there", arguments: Seed.range(3))
    func survivorsAreConsistent(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let configuration = "{ metrics: \(EventLoad.configuration) }"
        let (weir, front) = try await WeirInstallation.start(
            configuration: configuration, redis: .init(appendOnly: .everysec))
        let worker = try await weir.startWorker()
        let fixture = try await RedisFixture.start(url: weir.redis.url())
        let log = RedisEventLog(client: fixture.client, partitionCount: 1)
        var load = EventLoad(seed: seed, startMs: TimeSource.system.wallMs() - 100_000)
        let live = try await LiveCount.start(port: weir.port)

        for _ in 0..<40 {
            try await append(load.entry(events: 25), to: log)
            // The worker keeps up, so that the log has its writes between the producer's.
            try await weir.waitUntilApplied(load.count - 75)
        }
        try await weir.redis.crash()
        let before = load.count
        let cut = try cutTail(of: weir.redis, keeping: Double.random(in: 0.35...0.95, using: &rng))
        try await weir.redis.launch()
        #expect(cut > 0)

        // Entries came one after the other, so those that survived are the first ones.
        let survived = try await eventually("Redis answers", deadline: .seconds(20)) {
            try? await fixture.client.send(RedisCommand("HGET", "weir:{0}:cursor", "appended")).integer
        }
        #expect(survived < before, "the cut has taken something")
        var kept = load
        kept.keep(first: survived)
        for _ in 0..<20 {
            let entry = load.entry(events: 25)
            kept.add(Array(load.events.suffix(25)))
            try await append(entry, to: log)
        }
        let total = kept.count
        try await eventually("all that survived is applied", deadline: .seconds(30)) {
            let reply = try? await fixture.client.send(RedisCommand("HGET", "weir:{0}:cursor", "applied"))
            return reply?.integer == total
        }
        let books = try await fixture.client.send(
            RedisCommand("HMGET", "weir:{0}:cursor", "appended", "upto", "foreign", "late", "refused", "missing"))
        #expect((0..<6).map { books[$0]?.integer ?? 0 } == [total, total, 0, 0, 0, 0])
        let stored = try await fixture.recentStore.definitions()
        let from = load.startMs / 1_000 - 20
        expectEqual(
            try await fixture.totals(from: from, to: from + 300, definitions: try #require(stored)), kept.expected)
        // The front has noticed: its picture, and what it answers from memory and Redis, are of what survived.
        try await eventually("the live picture is right", deadline: .seconds(20)) { live.total == total }
        try await eventually("the answer is right", deadline: .seconds(20)) {
            try await weir.totals("metric=events&agg=count&from=-15m&step=10s", by: "")[""] == total
        }
        try await live.stop()
        await fixture.stop()
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    private func append(_ entry: AppendGroup.Entry, to log: RedisEventLog) async throws {
        let group = AppendGroup(
            idempotencyKey: nil, fingerprint: 0, receivedMs: TimeSource.system.wallMs(), entries: [entry], answer: [])
        try await eventually("appended", deadline: .seconds(20)) { (try? await log.append([group])) != nil }
    }

    /// Cuts the end of the incremental append-only file, of what was written after the functions were loaded; returns how many
    /// bytes.
    private func cutTail(of server: RedisServer, keeping part: Double) throws -> Int {
        let folder = server.folder.file("appendonlydir")
        let files = try listFolder(folder).filter { $0.hasSuffix(".incr.aof") }.sorted()
        let path = folder + "/" + (try #require(files.last))
        var status = stat()
        try #require(stat(path, &status) == 0)
        let functions = 60_000
        let size = Int(status.st_size)
        try #require(size > functions)
        let left = functions + Int(Double(size - functions) * part)
        try #require(truncate(path, off_t(left)) == 0)
        return size - left
    }

    private func listFolder(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw TestKitError("\(path) cannot be opened") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
