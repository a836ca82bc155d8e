import Analytics
import Foundation
import Service
import Synchronization
import TestKit
import Testing

/// Random questions over random events in all tiers, each answer held against a count of the raw events.
///
/// `WEIR_QUERY_CASES` says how many (240), `WEIR_CHAOS_SEED` from which seed; a failure prints both and the question.
@Suite("Query cases", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(30)))
struct QueryCasesTests {
    private static var caseCount: Int {
        environmentVariable("WEIR_QUERY_CASES").flatMap { Int($0) } ?? 240
    }

    /// The first questions: from and to so many minutes ago, one for each set of tiers, so that none is left to chance.
    private static let tierMinutes: [(Int64, Int64)] = [
        (5, -2), (40, 25), (1_800, 1_740), (30, -2), (180, 25), (180, -2),
    ]

    /// Asked at the same time.
    private static let askers = 3

    /// What the stores hold while questions are asked.
    private struct Stage: Sendable {
        let name: String
        let seed: Seed
        /// Ascending by time; nothing comes meanwhile.
        let events: [RawEvent]
        let ports: [Int]
        /// Times near which ranges begin and end.
        let edges: [Int64]
        /// Nothing is in PostgreSQL yet.
        let isUncompacted: Bool
        /// Minutes that are kept, ms since 1970.
        var minutesFromMs = Int64.min

        /// Steps that a question's may have risen to where a part of the range holds no finer ones.
        func coarser(_ question: RawQuestion, nowMs: Int64) -> [Int64] {
            let step = question.wantedStepMs
            let fromMs = question.fromMs - question.fromMs % step
            var steps: [Int64] = []
            if fromMs < nowMs - 19 * 60_000 { steps.append(10_000) }
            if fromMs < nowMs - 59 * 60_000, !isUncompacted { steps.append(60_000) }
            if fromMs < minutesFromMs { steps.append(3_600_000) }
            return steps
        }
    }

    @Test("answers equal a count of the raw events, whichever tiers they come from", arguments: [Chaos.seed])
    func answersEqualTheRawEvents(seed: Seed) async throws {
        let weir = try await CaseInstallation()
        let ports = [try FreePort.next(), try FreePort.next()]
        var processes = [try await weir.startFront(ports[0]), try await weir.startWorker()]
        var rng = SplitMix64(seed)
        let nowMs = TimeSource.system.wallMs()
        var source = RawEvents(seed: seed, nowMs: nowMs)
        var events: [RawEvent] = []
        var tiers: [String: Int] = [:]

        func send(_ count: Int, isLate: Bool, key: String) async throws {
            let more = source.next(count, isLate: isLate)
            try await weir.send(more, to: ports[0], key: key, &rng)
            events = (events + more).sorted { $0.atMs < $1.atMs }
            try await weir.waitUntilApplied(events.count)
        }
        func ask(_ name: String, share: Double, _ ports: [Int], minutesFromMs: Int64 = .min) async throws {
            let atMs = TimeSource.system.wallMs()
            for port in ports { try await weir.waitUntilAnswered(events, by: port, nowMs: atMs) }
            var stage = Stage(
                name: name, seed: seed, events: events, ports: ports, edges: edges(atMs, events, &rng),
                isUncompacted: name == "uncompacted")
            stage.minutesFromMs = minutesFromMs
            let count = Int(share * Double(Self.caseCount))
            for (tier, count) in try await run(stage, cases: count, weir) { tiers[tier, default: 0] += count }
        }

        try await send(1_500, isLate: true, key: "first")
        try await ask("uncompacted", share: 0.15, [ports[0]])
        try await weir.run(["compact"])
        try await ask("compacted", share: 0.2, [ports[0]])
        try await send(1_500, isLate: true, key: "second")
        try await weir.run(["compact"])
        try await send(500, isLate: false, key: "third")
        processes.append(try await weir.startFront(ports[1]))
        try await ask("late, and a fresh front", share: 0.5, ports)

        // A day after it was announced, minutes are kept for three days; what stays of the others are hours.
        let shorter = ["compact", "--late", "1d", "--keep-minutes", "3d"]
        try await weir.run(shorter)
        _ = try await weir.sql("UPDATE weir.retention SET asked_at = asked_at - interval '25 hours'")
        try await weir.run(shorter)
        let fresh = try FreePort.next()
        processes.append(try await weir.startFront(fresh))
        try await ask(
            "minutes dropped", share: 0.15, [fresh],
            minutesFromMs: (TimeSource.system.wallMs() - 3 * RawQuestion.dayMs) / RawQuestion.dayMs
                * RawQuestion.dayMs)
        let metrics = try await HTTPClient(port: ports[0]).get("/metrics").text
        let madeAhead = metrics.split(separator: "\n").first { $0.hasPrefix("weir_query_label_pieces_total ") }
        #expect(madeAhead.map { !$0.hasSuffix(" 0") } == true, "no answer came from values made ahead")
        try await weir.stop(processes)

        print("\(seed), \(Self.caseCount) cases over \(events.count) events:", tiers.sorted { $0.key < $1.key })
        // All of the tiers were asked, alone and together.
        for wanted in ["memory", "redis", "postgres", "memory redis", "redis postgres", "memory redis postgres"] {
            #expect(tiers[wanted, default: 0] > 0, "no answer came from \(wanted)")
        }
    }

    @Test("while minutes are compacted and late events come, no bucket is lost or doubled", arguments: [Chaos.seed])
    func answersHoldWhileCompacting(seed: Seed) async throws {
        let weir = try await CaseInstallation()
        let port = try FreePort.next()
        let processes = [try await weir.startFront(port), try await weir.startWorker()]
        var source = RawEvents(seed: seed, nowMs: TimeSource.system.wallMs())
        var known = source.next(300, isLate: true).sorted { $0.atMs < $1.atMs }
        var first = SplitMix64(seed)
        try await weir.send(known, to: port, key: "first", &first)
        try await weir.waitUntilApplied(known.count)
        try await weir.run(["compact"])
        try await weir.waitUntilAnswered(known, by: port, nowMs: TimeSource.system.wallMs())
        var answers = 0
        for round in 0..<2 {
            let more = source.next(600, isLate: true)
            let (before, all) = (known, (known + more).sorted { $0.atMs < $1.atMs })
            let nowMs = TimeSource.system.wallMs()
            var rng = SplitMix64(Seed(value: seed.value &+ UInt64(round)))
            let edges = edges(nowMs, all, &rng)
            let end = Flag()
            answers += try await withThrowingTaskGroup(of: Int.self) { group in
                for asker in 0..<2 {
                    group.addTask {
                        var rng = SplitMix64(Seed(value: seed.value &+ UInt64(100 + 10 * round + asker)))
                        let http = HTTPClient(port: port)
                        var count = 0
                        while !end.isSet {
                            var question = RawQuestion.random(nowMs: nowMs, edges: edges, using: &rng)
                            let bounded = ["count", "min", "max", "unique", "top"]
                            question.aggregations = question.metric.aggregations.filter(bounded.contains)
                            (question.limit, question.fillsZero) = (1_000, false)
                            let answer = try await weir.ask(question, of: http)
                            if let problem = answer.problem(question, known: before, sent: all) {
                                Issue.record("\(seed), round \(round): \(question.target): \(answer.tiers): \(problem)")
                            }
                            count += 1
                        }
                        return count
                    }
                }
                let sending = more.chunked(by: 60)
                group.addTask {
                    var rng = SplitMix64(Seed(value: seed.value &+ UInt64(50 + round)))
                    for (number, part) in sending.enumerated() {
                        try await weir.send(part, to: port, key: "\(round)-\(number)", &rng)
                        if number % 5 == 3 { try await weir.run(["compact"]) }
                    }
                    try await weir.waitUntilApplied(all.count)
                    try await weir.run(["compact"])
                    end.set()
                    return 0
                }
                return try await group.reduce(0, +)
            }
            known = all
            try await weir.waitUntilAnswered(known, by: port, nowMs: TimeSource.system.wallMs())
        }
        print("\(seed): \(answers) answers while compacting")
        #expect(answers > 20)
        try await weir.stop(processes)
    }

    /// Times where one part of an answer ends and another begins.
    private func edges(_ nowMs: Int64, _ events: [RawEvent], _ rng: inout SplitMix64) -> [Int64] {
        let day = nowMs / RawQuestion.dayMs * RawQuestion.dayMs
        var edges = [0, 60, 512, 1_200, 1_260, 3_600].map { nowMs - $0 * 1_000 }
        edges += [(nowMs - 3_600_000) / 60_000 * 60_000, nowMs / 3_600_000 * 3_600_000, nowMs + 200_000]
        edges += (0...6).map { day - $0 * RawQuestion.dayMs }
        edges += (0..<12).compactMap { _ in events.randomElement(using: &rng)?.atMs }
        return edges
    }

    /// Asks a stage so many questions; returns how many answers came from which tiers.
    private func run(_ stage: Stage, cases count: Int, _ weir: CaseInstallation) async throws -> [String: Int] {
        try await withThrowingTaskGroup(of: [String: Int].self) { group in
            for asker in 0..<Self.askers {
                group.addTask {
                    let clients = stage.ports.map { HTTPClient(port: $0) }
                    var tiers: [String: Int] = [:]
                    for number in stride(from: asker, to: count, by: Self.askers) {
                        let tier = try await run(number, of: stage, clients, weir)
                        tiers[tier, default: 0] += 1
                    }
                    return tiers
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
    }

    /// One question, asked twice in two ways; returns the tiers of the first answer.
    private func run(
        _ number: Int, of stage: Stage, _ clients: [HTTPClient], _ weir: CaseInstallation
    ) async throws -> String {
        var rng = SplitMix64(
            Seed(value: stage.seed.value &+ UInt64(number) &* 0x9E37_79B9 &+ UInt64(stage.name.utf8.count)))
        let nowMs = TimeSource.system.wallMs()
        var question = RawQuestion.random(nowMs: nowMs, edges: stage.edges, using: &rng)
        if stage.ports.count > 1, number < Self.tierMinutes.count {
            let (from, to) = Self.tierMinutes[number]
            (question.fromMs, question.toMs, question.stepMs) = (nowMs - from * 60_000, nowMs - to * 60_000, 60_000)
        }
        let coarser = stage.coarser(question, nowMs: nowMs)
        func fail(_ what: String) {
            Issue.record("\(stage.seed), \(stage.name), case \(number): \(question.target): \(what)")
        }
        let first = clients.randomElement(using: &rng) ?? clients[0]
        let answer: RawAnswer
        do { answer = try await weir.ask(question, of: first) } catch {
            fail("\(error)")
            return "none"
        }
        if let problem = answer.problem(question, stage.events, coarser: coarser) {
            fail("tiers \(answer.tiers): \(problem)")
        }
        // The same once more, of another; in the steps that the first answer has, which others may answer in finer ones.
        var again = question
        (again.fromMs, again.toMs, again.stepMs) = (answer.fromMs, answer.toMs, answer.stepMs)
        let other: RawAnswer
        switch Int.random(in: 0..<5, using: &rng) {
        case 0 where question.metric.name == "paths":
            try await checkTop(again, stage, first, fail)
            return answer.tiers.joined(separator: " ")
        case 0:
            let response = try await first.get(again.target, headers: ["Accept": "text/csv"])
            let lines = response.text.split(separator: "\r\n").map(String.init)
            if lines != answer.csv(again) { fail("as CSV \(lines.prefix(5)), not \(answer.csv(again).prefix(5))") }
            return answer.tiers.joined(separator: " ")
        case 1, 2: other = try await weir.ask(again, of: clients.randomElement(using: &rng) ?? first)
        case 3 where stage.isUncompacted || answer.fromMs > nowMs - 3_480_000:
            other = try await weir.ask(again, of: weir.redisOnly, nowMs: nowMs)
        default: other = try await weir.ask(again, of: weir.storesOnly, nowMs: nowMs)
        }
        // Since the first answer a second may have left the ring, or Redis' finest buckets.
        if other.stepMs == answer.stepMs {
            if let difference = answer.difference(from: other, question) {
                fail("tiers \(answer.tiers) and \(other.tiers): \(difference)")
            }
        } else if let problem = other.problem(again, stage.events, coarser: [10_000, 60_000]) {
            fail("tiers \(other.tiers): \(problem)")
        }
        return answer.tiers.joined(separator: " ")
    }

    /// `/api/v1/top` over the same range: one bucket.
    private func checkTop(
        _ question: RawQuestion, _ stage: Stage, _ http: HTTPClient, _ fail: (String) -> Void
    ) async throws {
        let response = try await http.get(question.topTarget(k: 3))
        guard response.status == 200 else { return fail("\(response.text)") }
        let top = try JSONDecoder().decode(RawTop.self, from: Data(response.body))
        var question = question
        question.by = []
        let bucket = RawReference(question, stage.events, fromMs: top.from, toMs: top.to, stepMs: nil).groups[[]]?[0]
        let items = bucket?.items ?? []
        if top.items != Array(items.prefix(3)) || top.total != bucket?.count ?? 0 || !top.exact || !top.degraded.isEmpty
        {
            fail("top is \(top), not \(items)")
        }
        if top.from > question.fromMs || top.to < question.toMs { fail("top is of \(top.from) to \(top.to)") }
    }
}

extension [RawEvent] {
    fileprivate func chunked(by count: Int) -> [[RawEvent]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}

/// Raised once, seen by all.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
