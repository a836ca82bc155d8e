import Analytics
import Service
import TestKit
import Testing

@Suite("A week in SQL", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct WeekTests {
    private struct Event {
        let service: String
        let atMs: Int64
        let value: Double

        var line: String { "{\"ts\":\(atMs),\"service\":\"\(service)\",\"endpoint\":\"/\",\"duration_ms\":\(value)}\n" }
    }

    /// Two minutes of every other hour, for three services, from midnight six days ago on.
    private func events(fromMs: Int64, nowMs: Int64, seed: Seed) -> [Event] {
        var random = SplitMix64(seed)
        var events: [Event] = []
        for hour in stride(from: fromMs, to: nowMs - 3_600_000, by: 2 * 3_600_000) {
            for service in 0..<3 {
                for _ in 0..<2 {
                    let minute = hour + Int64.random(in: 0..<60, using: &random) * 60_000
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        let value = Double(Int.random(in: 1...1_000 << (service * 4), using: &random)) / 8
                        events.append(Event(service: "s\(service)", atMs: minute, value: value))
                    }
                }
            }
        }
        return events
    }

    /// `SELECT service, day, events, p99 …` by service and day.
    private func rows(_ weir: WeirInstallation, _ statement: String) async throws -> [String: [Double]] {
        let text = try await weir.postgres.query(statement, database: weir.database)
        var rows: [String: [Double]] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "|").map(String.init)
            rows[fields[0] + " " + fields[1]] = fields.dropFirst(2).compactMap(Double.init)
        }
        return rows
    }

    @Test("a p99 of merged minutes, by label, is the API's to the bit", arguments: Seed.range(1))
    func quantilesOfAWeek(seed: Seed) async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        let nowMs = TimeSource.system.wallMs()
        let dayMs = HistoryResolution.day.ms
        let fromMs = StepLadder.floor(nowMs, dayMs) - 6 * dayMs
        let events = events(fromMs: fromMs, nowMs: nowMs, seed: seed)
        let response = try await weir.http.post(
            "/api/v1/events", events.map(\.line).joined(), type: "application/x-ndjson", within: .seconds(30))
        #expect(response.status == 202, "\(response.text)")
        try await weir.waitUntilApplied(events.count)
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")

        // By day, from the API: minutes, hours and days of PostgreSQL, and the last hour from Redis.
        let answer = try await weir.query(
            "metric=response_time&agg=p99,count&by=service&from=\(fromMs)&to=\(nowMs)&step=1d")
        #expect(answer["step"]?.integer == dayMs)
        #expect(answer["tiers"]?.elements?.compactMap(\.string).contains("postgres") == true)
        var asked: [String: [Double]] = [:]
        for series in answer["series"]?.elements ?? [] {
            func numbers(_ name: String) -> [Double] { series[name]?.elements?.compactMap(\.number) ?? [] }
            let service = series["labels"]?["service"]?.string ?? ""
            for (day, (count, p99)) in zip(numbers("t"), zip(numbers("count"), numbers("p99"))) {
                asked["\(service) \(Int64(day) / 1_000)"] = [count, p99]
            }
        }
        #expect(asked.values.reduce(0) { $0 + ($1.first ?? 0) } == Double(events.count))

        let day = "extract(epoch FROM date_bin('1 day', bucket, '2000-01-01Z'))::bigint"
        let range = "metric = 'response_time' AND bucket >= to_timestamp(\(fromMs / 1_000))"
        for (view, count) in [("minute_view", "n"), ("distribution_minute", "count")] {
            let found = try await rows(
                weir,
                """
                SELECT labels->>'service', \(day), sum(\(count)), weir.quantile(weir.merge(sketch), 0.99, min(min), max(max))
                FROM weir.\(view) WHERE \(range) GROUP BY 1, 2
                """)
            #expect(found == asked, "\(view)")
        }

        // All of it as one, which is more than a step of the API: what its own arithmetic makes of the events.
        var week: [String: [Double]] = [:]
        for (service, events) in Dictionary(grouping: events, by: \.service) {
            let aggregate = events.reduce(into: Aggregate()) { $0.addToDistribution($1.value) }
            let bin = try #require(aggregate.sketch.value(atQuantile: 0.99))
            let within = try #require(aggregate.range.map { min(max(bin, $0.lowerBound), $0.upperBound) })
            week["\(service) all"] = [Double(aggregate.count), bin, within]
        }
        let found = try await rows(
            weir,
            """
            SELECT labels->>'service', 'all', sum(n), weir.quantile(weir.merge(sketch), 0.99),
                weir.quantile(weir.merge(sketch), 0.99, min(min), max(max))
            FROM weir.minute_view WHERE \(range) GROUP BY 1
            """)
        #expect(found == week && week.count == 3)
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
