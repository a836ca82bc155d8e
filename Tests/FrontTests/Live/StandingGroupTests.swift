import Analytics
import TestKit
import Testing

@testable import Front

@Suite("Standing groups", .timeLimit(.minutes(2)))
struct StandingGroupTests {
    private static let latency = LiveStage.definitions["latency"] ?? .events

    private func fill(_ stage: LiveStage, series: Int, count: Int = 10, _ rng: inout SplitMix64) {
        let events = (0..<count).map { number in
            LiveStage.event(
                "s\(number % 5)", "/\(count == 10 ? .random(in: 0..<series, using: &rng) : number % series)",
                stage.nowSecond - .random(in: 0..<3_500, using: &rng),
                .random(in: 1...900, using: &rng))
        }
        stage.store.apply(events, partition: 0)
    }

    /// The last hour at `step` seconds.
    private func question(_ stage: LiveStage, by: [String], step: Int64) -> Query {
        let now = stage.nowSecond
        var query = Query(
            metric: Self.latency, by: by, filter: LabelFilter(),
            fromMs: (now - 3_600).rounded(downTo: step) * 1_000, toMs: (now + step).rounded(downTo: step) * 1_000,
            stepMs: step * 1_000)
        query.aggregations = [.count, .p99]
        return query
    }

    private func expectTruth(_ stage: LiveStage, _ query: Query) async throws {
        let kept = try #require(await stage.hub.keptAnswer(query))
        let found = QueryAnswer(
            query, kept.buckets, columns: kept.columns, tiers: [], asOfMs: 0, degraded: [])
        let live = LiveQuestion(
            metric: "latency", by: query.by, filter: LabelFilter(), stepSeconds: query.stepMs / 1_000,
            windowSeconds: 3_600, limit: 1_000)
        var buckets = GroupedBuckets(query)
        for (labels, found) in stage.store.answer(live, from: query.fromMs / 1_000) {
            for (start, aggregate) in found { buckets.merge(aggregate, group: labels, bucketMs: start * 1_000) }
        }
        let expected = QueryAnswer(query, buckets, tiers: [], asOfMs: 0, degraded: [])
        #expect(!expected.series.isEmpty)
        #expect(found.series.map(\.labels) == expected.series.map(\.labels))
        #expect(found.series.map(\.times) == expected.series.map(\.times))
        #expect(found.series.map(\.values) == expected.series.map(\.values))
    }

    private func stand(_ stage: LiveStage, _ rng: inout SplitMix64) async throws {
        var rounds = rng
        defer { rng = rounds }
        try await eventually("groups") {
            try await stage.advance(ms: 2_000)
            // A front that hears nothing for long is behind.
            fill(stage, series: 40, &rounds)
            guard await stage.hub.isCurrent else { return false }
            for by in [[], ["endpoint"], ["service"]] {
                if await stage.hub.keptAnswer(question(stage, by: by, step: 10)) == nil { return false }
            }
            return true
        }
    }

    @Test func theLastHourIsThereBeforeAnybodyAsks() async throws {
        let stage = try LiveStage(configuration: LiveConfiguration())
        var rng = SplitMix64(Seed(value: 1))
        fill(stage, series: 40, count: 160, &rng)
        try await stand(stage, &rng)
        for _ in 0..<20 {
            fill(stage, series: 45, &rng)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
            for by in [[], ["service"], ["endpoint"]] {
                for step in [Int64(10), 20, 60] { try await expectTruth(stage, question(stage, by: by, step: step)) }
            }
            #expect(await stage.hub.keptAnswer(question(stage, by: [], step: 5)) == nil, "finer than it is kept")
            try await stage.advance(ms: 7_000)
        }
        // Of two metrics three spans by the first label and one by the other; of the third, of whole minutes, one by each.
        try await eventually("all groups") {
            try await stage.advance(ms: 2_000)
            fill(stage, series: 45, &rng)
            return await stage.hub.groupCount == 10
        }
        for _ in 0..<40 {
            try await stage.advance(ms: 5_000)
            fill(stage, series: 45, &rng)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
        }
        #expect(await stage.hub.groupCount == 10, "asked or not, they stay")
        try await stage.stop()
    }

    @Test func theyComeBackAfterAStoreThatWentBack() async throws {
        let stage = try LiveStage(configuration: LiveConfiguration())
        var rng = SplitMix64(Seed(value: 2))
        fill(stage, series: 40, count: 160, &rng)
        let saved = stage.store.saved(partition: 0)
        fill(stage, series: 40, count: 160, &rng)
        try await stand(stage, &rng)
        stage.store.restore(saved, partition: 0)
        fill(stage, series: 40, count: 160, &rng)
        try await stand(stage, &rng)
        try await eventually("the batch is in") { await stage.reached(stage.store) }
        try await stand(stage, &rng)
        try await expectTruth(stage, question(stage, by: ["service"], step: 20))
        try await stage.stop()
    }

    @Test func metricsOfFewSeriesHaveNone() async throws {
        let stage = try LiveStage(configuration: LiveConfiguration())
        var rng = SplitMix64(Seed(value: 3))
        fill(stage, series: 5, &rng)
        try await eventually("memory") { await stage.hub.isCurrent }
        for _ in 0..<20 { try await stage.advance(ms: 2_000) }
        #expect(await stage.hub.groupCount == 0)
        try await stage.stop()
    }
}
