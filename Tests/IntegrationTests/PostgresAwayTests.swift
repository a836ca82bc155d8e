import Service
import TestKit
import Testing

/// PostgreSQL is away while more than an hour of traffic comes in: Redis holds it, and one pass catches up.
@Suite("PostgreSQL is away", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(10)))
struct PostgresAwayTests {
    private static let minutes = 70
    private static let services = 10
    private static let endpoints = 24
    private static let perRequest = 1_200
    private static let minuteMs: Int64 = 60_000
    /// As `CompactionPass.Configuration` has it, and what one more slice of 2,000 minutes of series may add.
    private static let mostRows = 20_000 + 2_000 * 3

    private static let configuration = """
        { metrics: [
          { name: "requests", kind: "counter", by: ["service", "endpoint"] },
          { name: "response_time", kind: "distribution", value: "duration_ms", by: ["service", "endpoint"] },
          { name: "bytes", kind: "counter", value: "bytes", by: ["service", "endpoint"] },
        ] }
        """

    private struct Event {
        let atMs: Int64
        let service: Int
        let endpoint: Int
        let durationMs: Int
        let bytes: Int

        var line: String {
            "{\"ts\":\(atMs),\"service\":\"s\(service)\",\"endpoint\":\"/e\(endpoint)\",\"duration_ms\":\(durationMs),"
                + "\"bytes\":\(bytes)}\n"
        }
    }

    @Test("without PostgreSQL for an hour nothing is refused, and later nothing is missing", arguments: [Chaos.seed])
    func anHourWithoutHistory(seed: Seed) async throws {
        let (weir, front) = try await WeirInstallation.start(configuration: Self.configuration, postgres: .own)
        let worker = try await weir.startWorker()
        let nowMs = TimeSource.system.wallMs()
        let first = StepMs.floor(nowMs - Int64(Self.minutes + 1) * Self.minuteMs, Self.minuteMs)
        let events = Self.events(seed, fromMs: first)
        let unreachable = TestKit.ChildProcess.Exit.status(69)

        // History has the first minutes, and then PostgreSQL goes away.
        let early = events.count / 10
        try await send(events[..<early], to: weir)
        try await weir.waitUntilApplied(early)
        try await weir.compact()
        let written = try await weir.rows("SELECT count(*) FROM weir.minute")
        try await weir.postgres.stop(.immediate)

        var used = [try await memory(weir, above: 0)]
        let recent = StepMs.floor(nowMs, Self.minuteMs) - 5 * Self.minuteMs
        for part in 0..<3 {
            let from = early + (events.count - early) * part / 3
            let until = early + (events.count - early) * (part + 1) / 3
            try await send(events[from..<until], to: weir)
            try await weir.waitUntilApplied(until)
            used.append(try await memory(weir, above: used[part]))
            let pass = try await weir.run(["compact"])
            #expect(pass.exit == unreachable, "\(pass.errors)")
            // What Redis and memory answer for is all there.
            let wanted = events[..<until].count { $0.atMs >= recent }
            try await eventually("part \(part): recent events are answered") {
                let found = try await weir.answer("/api/v1/query?metric=events&by=&agg=count&step=1m&from=\(recent)")
                #expect(found["degraded"]?.elements?.isEmpty == true, "PostgreSQL is not asked")
                return WeirInstallation.sum(found, "count") == Double(wanted)
            }
        }
        let lonely = try await weir.http.get("/api/v1/audit?from=-24h")
        let books = try JSON5.parse(lonely.body)
        #expect(lonely.status == 200 && books["balanced"]?.bool == true, "\(lonely.text)")
        #expect(books["degraded"]?.elements?.compactMap(\.string) == ["postgres"])

        // One pass catches up, in transactions of bounded size.
        try await weir.postgres.launch()
        let began = ContinuousClock.now
        try await weir.compact()
        let took = ContinuousClock.now - began
        let sizes = try await weir.rows("SELECT count(*) FROM weir.minute GROUP BY xmin ORDER BY 1").compactMap {
            Int($0[0])
        }
        print(
            "\(events.count) events, \(written) rows before; Redis: \(used) bytes; caught up in \(took): \(sizes) rows")
        #expect(sizes.count >= 3 && sizes.allSatisfy { $0 <= Self.mostRows }, "\(sizes)")

        // Nothing is lost: every minute of every series, in SQL, and the whole in the API.
        try await expectHistory(weir, events)
        for (metric, aggregation, total) in [
            ("events", "count", events.count), ("requests", "count", events.count),
            ("response_time", "count", events.count), ("bytes", "sum", events.reduce(0) { $0 + $1.bytes }),
        ] {
            let found = try await weir.whole(
                "/api/v1/query?metric=\(metric)&by=&agg=\(aggregation)&step=1m&from=\(first)")
            #expect(WeirInstallation.sum(found, aggregation) == Double(total), "\(metric)")
        }
        try await weir.expectBalance(applied: events.count, "the end")
        let again = try await weir.run(["compact"])
        #expect(again.exit == .status(0) && again.errors.contains { $0.contains("wrote 0 rows") }, "\(again.errors)")
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    /// Every series once a minute, and some twice, in order of time.
    private static func events(_ seed: Seed, fromMs: Int64) -> [Event] {
        var rng = SplitMix64(seed)
        return (0..<Int64(minutes)).flatMap { minute in
            (0..<services * endpoints * 5 / 4).map { number in
                Event(
                    atMs: fromMs + minute * minuteMs + Int64.random(in: 0..<minuteMs, using: &rng),
                    service: number % services, endpoint: number / services % endpoints,
                    durationMs: Int.random(in: 1...5_000, using: &rng), bytes: Int.random(in: 0...1 << 20, using: &rng))
            }
        }
    }

    /// Each request is answered with 202 at once.
    private func send(_ events: ArraySlice<Event>, to weir: WeirInstallation) async throws {
        var rest = events
        while !rest.isEmpty {
            let body = rest.prefix(Self.perRequest).map(\.line).joined()
            rest = rest.dropFirst(Self.perRequest)
            let response = try await weir.http.post("/api/v1/events", body)
            #expect(response.status == 202, "\(response.text)")
        }
    }

    /// What the front tells of Redis' memory, once it has seen that there is more of it than `before`, bytes.
    private func memory(_ weir: WeirInstallation, above before: Int) async throws -> Int {
        try await eventually("Redis uses more than \(before) bytes", deadline: .seconds(30)) {
            let text = try await weir.http.get("/metrics").text
            let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("weir_redis_used_memory_bytes ") }
            let used = try #require(line.flatMap { Double($0.split(separator: " ")[1]) }.map { Int($0) })
            return used > before ? used : nil
        }
    }

    private func expectHistory(_ weir: WeirInstallation, _ events: [Event]) async throws {
        var wanted: [String: (count: Int, bytes: Int, durations: ClosedRange<Int>)] = [:]
        for event in events {
            let minute = StepMs.floor(event.atMs, Self.minuteMs) / 1_000
            let key = "\(minute)|s\(event.service)|/e\(event.endpoint)"
            let held = wanted[key]
            let low = min(held?.durations.lowerBound ?? .max, event.durationMs)
            let high = max(held?.durations.upperBound ?? .min, event.durationMs)
            wanted[key] = ((held?.count ?? 0) + 1, (held?.bytes ?? 0) + event.bytes, low...high)
        }
        let rows = try await weir.rows(
            """
            SELECT extract(epoch FROM bucket)::bigint, labels->>'service', labels->>'endpoint',
                sum(n) FILTER (WHERE metric = 'requests'), sum(n) FILTER (WHERE metric = 'response_time'),
                sum(sum) FILTER (WHERE metric = 'bytes'), min(min) FILTER (WHERE metric = 'response_time'),
                max(max) FILTER (WHERE metric = 'response_time')
            FROM weir.minute_view WHERE metric <> 'events' GROUP BY bucket, labels
            """)
        #expect(rows.count == wanted.count)
        for row in rows {
            guard let one = wanted[row[0...2].joined(separator: "|")] else {
                Issue.record("\(row) is in history")
                continue
            }
            #expect(
                Int(row[3]) == one.count && Int(row[4]) == one.count && Double(row[5]) == Double(one.bytes), "\(row)")
            #expect(
                Double(row[6]) == Double(one.durations.lowerBound)
                    && Double(row[7]) == Double(one.durations.upperBound), "\(row)")
        }
    }
}
