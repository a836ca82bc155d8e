import Analytics
import Service
import TestKit
import Testing

/// A question about one series, with few and with many others beside it, of each tier.
///
/// `WEIR_SERIES` says how many those are (4,000).
@Suite("Selective queries", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(10)))
struct SelectiveQueryTests {
    private static let configuration = """
        { metrics: [
          { name: "requests", kind: "counter", by: ["service", "endpoint"], max_series: 200000 },
        ] }
        """
    private static let endpoints = 100
    private static var few: Int { max(200, many / 100) }

    private static var many: Int { environmentVariable("WEIR_SERIES").flatMap { Int($0) } ?? 4_000 }

    @Test("a question about one series takes as long with many others as with few")
    func takesAsLongWithManyOthers() async throws {
        let weir = try await CaseInstallation(configuration: Self.configuration, partitions: 1)
        let port = try FreePort.next()
        // What was kept from before would say nothing of selecting.
        let front = try await weir.startFront(port, ["--query-cache", "0"])
        let processes = [front, try await weir.startWorker()]
        let nowMs = TimeSource.system.wallMs()
        var times: [[String: Double]] = []
        var sent = 0
        for series in [0..<Self.few, Self.few..<Self.many] {
            // In PostgreSQL, in Redis, and in memory.
            for secondsAgo in [7_200, 1_800, 0] {
                let atMs = secondsAgo == 0 ? TimeSource.system.wallMs() : nowMs - Int64(secondsAgo) * 1_000
                try await send(series, atMs: atMs, to: port)
                sent += series.count
                try await weir.waitUntilApplied(sent)
                if secondsAgo == 7_200 { try await weir.run(["compact"]) }
            }
            times.append(try await measure(weir, port, nowMs: nowMs))
        }
        print("ms a question, \(Self.few) series:", times[0].sorted { $0.key < $1.key })
        print("ms a question, \(Self.many) series:", times[1].sorted { $0.key < $1.key })
        for (tier, took) in times[1] {
            let before = times[0][tier] ?? 0
            #expect(took <= 3 * before + 1, "\(tier): \(before) ms before, now \(took) ms")
        }
        try await weir.stop(processes)
    }

    private func send(_ series: Range<Int>, atMs: Int64, to port: Int) async throws {
        let http = HTTPClient(port: port)
        for first in stride(from: series.lowerBound, to: series.upperBound, by: 5_000) {
            let body = (first..<min(first + 5_000, series.upperBound)).map { number in
                "{\"ts\":\(atMs),\"service\":\"s\(number / Self.endpoints)\",\"endpoint\":\"/e\(number % Self.endpoints)\"}\n"
            }
            let answer = try await http.post("/api/v1/events", body.joined(), within: .seconds(60))
            try #require(answer.status == 202, "\(answer.text)")
        }
    }

    /// The median time of each tier's question, ms: the front's own for HTTP, and the engine's without memory.
    private func measure(_ weir: CaseInstallation, _ port: Int, nowMs: Int64) async throws -> [String: Double] {
        let http = HTTPClient(port: port)
        // Another series each time, so that nothing is answered from what was asked before.
        func label(_ number: Int) -> String { "label.service=s1&label.endpoint=%2Fe\(number)" }
        let ranges: [(tier: String, from: Int64, to: Int64, step: String)] = [
            ("postgres", nowMs - 7_800_000, nowMs - 6_600_000, "60s"),
            ("redis", nowMs - 2_400_000, nowMs - 1_260_000, "10s"), ("memory", nowMs - 60_000, nowMs + 240_000, "1s"),
        ]
        var medians: [String: Double] = [:]
        for range in ranges {
            func target(_ number: Int) -> String {
                "/api/v1/query?metric=requests&\(label(number))&from=\(range.from)&to=\(range.to)&step=\(range.step)"
            }
            try await eventually("\(range.tier) answers", deadline: .seconds(60)) {
                let answer = try JSON5.parse(try await http.get(target(0), within: .seconds(60)).body)
                return answer["tiers"]?.elements?.compactMap(\.string) == [range.tier]
                    && answer["series"]?.elements?.first?["count"]?.elements?.isEmpty == false
            }
            var took: [Double] = []
            for number in 1...31 {
                let answer = try JSON5.parse(try await http.get(target(number)).body)
                took.append(answer["took_ms"]?.number ?? .infinity)
            }
            medians[range.tier] = took.sorted()[15]
            if range.tier == "memory" { continue }
            var question = RawQuestion(metric: RawMetric.all[1], fromMs: range.from, toMs: range.to)
            question.stepMs = range.step == "60s" ? 60_000 : 10_000
            var walls: [Double] = []
            for place in 0..<32 {
                question.filter = [
                    (0, [.init(isExclusion: false, pieces: ["s1"])]),
                    (1, [.init(isExclusion: false, pieces: ["/e\(place)"])]),
                ]
                let began = ContinuousClock.now
                let answer = try await weir.ask(question, of: weir.storesOnly, nowMs: nowMs)
                #expect(answer.series.count == 1 && answer.tiers == [range.tier])
                // The first reads the catalog.
                if place > 0 { walls.append((ContinuousClock.now - began) / .milliseconds(1)) }
            }
            medians["\(range.tier) without memory"] = walls.sorted()[15]
        }
        return medians
    }
}
