import Analytics
import Foundation
import Glibc
import Service
import TestKit
import Testing

/// Passes of the compaction are killed, doubled, and lose their stores while late events come, and every event counts once.
///
/// The seed of a failure is in the report; `WEIR_CHAOS_SEED` sets it.
@Suite("Chaos in compaction", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(10)))
struct CompactionChaosTests {
    /// What happens in a round, to a pass that may be anywhere or is held in its writing.
    private enum Fault: String {
        case none, compaction, postgres, redis
        case compactionInTransaction, compactionAfterCommit, postgresInTransaction, redisInTransaction, redisForgets

        static let all: [(fault: Fault, rounds: Int)] = [
            (.none, 4), (.compaction, 4), (.compactionInTransaction, 2), (.compactionAfterCommit, 3), (.postgres, 3),
            (.postgresInTransaction, 2), (.redis, 3), (.redisInTransaction, 2), (.redisForgets, 2),
        ]

        var isAnywhere: Bool { [.none, .compaction, .postgres, .redis].contains(self) }
        var isOfRedis: Bool { [.redis, .redisInTransaction, .redisForgets].contains(self) }

        /// How a pass may end.
        var exits: Set<TestKit.ChildProcess.Exit> {
            switch self {
            case .none: [.status(0), .status(75)]
            case .compaction: [.status(0), .status(75), .signal(SIGKILL)]
            case .compactionInTransaction, .compactionAfterCommit: [.signal(SIGKILL)]
            case .postgresInTransaction: [.status(69)]
            case .postgres, .redis, .redisInTransaction, .redisForgets: [.status(0), .status(75), .status(69)]
            }
        }
    }

    private struct Batch {
        let key: String
        let body: [UInt8]
    }

    private static let eventsPerBatch = 12
    private static let minuteMs: Int64 = 60_000
    /// How many minutes ago the events lie: near ones, around the boundary an hour ago, and those of history.
    private static let minutesAgo: [Int64] = [4, 7, 24, 56, 59, 62, 75, 150, 300, 610]

    /// With `everysec` a killed Redis has lost what it was told within the last second, and its clients tell it again.
    @Test(
        "whatever happens to compactions, every event counts once over both stores", arguments: [Chaos.seed],
        [RedisServer.Options.AppendOnly.always, .everysec])
    func countsEveryEventOnce(seed: Seed, appendOnly: RedisServer.Options.AppendOnly) async throws {
        var rng = SplitMix64(seed)
        let (weir, front) = try await WeirInstallation.start(
            configuration: "{ metrics: \(EventLoad.configuration) }", redis: .init(appendOnly: appendOnly),
            postgres: .own)
        var worker = try await weir.startWorker()
        let nowMs = TimeSource.system.wallMs()
        var sources = Self.minutesAgo.enumerated().map { number, minutes in
            EventLoad(
                seed: Seed(value: seed.value &+ UInt64(number)), startMs: nowMs - minutes * Self.minuteMs, variety: 400)
        }
        var load = EventLoad(seed: seed, startMs: nowMs - 11 * 60 * Self.minuteMs)
        var typical = Duration.milliseconds(appendOnly == .everysec ? 2_500 : 500)
        var told: [String: Int] = [:]
        var counted = 0
        let faults = Fault.all.flatMap { Array(repeating: $0.fault, count: $0.rounds) }.shuffled(using: &rng)
        for (round, fault) in faults.enumerated() {
            // A minute that nothing has come to yet.
            let minute = StepMs.floor(nowMs, Self.minuteMs) - (20 + Int64(round)) * 10 * Self.minuteMs
            var fresh = EventLoad(seed: Seed(value: seed.value &+ UInt64(100 + round)), startMs: minute)
            var made = (0..<6).map { number in
                let place = Int.random(in: 0..<sources.count, using: &rng)
                let body = sources[place].entry(events: Self.eventsPerBatch).ndjson
                load.add(Array(sources[place].events.suffix(Self.eventsPerBatch)))
                return Batch(key: "\(round)-\(number)", body: body)
            }
            if fault == .redisForgets {
                made.append(Batch(key: "\(round)-fresh", body: fresh.entry(events: Self.eventsPerBatch * 4).ndjson))
                load.add(fresh.events)
            }
            let batches = made
            // Half of the time anywhere, else about where the writing is.
            let part = Bool.random(using: &rng) ? 0.0...1.2 : 0.6...1.05
            let delay = typical * Double.random(in: part, using: &rng)
            let away = Duration.milliseconds(Int.random(in: 0...400, using: &rng))
            let count = fault.isAnywhere && Bool.random(using: &rng) ? 2 : 1
            try await deliver(batches[0], to: weir.port)
            var passes: [WeirProcess] = []
            if fault.isAnywhere { passes = try (0..<count).map { _ in try startPass(weir) } }
            let (first, bounds) = (load.startMs, counted...load.count)
            try await withThrowingTaskGroup { watching in
                watching.addTask { try await watch(weir, from: first, bounds, "round \(round)") }
                try await withThrowingTaskGroup { group in
                    for mine in [batches[1...3], batches[4...5]] {
                        group.addTask { for batch in mine { try await deliver(batch, to: weir.port) } }
                    }
                    switch fault {
                    case .none: break
                    case .compaction, .postgres, .redis:
                        try await Task.sleep(for: delay)
                        try await happen(fault, to: passes[0], weir, away, appendOnly)
                    case .compactionInTransaction, .postgresInTransaction, .redisInTransaction:
                        passes = [
                            try await holdWriting(weir) { pass in
                                try await happen(fault, to: pass, weir, away, appendOnly)
                            }
                        ]
                    case .redisForgets: passes = [try await forget(batches[6], of: minute, weir, appendOnly)]
                    case .compactionAfterCommit:
                        let before = try await weir.sql(Self.writtenAt)
                        passes = [try await holdWriting(weir) { _ in weir.redis.freeze() }]
                        try await eventually("the pass commits", deadline: .seconds(30)) {
                            try await weir.sql(Self.writtenAt) != before
                        }
                        try await passes[0].crash()
                        weir.redis.thaw()
                    }
                    try await group.waitForAll()
                }
                for pass in passes {
                    let exit = try await pass.exit(within: .seconds(60))
                    #expect(
                        fault.exits.contains(exit), "round \(round), \(fault): \(exit): \(pass.errors.lines)")
                    told["\(fault) \(exit)", default: 0] += 1
                }
                watching.cancelAll()
            }
            if fault.isOfRedis { for batch in batches { try await deliver(batch, to: weir.port) } }
            let isCompacted = fault == .none || round % 2 == 1
            let when = "round \(round), after \(fault)"
            if let pass = try await check(load, weir, when, isCompacted: isCompacted) {
                counted = load.count
                typical = pass
            }
            if round % 6 == 5 { try await expectAnswers(weir, load, "round \(round)") }
            if fault == .none {
                try await weir.stop(worker)
                try await expireHistory(weir)
                worker = try await weir.startWorker()
            }
        }
        _ = try await check(load, weir, "the end", isCompacted: true)
        try await expectAnswers(weir, load, "the end")
        try await expectHistory(weir, load)
        let parts = try await weir.sql("SELECT count(*) - count(DISTINCT (series_id, bucket)) FROM weir.minute")
        told["parts of minutes that had left Redis"] = Int(parts)
        print("\(seed), \(appendOnly): \(load.count) events;", told.sorted { $0.key < $1.key })
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    private static let writtenAt = "SELECT max(written_at) FROM weir.partition_cursor"

    private func happen(
        _ fault: Fault, to pass: WeirProcess, _ weir: WeirInstallation, _ away: Duration,
        _ appendOnly: RedisServer.Options.AppendOnly
    ) async throws {
        switch fault {
        case .none: break
        case .compaction, .compactionInTransaction, .compactionAfterCommit: try await pass.crash()
        case .postgres, .postgresInTransaction:
            try await weir.postgres.stop(.immediate)
            try await Task.sleep(for: away)
            try await weir.postgres.launch()
        case .redis, .redisInTransaction, .redisForgets:
            try await crash(weir.redis, appendOnly) { try await Task.sleep(for: away) }
        }
    }

    private func startPass(_ weir: WeirInstallation) throws -> WeirProcess {
        try WeirProcess(["compact"], environment: weir.environment)
    }

    /// Starts a pass and calls `body` while it has written its rows, and waits for a lock before it may move the cursor and
    /// commit.
    private func holdWriting(
        _ weir: WeirInstallation, _ body: (WeirProcess) async throws -> Void
    ) async throws -> WeirProcess {
        let table = "weir.partition_cursor"
        // Ends with an error: its session is ended, or the server.
        async let holder = try? weir.sql("BEGIN; LOCK \(table) IN SHARE MODE; SELECT pg_sleep(60) AS holder")
        let locks = "SELECT count(*) FROM pg_locks WHERE relation = '\(table)'::regclass AND mode ="
        try await eventually("it is locked") { try await weir.sql("\(locks) 'ShareLock' AND granted") == "1" }
        let pass = try startPass(weir)
        try await eventually("the pass waits", deadline: .seconds(30)) {
            try await weir.sql("\(locks) 'RowExclusiveLock' AND NOT granted") == "1"
        }
        try await body(pass)
        _ = try await weir.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                + "WHERE query LIKE '%AS holder' AND pid <> pg_backend_pid()")
        _ = await holder
        return pass
    }

    /// Sends a batch until it is answered with 202, under its key.
    private func deliver(_ batch: Batch, to port: Int) async throws {
        let text = String(decoding: batch.body, as: UTF8.self)
        try await eventually("\(batch.key) is accepted", deadline: .seconds(60)) {
            let answer = try? await HTTPClient(port: port).post(
                "/api/v1/events", text, headers: ["Idempotency-Key": batch.key])
            return answer?.status == 202
        }
    }

    /// Kills Redis and starts it again; with `everysec` without what came in meanwhile, as where the machine dies.
    private func crash(
        _ redis: RedisServer, _ appendOnly: RedisServer.Options.AppendOnly, meanwhile: () async throws -> Void
    ) async throws {
        let path = redis.folder.file("appendonlydir/appendonly.aof.1.incr.aof")
        let began = ContinuousClock.now
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        try await meanwhile()
        try await redis.crash()
        // Where this process was held up, all of that has been on the disk for long.
        let isRecent = ContinuousClock.now - began < .milliseconds(1_500)
        if appendOnly == .everysec, isRecent { try #require(truncate(path, off_t(size)) == 0) }
        try await redis.launch()
    }

    /// Redis forgets a minute that a pass has read since, and hears of it again.
    private func forget(
        _ batch: Batch, of minute: Int64, _ weir: WeirInstallation, _ appendOnly: RedisServer.Options.AppendOnly
    ) async throws -> WeirProcess {
        var pass: WeirProcess?
        try await crash(weir.redis, appendOnly) {
            try await deliver(batch, to: weir.port)
            let probe = try await weir.redis.connect()
            try await eventually("the minute is there") {
                try await probe.command("EXISTS", "weir:{0}:dirty:\(minute / 1_000)").int == 1
            }
            let started = try startPass(weir)
            pass = started
            let end = ContinuousClock.now + .milliseconds(700)
            while started.process.isRunning, .now < end { try await Task.sleep(for: .milliseconds(5)) }
        }
        return try #require(pass)
    }

    /// Lets all go from Redis that may expire and is PostgreSQL's to answer, as ten minutes later; the worker must not run.
    private func expireHistory(_ weir: WeirInstallation) async throws {
        let probe = try await weir.redis.connect()
        for kind in ["b10", "hll", "top"] {
            for key in try await probe.command("KEYS", "weir:{0}:\(kind):*").array ?? [] {
                let name = key.string ?? ""
                let leftMs = try await probe.command("PTTL", name).int ?? -1
                if (0...600_000).contains(leftMs) { _ = try await probe.command("DEL", name) }
            }
        }
    }

    /// Asks all the time, and is never answered with less than was compacted before, nor with more than was sent.
    private func watch(_ weir: WeirInstallation, from: Int64, _ bounds: ClosedRange<Int>, _ when: String) async throws {
        while !Task.isCancelled {
            if let found = try? await weir.count(from: from) {
                #expect(bounds.contains(found), "\(when): \(found) events of \(bounds)")
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The books balance, whatever is compacted and what is not.
    ///
    /// With `isCompacted` one more pass is made, and everything is answered: until then an answer about history lacks what came
    /// late to it. Returns how long the pass took.
    private func check(_ load: EventLoad, _ weir: WeirInstallation, _ when: String, isCompacted: Bool) async throws
        -> Duration?
    {
        try await weir.waitUntilApplied(load.count)
        try await weir.expectBalance(applied: load.count, when)
        if !isCompacted { return nil }
        var took = Duration.zero
        // PostgreSQL may hold the lock of a pass that was killed for another moment.
        try await eventually("\(when): a whole pass", deadline: .seconds(60)) {
            let began = ContinuousClock.now
            let pass = try await weir.run(["compact"])
            took = .now - began
            try #require([.status(0), .status(75)].contains(pass.exit), "\(when): \(pass)")
            return pass.exit == .status(0)
        }
        var last: Int?
        try await eventually("\(when): all \(load.count) events are answered", deadline: .seconds(30)) {
            last = try? await weir.count(from: load.startMs)
            try #require(last ?? 0 <= load.count, "\(when)")
            return last == load.count
        }
        try await weir.expectBalance(applied: load.count, "\(when), compacted")
        return took
    }

    /// Every metric, asked by the hour and series, against what the events add up to.
    private func expectAnswers(_ weir: WeirInstallation, _ load: EventLoad, _ when: String) async throws {
        let expected = sums(load, bucketMs: 3_600_000)
        for metric in [.events] + EventLoad.metrics {
            let aggregations = metric.aggregations
            let names = aggregations.map(\.name).joined(separator: ",")
            let answer = try await weir.whole(
                "/api/v1/query?metric=\(metric.name)&by=\(metric.by.joined(separator: ","))&agg=\(names)&step=1h"
                    + "&from=\(load.startMs)&limit=1000")
            var found = 0
            for series in answer["series"]?.elements ?? [] {
                let labels = Dictionary(
                    (series["labels"]?.members ?? []).map { ($0.key, $0.value.string ?? "") }, uniquingKeysWith: { $1 })
                for (place, time) in (series["t"]?.elements ?? []).enumerated() {
                    let bucket = Bucket(metric: metric.name, labels: labels, atMs: time.integer ?? 0)
                    guard let wanted = expected[bucket] else {
                        Issue.record("\(when): \(bucket) is there")
                        continue
                    }
                    found += 1
                    for aggregation in aggregations {
                        let value = series[aggregation.name]?.elements?[place]
                        if aggregation == .top {
                            let items = (value?.elements ?? []).map {
                                "\($0["item"]?.string ?? "") \($0["count"]?.integer ?? 0)"
                            }
                            let all = wanted.items?.heaviest(10) ?? []
                            #expect(
                                items == all.map { "\(String(decoding: $0.item, as: UTF8.self)) \($0.count)" },
                                "\(when): \(bucket)")
                        } else {
                            #expect(
                                isNear(value?.number, wanted.value(aggregation, seconds: 3_600)),
                                "\(when): \(aggregation.name) of \(bucket)")
                        }
                    }
                }
            }
            #expect(found == expected.keys.count { $0.metric == metric.name }, "\(when): buckets of \(metric.name)")
        }
    }

    /// What SQL finds of every minute, against what the events add up to; and of every hour, against its minutes.
    private func expectHistory(_ weir: WeirInstallation, _ load: EventLoad) async throws {
        try await weir.expectHoursOfMinutes()
        let expected = sums(load, bucketMs: Self.minuteMs)
        let rows = try await weir.rows(
            """
            SELECT metric, labels->>'service', labels->>'endpoint', 1000 * extract(epoch FROM bucket)::bigint,
                sum(n), coalesce(sum(hits), 0), sum(sum), min(min), max(max), sum(dropped),
                (array_agg(last_value ORDER BY last_at DESC, last_value DESC) FILTER (WHERE last_at IS NOT NULL))[1],
                CASE metric WHEN 'response_time' THEN weir.quantile(weir.merge(sketch), 0.9, min(min), max(max)) END
            FROM weir.minute_view GROUP BY metric, labels, bucket
            """)
        #expect(rows.count == expected.count)
        for row in rows {
            var labels: [String: String] = [:]
            for (name, value) in zip(["service", "endpoint"], row[1...2]) where !value.isEmpty { labels[name] = value }
            let bucket = Bucket(metric: row[0], labels: labels, atMs: Int64(row[3]) ?? 0)
            guard let wanted = expected[bucket] else {
                Issue.record("\(bucket) is in history")
                continue
            }
            #expect(Int(row[4]) == wanted.count && Int(row[5]) == wanted.hits, "\(bucket)")
            #expect(isNear(Double(row[6]), wanted.sum), "sum of \(bucket)")
            #expect(Double(row[7]) == wanted.range?.lowerBound && Double(row[8]) == wanted.range?.upperBound)
            #expect(Int(row[9]) == wanted.items.map { _ in 0 }, "dropped of \(bucket)")
            #expect(Double(row[10]) == wanted.last?.value, "last of \(bucket)")
            #expect(isNear(Double(row[11]), wanted.value(.p90, seconds: 60)), "p90 of \(bucket)")
        }
        let items = try await weir.rows(
            """
            SELECT labels->>'service', 1000 * extract(epoch FROM bucket)::bigint, item, sum(events::bigint)
            FROM weir.minute_view, jsonb_each_text(items) AS top (item, events) WHERE metric = 'paths' GROUP BY 1, 2, 3
            """)
        for row in items {
            let wanted = expected[Bucket(metric: "paths", labels: ["service": row[0]], atMs: Int64(row[1]) ?? 0)]
            #expect(Int(row[3]) == wanted?.items?.counts[Array(row[2].utf8)], "\(row)")
        }
        #expect(items.count == expected.values.reduce(0) { $0 + ($1.items?.counts.count ?? 0) })
    }

    private struct Bucket: Hashable {
        let metric: String
        let labels: [String: String]
        let atMs: Int64
    }

    /// What the events add up to, by metric, labels and time.
    private func sums(_ load: EventLoad, bucketMs: Int64) -> [Bucket: Aggregate] {
        var sums: [Bucket: Aggregate] = [:]
        for (atMs, events) in Dictionary(grouping: load.events, by: { StepMs.floor($0.atMs, bucketMs) }) {
            var part = EventLoad(seed: Seed(value: 0), startMs: atMs)
            part.add(events)
            for (series, metrics) in part.expected {
                let labels = Dictionary(
                    series.labels.labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
                for (metric, aggregate) in metrics {
                    sums[Bucket(metric: metric, labels: labels, atMs: atMs)] = aggregate
                }
            }
        }
        return sums
    }

    private func isNear(_ found: Double?, _ wanted: Double?) -> Bool {
        if let found, let wanted { abs(found - wanted) <= 1e-9 * max(abs(found), abs(wanted)) } else { found == wanted }
    }
}
