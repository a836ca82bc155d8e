import Analytics
import Front
import Service
import TestKit
import Testing

/// A question about one series, with few and with many others beside it, of each tier: it is the same work.
///
/// `WEIR_SERIES` says how many those are (4,000); then it must also take as long, which only a quiet machine can show.
@Suite("Selective queries", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(10)))
struct SelectiveQueryTests {
    private static let configuration = """
        { metrics: [
          { name: "requests", kind: "counter", by: ["service", "endpoint"], max_series: 200000 },
        ] }
        """
    private static let endpoints = 100
    private static var few: Int { max(200, many / 100) }
    private static let measured = environmentVariable("WEIR_SERIES").flatMap { Int($0) }
    private static var many: Int { measured ?? 4_000 }
    private static let questions = 32

    /// What the questions of one tier cost.
    private struct Cost {
        /// The median of a question, ms: with memory, as the front says, and without.
        var frontMs = 0.0
        var engineMs = 0.0
        /// What the engine without memory had of its stores, all questions but the first, which reads the catalog.
        var work = StoreWork.Counts()
        /// What Redis did meanwhile, for whomever.
        var commands = 0
    }

    @Test("a question about one series is the same work with many others as with few")
    func isTheSameWorkWithManyOthers() async throws {
        let weir = try await CaseInstallation(configuration: Self.configuration, partitions: 1)
        let port = try FreePort.next()
        // What was kept from before would say nothing of selecting.
        let front = try await weir.startFront(port, ["--query-cache", "0", "--last-hour", "0"])
        let processes = [front, try await weir.startWorker()]
        let nowMs = TimeSource.system.wallMs()
        var costs: [[String: Cost]] = []
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
            costs.append(try await measure(weir, port, nowMs: nowMs))
        }
        for (tier, many) in costs[1].sorted(by: { $0.key < $1.key }) {
            let few = try #require(costs[0][tier])
            print("\(tier): \(Self.few) series \(few), \(Self.many) series \(many)")
            #expect(many.work == few.work, "\(tier)")
            // Processes ask Redis some dozens of times a second by themselves; looking at all series would be thousands a question.
            #expect(many.commands < 2 * few.commands + Self.questions * Self.many / 10, "\(tier)")
            guard Self.measured != nil else { continue }
            #expect(many.frontMs <= 3 * few.frontMs + 1 && many.engineMs <= 3 * few.engineMs + 1, "\(tier)")
        }
        #expect(costs[0]["postgres"]?.work.read == Self.questions - 1, "one series a question")
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

    private func measure(_ weir: CaseInstallation, _ port: Int, nowMs: Int64) async throws -> [String: Cost] {
        let http = HTTPClient(port: port)
        // Another series each time, so that nothing is answered from what was asked before.
        func label(_ number: Int) -> String { "label.service=s1&label.endpoint=%2Fe\(number)" }
        let ranges: [(tier: String, from: Int64, to: Int64, step: String)] = [
            ("postgres", nowMs - 7_800_000, nowMs - 6_600_000, "60s"),
            ("redis", nowMs - 2_400_000, nowMs - 1_260_000, "10s"), ("memory", nowMs - 60_000, nowMs + 240_000, "1s"),
        ]
        let work = StoreWork()
        let engine = weir.engine(counting: work)
        var costs: [String: Cost] = [:]
        for range in ranges {
            func target(_ number: Int) -> String {
                "/api/v1/query?metric=requests&\(label(number))&from=\(range.from)&to=\(range.to)&step=\(range.step)"
            }
            try await eventually("\(range.tier) answers", deadline: .seconds(60)) {
                let answer = try JSON5.parse(try await http.get(target(0), within: .seconds(60)).body)
                return answer["tiers"]?.elements?.compactMap(\.string) == [range.tier]
                    && answer["series"]?.elements?.first?["count"]?.elements?.isEmpty == false
            }
            var cost = Cost()
            var took: [Double] = []
            let before = try await weir.redisCommandCount()
            for number in 1..<Self.questions {
                let answer = try JSON5.parse(try await http.get(target(number), within: .seconds(60)).body)
                took.append(answer["took_ms"]?.number ?? .infinity)
            }
            cost.frontMs = took.sorted()[took.count / 2]
            if range.tier != "memory" { try await ask(engine, range, nowMs: nowMs, of: weir, work, &cost) }
            cost.commands = try await weir.redisCommandCount() - before
            costs[range.tier] = cost
        }
        return costs
    }

    /// The same of an engine without memory.
    private func ask(
        _ engine: QueryEngine, _ range: (tier: String, from: Int64, to: Int64, step: String), nowMs: Int64,
        of weir: CaseInstallation, _ work: StoreWork, _ cost: inout Cost
    ) async throws {
        var question = RawQuestion(metric: RawMetric.all[1], fromMs: range.from, toMs: range.to)
        question.stepMs = range.step == "60s" ? 60_000 : 10_000
        var walls: [Double] = []
        for place in 0..<Self.questions {
            question.filter = [
                (0, [.init(isExclusion: false, pieces: ["s1"])]),
                (1, [.init(isExclusion: false, pieces: ["/e\(place)"])]),
            ]
            let began = ContinuousClock.now
            let answer = try await weir.ask(question, of: engine, nowMs: nowMs)
            #expect(answer.series.count == 1 && answer.tiers == [range.tier])
            if place == 0 { _ = work.take() } else { walls.append((ContinuousClock.now - began) / .milliseconds(1)) }
        }
        cost.engineMs = walls.sorted()[walls.count / 2]
        cost.work = work.take()
    }
}
