import Analytics
import Reactor
import Service
import TestKit
import Testing

@testable import Front

@Suite("Questions with a cache of history")
final class CachedHistoryTests: Sendable {
    private let loop: EventLoop
    private let nowMs: Int64 = 1_795_428_123_456
    private let cache = HistoryCache(maxBytes: 1 << 20)

    init() throws { loop = try EventLoop.start(name: "engine") }

    deinit { loop.stop() }

    @Test("the same question again, and a later one, are answered as if nothing were kept", arguments: Seed.range(15))
    func equalsAnswersWithoutIt(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let tiers = world(&rng)
        let (cached, plain) = (await engine(tiers, cache), await engine(tiers, nil))
        for _ in 0..<4 {
            let step = ["auto", "1m", "20m", "1h", "2h", "1d"].randomElement(using: &rng) ?? "1h"
            let from = nowMs - .random(in: 4_000_000...300_000_000, using: &rng)
            let to = Bool.random(using: &rng) ? nowMs : .random(in: from + 1_000...nowMs, using: &rng)
            let by = ["", "service", "service,endpoint"].randomElement(using: &rng) ?? ""
            for aggregations in ["count", "p99,count", "max"] {
                let query = try query(from, to, step, aggregations) {
                    $0.by = by
                    if Bool.random(using: &rng) { $0.fill = "zero" }
                }
                let (first, second) = (try await ask(query, cached), try await ask(query, plain))
                #expect(first.query == second.query && first.degraded == [])
                #expect(first.series.map(\.labels) == second.series.map(\.labels))
                #expect(first.series.map(\.times) == second.series.map(\.times))
                #expect(first.series.map(\.values) == second.series.map(\.values))
            }
            // An event comes late, and its minute is compacted.
            let lateMs = nowMs - .random(in: 5_000_000...200_000_000, using: &rng)
            let minute = lateMs - lateMs % 60_000
            tiers.change { $0.events.append(event(lateMs)) }
            cache.forget(minute..<minute + 60_000)
        }
        #expect(cache.counts.hits > 0)
    }

    @Test func whatIsKeptNeedsNoPostgres() async throws {
        var rng = SplitMix64(Seed(value: 1))
        let tiers = world(&rng)
        let engine = await engine(tiers, cache)
        let query = try query(nowMs - 100_000_000, nowMs, "1h", "p99,count")
        let first = try await ask(query, engine)
        #expect(first.tiers == ["memory", "redis", "postgres"])
        let reads = tiers.now.historyReads
        tiers.change { $0.down = [.postgres] }
        let second = try await ask(query, engine)
        #expect(second.degraded == [] && second.tiers == ["memory", "redis"] && tiers.now.historyReads == reads)
        #expect(second.series.map(\.values) == first.series.map(\.values))
        // Of what is asked for besides, only that is missing.
        let longer = try await ask(try self.query(nowMs - 200_000_000, nowMs, "1h", "p99,count"), engine)
        #expect(longer.degraded == ["postgres"] && longer.tiers == ["memory", "redis"])
        // Nothing changes while Redis is away, so it stays true.
        tiers.change { $0.down = [.postgres, .redis] }
        let third = try await ask(query, engine)
        #expect(third.degraded == ["redis", "postgres"] && third.tiers == ["memory"])
        #expect(third.series.first?.times.first == first.series.first?.times.first)
        tiers.change { $0.down = [] }
        cache.forgetAll()
        _ = try await ask(query, engine)
        #expect(tiers.now.historyReads > reads)
    }

    @Test func whatMemoryHeardNothingOfIsNotTrusted() async throws {
        var rng = SplitMix64(Seed(value: 2))
        let tiers = world(&rng)
        let engine = await engine(tiers, cache)
        let query = try query(nowMs - 100_000_000, nowMs, "1h", "count")
        _ = try await ask(query, engine)
        let reads = tiers.now.historyReads
        for change in [{ $0.isBehind = true }, { $0.memoryFrom = nil }] as [(inout TwinTiers.State) -> Void] {
            tiers.change(change)
            let before = tiers.now.historyReads
            #expect(try await ask(query, engine).tiers.contains("postgres"))
            #expect(tiers.now.historyReads > before && before >= reads)
        }
    }

    @Test func aChangeWhileItIsReadIsReadAnew() async throws {
        var rng = SplitMix64(Seed(value: 3))
        let tiers = world(&rng)
        let engine = await engine(tiers, cache)
        let query = try query(nowMs - 20_000_000, nowMs, "1h", "count")
        let lateMs = nowMs - 10_000_000
        let cache = cache
        // The compaction commits and says so after the rows were read and before they are kept.
        tiers.change { $0.beforeHistoryRead = { cache.forget(lateMs - lateMs % 60_000..<lateMs) } }
        let first = try await ask(query, engine)
        tiers.change {
            $0.beforeHistoryRead = nil
            $0.events.append(event(lateMs))
        }
        let second = try await ask(query, engine)
        #expect(total(second) == total(first) + 1)
    }

    @Test func equalQuestionsAtOnceAreReadOnce() async throws {
        var rng = SplitMix64(Seed(value: 4))
        let tiers = world(&rng)
        let registry = MetricsRegistry()
        let counted = QueryEngine(
            executor: loop, recent: tiers, history: tiers, metrics: FrontMetrics(registry))
        let gate = Gate()
        tiers.change { $0.beforeHistoryRead = { await gate.wait() } }
        let (from, to) = (nowMs - 20_000_000, nowMs)
        let answers = try await withThrowingTaskGroup(of: QueryAnswer.self) { group in
            for aggregation in ["count", "p99", "max", "count"] {
                let query = try query(from, to, "1h", aggregation)
                group.addTask { try await self.ask(query, counted) }
            }
            try await eventually("three wait for the first") {
                await counted.flights.values.map(\.count) == [3]
            }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(tiers.now.historyReads == 1)
        #expect(Set(answers.map { $0.query.aggregations[0].name }) == ["count", "p99", "max"])
        #expect(answers.allSatisfy { !$0.series.isEmpty && $0.series.map(\.times) == answers[0].series.map(\.times) })
        #expect(String(decoding: registry.render(), as: UTF8.self).contains("weir_query_shared_reads_total 3"))
    }

    @Test func whoGoesAwayDoesNotTakeTheOthersAlong() async throws {
        var rng = SplitMix64(Seed(value: 5))
        let tiers = world(&rng)
        let engine = await engine(tiers, nil)
        let gate = Gate()
        tiers.change { $0.beforeHistoryRead = { await gate.wait() } }
        let query = try query(nowMs - 20_000_000, nowMs, "1h", "count")
        let first = Task { try await self.ask(query, engine) }
        try await eventually("the first reads") { await engine.flights.count == 1 }
        let others = (0..<3).map { _ in Task { try await self.ask(query, engine) } }
        try await eventually("three wait") { await engine.flights.values.map(\.count) == [3] }
        others[0].cancel()
        await #expect(throws: StoreError.self) { try await others[0].value }
        // The one that reads goes, and its read fails with it.
        tiers.change { $0.failsCancelledReads = true }
        first.cancel()
        _ = await first.result
        try await eventually("another reads") { await engine.flights.values.map(\.count) == [1] }
        gate.open()
        let answers = (try await others[1].value, try await others[2].value)
        #expect(answers.0.degraded == [] && total(answers.0) == total(answers.1) && total(answers.0) > 0)
    }

    @Test func aFailureIsSharedToo() async throws {
        var rng = SplitMix64(Seed(value: 6))
        let tiers = world(&rng)
        tiers.change { $0.down = [.postgres] }
        let engine = await engine(tiers, nil)
        let gate = Gate()
        tiers.change { $0.beforeHistorySeries = { await gate.wait() } }
        let query = try query(nowMs - 20_000_000, nowMs - 10_000_000, "1h", "count")
        let asked = (0..<3).map { _ in Task { try await self.ask(query, engine) } }
        try await eventually("two wait") { await engine.flights.values.map(\.count) == [2] }
        gate.open()
        for one in asked { await #expect(throws: StoreError.self) { try await one.value } }
        #expect(await engine.flights.isEmpty)
    }

    @Test func aStepRisesAsSoonAsMinutesAreDropped() async throws {
        var rng = SplitMix64(Seed(value: 7))
        let tiers = world(&rng)
        let engine = await engine(tiers, cache)
        let query = try query(nowMs - 100_000_000, nowMs - 90_000_000, "1m", "count")
        #expect(try await ask(query, engine).query.stepMs == 60_000)
        tiers.change { $0.held = HistoryHeld(minutesFromMs: self.nowMs - 50_000_000, hoursFromMs: .min) }
        let other = try self.query(nowMs - 100_000_000, nowMs - 90_000_000, "1m", "count") { $0.by = "service" }
        #expect(try await ask(other, engine).query.stepMs == 3_600_000, "although what was held was read a moment ago")
        #expect(try await ask(query, engine).query.stepMs == 3_600_000)
    }

    // MARK: Parts

    private func event(_ atMs: Int64) -> TwinTiers.Event {
        let labels = LabelSet([.init(name: "service", value: "late"), .init(name: "endpoint", value: "/z")])
        return .init(partition: 0, labels: labels, atMs: atMs, value: 3)
    }

    /// All that is older than two minutes is in PostgreSQL, memory has the last ones.
    private func world(_ rng: inout SplitMix64) -> TwinTiers {
        let state = PartitionState(
            cursor: .zero, watermarkMs: (nowMs - 120_000) / 60_000 * 60_000, horizonSecond: nowMs / 1_000 - 1_200,
            newestMs: nowMs, nowMs: nowMs, definitionsVersion: 1)
        let tiers = TwinTiers(
            Definitions(version: 1, metrics: [.events, TwinTiers.metric]), states: [state, state],
            memoryFrom: nowMs / 1_000 - 400)
        let events = (0..<300).map { _ in
            let age: Int64 = [600, 4_000, 40_000, 300_000].randomElement(using: &rng) ?? 600
            let labels = LabelSet([
                .init(name: "service", value: ["a", "b"].randomElement(using: &rng) ?? "a"),
                .init(name: "endpoint", value: ["/x", "/y"].randomElement(using: &rng) ?? "/x"),
            ])
            return TwinTiers.Event(
                partition: .random(in: 0...1, using: &rng), labels: labels,
                atMs: nowMs - .random(in: 0..<age * 1_000, using: &rng), value: .random(in: 1...500, using: &rng))
        }
        tiers.change { $0.events = events }
        return tiers
    }

    private func engine(_ tiers: TwinTiers, _ cache: HistoryCache?) async -> QueryEngine {
        let engine = QueryEngine(executor: loop, recent: tiers, history: tiers, cache: cache)
        await engine.use(memory: tiers)
        return engine
    }

    private func ask(_ query: Query, _ engine: QueryEngine) async throws -> QueryAnswer {
        try await engine.answer(query)
    }

    private func query(
        _ from: Int64, _ to: Int64, _ step: String, _ aggregations: String,
        _ change: (inout Query.Texts) -> Void = { _ in }
    ) throws -> Query {
        var texts = Query.Texts()
        (texts.from, texts.to, texts.step) = ("\(from)", "\(to)", step)
        (texts.aggregations, texts.limit) = (aggregations, "100")
        change(&texts)
        return try Query(metric: TwinTiers.metric, texts, nowMs: nowMs)
    }

    private func total(_ answer: QueryAnswer) -> Int {
        answer.series.reduce(0) { $0 + $1.values[0].reduce(0) { $0 + Int($1 ?? 0) } }
    }
}

/// Holds back whoever waits until it is opened; a cancelled one waits no longer.
private final class Gate: Sendable {
    private let isOpen = Lock(false)

    func wait() async {
        while !isOpen.withLock({ $0 }) && !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
    }

    func open() { isOpen.withLock { $0 = true } }
}
