import Analytics
import Reactor
import TestKit
import Testing

@testable import Front

@Suite("Query engine")
final class QueryEngineTests: Sendable {
    private let loop: EventLoop
    private let nowMs: Int64 = 1_795_428_123_456

    init() throws { loop = try EventLoop.start(name: "engine") }

    deinit { loop.stop() }

    @Test("an answer equals a count over the raw events, wherever they lie", arguments: Seed.range(300))
    func equalsTheNaiveReference(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let tiers = TwinTiers.random(nowMs: nowMs, using: &rng)
        let query = try randomQuery(TwinTiers.metric, "count,p99,max,mean", &rng)
        if Int.random(in: 0..<10, using: &rng) == 0 { tiers.change { $0.forgetsMemory = true } }
        let answer = try await ask(query, of: tiers)
        #expect(answer.degraded == [])
        let expected = reference(answer.query, tiers.now.events)
        #expect(answer.series.map(\.labels) == expected.series.map(\.labels))
        for (series, reference) in zip(answer.series, expected.series) {
            #expect(series.times == reference.times)
            for (values, expected) in zip(series.values, reference.values) {
                for (value, expected) in zip(values, expected) {
                    // All but sums are equal to the bit; those depend on the order in their last digits.
                    #expect(abs((value ?? -1) - (expected ?? -1)) <= 1e-9 * abs(expected ?? 1))
                }
            }
        }
    }

    @Test("sets of minutes answer for whole minutes, the same from every tier", arguments: Seed.range(200))
    func setsEqualTheNaiveReference(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let metric = TwinTiers.sets[Int(seed.value % 2)]
        let tiers = TwinTiers.random(nowMs: nowMs, metric: metric, using: &rng)
        let query = try randomQuery(metric, metric.kind == .unique ? "unique" : "top", &rng)
        #expect(query.stepMs >= 60_000)
        let answer = try await ask(query, of: tiers)
        var found = GroupedBuckets(answer.query)
        for event in tiers.now.events
        where (answer.query.fromMs..<answer.query.toMs).contains(event.atMs) && query.filter.matches(event.labels) {
            var aggregate = TwinTiers.set(event, metric)
            aggregate.addEvent()
            found.merge(aggregate, at: found.place(of: event.labels), bucketMs: event.atMs)
        }
        let expected = QueryAnswer(answer.query, found, tiers: [], asOfMs: 0, degraded: [])
        #expect(answer.series.map(\.labels) == expected.series.map(\.labels))
        #expect(answer.series.map(\.times) == expected.series.map(\.times))
        #expect(answer.series.map(\.values) == expected.series.map(\.values))
        #expect(answer.series.map(\.items) == expected.series.map(\.items))
    }

    @Test func withPostgresDownTheRestAnswersAndSaysSo() async throws {
        let tiers = compacted()
        tiers.change { $0.down = [.postgres] }
        let answer = try await ask("-3h", of: tiers)
        #expect(answer.degraded == ["postgres"] && answer.tiers == ["redis"])
        #expect(total(answer) == 2, "the last hour")
    }

    @Test func withRedisDownPostgresAnswersAllItHas() async throws {
        let tiers = compacted()
        let engine = engine(tiers)
        _ = try await ask("-3h", of: tiers, by: engine)
        tiers.change { $0.down = [.redis] }
        let answer = try await ask("-3h", of: tiers, by: engine)
        #expect(answer.degraded == ["redis"] && answer.tiers == ["postgres"])
        #expect(total(answer) == 2, "all that is compacted, not only what lies before the boundary")
        #expect(answer.asOfMs == nowMs, "as of what was last seen")
    }

    @Test func redisGoingAwayHalfwayLeavesNoHalfAnswers() async throws {
        for calls in 2...6 {
            let tiers = compacted()
            tiers.change { $0.redisCallsLeft = calls }
            let answer = try await ask("-3h", of: tiers)
            #expect([2, 3].contains(total(answer)), "after \(calls) calls")
            #expect(answer.degraded == (total(answer) == 3 ? [] : ["redis"]))
        }
    }

    @Test func configuredMetricsDoWhereRedisWasNeverThere() async throws {
        let tiers = compacted()
        tiers.change { $0.down = [.redis] }
        await #expect(throws: StoreError.self) { try await self.engine(tiers).definitions() }
        let engine = QueryEngine(
            executor: loop, recent: tiers, history: tiers, configured: [TwinTiers.metric])
        #expect(try await engine.definitions().metrics.map(\.name) == ["events", "response_time"])
        #expect(try await total(ask("-3h", of: tiers, by: engine)) == 2)
    }

    @Test func aMetricOnlyConfiguredIsReadFromHistoryAlone() async throws {
        let tiers = compacted()
        tiers.change { $0.down = [.redis] }
        let engine = QueryEngine(executor: loop, recent: tiers, history: tiers, configured: [TwinTiers.metric])
        let metric = try #require(try await engine.definitions()["response_time"])
        // Redis comes back before the question is answered: the number it has for the metric is not the configured one.
        tiers.change { $0.down = [] }
        let answer = try await ask(query("-3h", metric) { _ in }, of: tiers, by: engine)
        #expect(answer.degraded == ["redis"] && answer.tiers == ["postgres"] && total(answer) == 2)
    }

    @Test func memoryThatIsBehindAnswersOnlyWhereRedisDoesNot() async throws {
        let tiers = compacted()
        tiers.change {
            $0.memoryFrom = self.nowMs / 1_000 - 400
            $0.isBehind = true
        }
        let engine = engine(tiers)
        let fresh = try await ask("-5m", of: tiers, by: engine)
        #expect(fresh.tiers == ["redis"] && fresh.degraded == [])
        tiers.change { $0.down = [.redis] }
        let cached = try await ask("-5m", of: tiers, by: engine)
        #expect(cached.tiers == ["memory"] && cached.degraded == ["redis"] && total(cached) == 1)
        #expect(cached.query.stepMs == fresh.query.stepMs, "as fine as memory is")
        let long = try await ask("-3h", of: tiers, by: engine)
        #expect(long.tiers == ["memory", "postgres"] && long.degraded == ["redis"] && total(long) == 3)
        tiers.change {
            $0.isBehind = false
            $0.down = []
        }
        let current = try await ask("-5m", of: tiers, by: engine)
        #expect(current.tiers == ["memory"] && current.degraded == [])
    }

    @Test func theMetricsOfMemoryDoWhereRedisWentBeforeAnybodyAsked() async throws {
        let tiers = compacted()
        tiers.change {
            $0.memoryFrom = self.nowMs / 1_000 - 400
            $0.isBehind = true
            $0.down = [.redis]
        }
        let engine = QueryEngine(executor: loop, recent: tiers, history: tiers, configured: [])
        await engine.use(memory: tiers)
        let metric = try #require(try await engine.definitions()["response_time"])
        #expect(metric == TwinTiers.metric)
    }

    @Test func onlyWhatNothingCanAnswerFails() async throws {
        let tiers = compacted()
        let engine = engine(tiers)
        _ = try await engine.definitions()
        tiers.change { $0.down = [.redis, .postgres] }
        await #expect(throws: StoreError.self) { try await self.ask("-3h", of: tiers, by: engine) }
        tiers.change { $0.memoryFrom = self.nowMs / 1_000 - 400 }
        await engine.use(memory: tiers)
        #expect(try await ask("-5m", of: tiers, by: engine).tiers == ["memory"])
        let long = try await ask("-3h", of: tiers, by: engine)
        #expect(long.tiers == ["memory"] && long.degraded == ["redis", "postgres"] && total(long) == 1)
        tiers.change { $0.down = [.postgres] }
        let before = try query("-3h") { $0.to = "-2h" }
        await #expect(throws: StoreError.self) { try await self.ask(before, of: tiers, by: engine) }
    }

    @Test func longRangesAreReadInBoundedCalls() async throws {
        let tiers = compacted()
        tiers.change { state in
            state.states[0].watermarkMs = 0
            for number in 0..<700 {
                let labels = LabelSet([
                    .init(name: "service", value: "s\(number)"), .init(name: "endpoint", value: "/"),
                ])
                state.events.append(.init(partition: 0, labels: labels, atMs: self.nowMs - 5_000_000, value: 1))
            }
        }
        let answer = try await ask("-6h", of: tiers)
        #expect(total(answer) == 703)
        #expect(tiers.now.redisReads.allSatisfy { Int64($0.series) * ($0.seconds / 600) <= 1_000 && $0.series <= 500 })
    }

    // MARK: Parts

    /// One event of two hours ago (history), one of half an hour ago (compacted, and Redis' still), one of now.
    private func compacted() -> TwinTiers {
        let state = PartitionState(
            cursor: .zero, watermarkMs: (nowMs - 120_000) / 60_000 * 60_000, horizonSecond: nowMs / 1_000 - 1_200,
            newestMs: nowMs, nowMs: nowMs, definitionsVersion: 1)
        let tiers = TwinTiers(Definitions(version: 1, metrics: [.events, TwinTiers.metric]), states: [state])
        let labels = LabelSet([.init(name: "service", value: "a"), .init(name: "endpoint", value: "/")])
        tiers.change { state in
            for age: Int64 in [7_200_000, 1_800_000, 1_000] {
                state.events.append(.init(partition: 0, labels: labels, atMs: self.nowMs - age, value: 5))
            }
        }
        return tiers
    }

    private func engine(_ tiers: TwinTiers) -> QueryEngine {
        QueryEngine(executor: loop, recent: tiers, history: tiers)
    }

    private func ask(_ query: Query, of tiers: TwinTiers, by engine: QueryEngine? = nil) async throws -> QueryAnswer {
        let engine = engine ?? self.engine(tiers)
        if tiers.now.memoryFrom != nil { await engine.use(memory: tiers) }
        return try await loop.run { try await engine.answer(query) }
    }

    private func ask(_ from: String, of tiers: TwinTiers, by engine: QueryEngine? = nil) async throws -> QueryAnswer {
        try await ask(query(from) { _ in }, of: tiers, by: engine)
    }

    private func query(
        _ from: String, _ metric: MetricDefinition = TwinTiers.metric, _ change: (inout Query.Texts) -> Void
    ) throws -> Query {
        var texts = Query.Texts()
        (texts.from, texts.aggregations, texts.limit) = (from, "count", "1000")
        change(&texts)
        return try Query(metric: metric, texts, nowMs: nowMs)
    }

    private func total(_ answer: QueryAnswer) -> Int {
        answer.series.reduce(0) { $0 + $1.values[0].reduce(0) { $0 + Int($1 ?? 0) } }
    }

    private func randomQuery(
        _ metric: MetricDefinition, _ aggregations: String, _ rng: inout SplitMix64
    ) throws -> Query {
        try query("-1h", metric) { texts in
            let length: Int64 = [30, 400, 3_000, 9_000].randomElement(using: &rng) ?? 30
            let to = nowMs - .random(in: -60_000...length * 500, using: &rng)
            texts.to = String(to)
            texts.from = String(to - .random(in: 1_000...length * 1_000, using: &rng))
            texts.step = ["auto", "10s", "1m", "10m"].randomElement(using: &rng)
            texts.by = ["", "service", "endpoint,service"].randomElement(using: &rng)
            texts.aggregations = aggregations
            if Bool.random(using: &rng) {
                texts.filter.add(label: "service", patterns: ["a", "!b", "a,c"].randomElement(using: &rng) ?? "a")
            }
        }
    }

    private func reference(_ query: Query, _ events: [TwinTiers.Event]) -> QueryAnswer {
        var found = GroupedBuckets(query)
        for event in events where (query.fromMs..<query.toMs).contains(event.atMs) && query.filter.matches(event.labels)
        {
            var aggregate = Aggregate()
            aggregate.addToDistribution(event.value)
            found.merge(aggregate, at: found.place(of: event.labels), bucketMs: event.atMs)
        }
        return QueryAnswer(query, found, tiers: [], asOfMs: 0, degraded: [])
    }
}
