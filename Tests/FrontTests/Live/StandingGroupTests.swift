import Analytics
import Reactor
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

    /// The last hour, or `window` seconds, at `step` seconds.
    private func question(
        _ stage: LiveStage, by: [String], step: Int64, window: Int64 = 3_600, endpoints: String? = nil
    ) -> Query {
        let now = stage.nowSecond
        var filter = LabelFilter()
        if let endpoints { filter.add(label: "endpoint", patterns: endpoints) }
        var query = Query(
            metric: Self.latency, by: by, filter: filter,
            fromMs: (now - window).rounded(downTo: step) * 1_000, toMs: (now + step).rounded(downTo: step) * 1_000,
            stepMs: step * 1_000)
        query.aggregations = [.count, .p99]
        return query
    }

    /// Asks twice: the second answer may be of values kept from the first, and must be made without waiting where it is short.
    private func expectTruth(_ stage: LiveStage, _ query: Query) async throws {
        let kept = try #require(await stage.hub.keptAnswer(query))
        expect(kept, isTrue: query, stage)
        if query.by.isEmpty, (query.toMs - query.fromMs) / query.stepMs <= 500 {
            let (hub, query) = (stage.hub, query)
            let atOnce = try await stage.loop.run { hub.answerAtOnce(query) }
            expect(try #require(atOnce), isTrue: query, stage)
        }
    }

    private func expect(_ kept: KeptAnswer, isTrue query: Query, _ stage: LiveStage) {
        let found = QueryAnswer(
            query, kept.buckets, columns: kept.columns, tiers: [], asOfMs: 0, degraded: [])
        let live = LiveQuestion(
            metric: "latency", by: query.by, filter: query.filter, stepSeconds: query.stepMs / 1_000,
            windowSeconds: 3_600, limit: 1_000)
        var buckets = GroupedBuckets(query)
        for (labels, found) in stage.store.answer(live, from: query.fromMs / 1_000) {
            for (start, aggregate) in found where start * 1_000 < query.toMs {
                buckets.merge(aggregate, group: labels, bucketMs: start * 1_000)
            }
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

    @Test("ends of long questions hold what came, late or not, however often they were asked", arguments: Seed.range(2))
    func endsAreKeptRight(seed: Seed) async throws {
        var configuration = LiveConfiguration()
        configuration.maxPollGroups = 0
        let stage = try LiveStage(configuration: configuration)
        var rng = SplitMix64(seed)
        fill(stage, series: 40, count: 160, &rng)
        try await stand(stage, &rng)
        var answers = 0
        for round in 0..<30 {
            // Every third time nothing comes late, so that what was merged before is used.
            let lateness: Int64 = round % 3 == 0 ? 3_500 : 4
            stage.store.apply(
                (0..<6).map { number in
                    LiveStage.event(
                        "s\(number % 7)", "/\(number)", stage.nowSecond - .random(in: 0..<lateness, using: &rng),
                        .random(in: 1...900, using: &rng))
                }, partition: 0)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
            for by in [[], ["service"]] {
                for step: Int64 in [60, 600, 3_600] {
                    var query = question(stage, by: by, step: step)
                    query.fromMs -= 86_400_000
                    let startMs = (stage.nowSecond - 3_000).rounded(downTo: 600) * 1_000
                    guard let end = await stage.hub.keptEnd(query, latestStartMs: startMs) else { continue }
                    answers += 1
                    #expect(end.fromMs == startMs)
                    let live = LiveQuestion(
                        metric: "latency", by: by, filter: LabelFilter(), stepSeconds: 10, windowSeconds: 3_600,
                        limit: 1_000)
                    var expected = GroupedBuckets(query)
                    for (labels, found) in stage.store.answer(live, from: startMs / 1_000) {
                        for (start, aggregate) in found {
                            expected.merge(aggregate, group: labels, bucketMs: start * 1_000)
                        }
                    }
                    let (found, wanted) = (end.buckets.groups, expected.groups)
                    #expect(Set(found.keys) == Set(wanted.keys))
                    for (labels, buckets) in wanted {
                        #expect(found[labels]?.mapValues(\.count) == buckets.mapValues(\.count), "\(seed) \(round)")
                        #expect(found[labels]?.mapValues(\.sketch) == buckets.mapValues(\.sketch), "\(seed) \(round)")
                    }
                }
            }
            try await stage.advance(ms: .random(in: 100...9_000, using: &rng))
        }
        #expect(answers == 30 * 6)
        try await stage.stop()
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

    @Test(arguments: [2]) func theLastMinutesAreThereInFineSteps(partitions: Int) async throws {
        let stage = try LiveStage(partitions: partitions, configuration: LiveConfiguration())
        var rng = SplitMix64(Seed(value: 10 + UInt64(partitions)))
        fill(stage, series: 40, count: 400, &rng)
        try await stand(stage, &rng)
        try await eventually("the finer groups") {
            try await stage.advance(ms: 1_000)
            fill(stage, series: 40, &rng)
            for (step, window) in [(Int64(1), Int64(300)), (5, 900)] {
                let query = question(stage, by: ["endpoint"], step: step, window: window)
                if await stage.hub.keptAnswer(query) == nil { return false }
            }
            return true
        }
        for round in 0..<10 {
            // Of the last seconds, late ones of all spans, and some that lie ahead.
            let events = (0..<30).map { number in
                let age: Int64 =
                    switch number % 5 {
                    case 0: .random(in: 0..<3_500, using: &rng)
                    case 1: .random(in: 0..<20, using: &rng)
                    case 2: .random(in: -100..<0, using: &rng)
                    default: .random(in: 0..<300, using: &rng)
                    }
                return LiveStage.event(
                    "s\(number % 5)", "/\(Int.random(in: 0..<45, using: &rng))", stage.nowSecond - age,
                    .random(in: 1...900, using: &rng))
            }
            stage.store.apply(events, partition: round % partitions)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
            for (step, window) in [(Int64(1), Int64(300)), (2, 300), (10, 300), (5, 900), (30, 900), (20, 3_600)] {
                for by in [[], ["endpoint"]] {
                    for endpoints in [nil, "/7", "/1*", "!/5"] {
                        try await expectTruth(
                            stage, question(stage, by: by, step: step, window: window, endpoints: endpoints))
                    }
                }
            }
            try await stage.advance(ms: [1_000, 2_000, 17_000][round % 3])
        }
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
