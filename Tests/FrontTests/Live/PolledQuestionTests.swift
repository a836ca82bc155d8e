import Analytics
import Synchronization
import TestKit
import Testing

@testable import Front

@Suite("Questions asked by polling", .timeLimit(.minutes(2)))
struct PolledQuestionTests {
    private static let latency = LiveStage.definitions["latency"] ?? .events

    /// The last ten minutes at 10 s, by service, of a thousand series.
    private func question(_ stage: LiveStage, _ aggregations: [Aggregation] = [.count, .p99]) -> Query {
        let now = stage.nowSecond
        var query = Query(
            metric: Self.latency, by: ["service"], filter: LabelFilter(),
            fromMs: (now - 300).rounded(downTo: 10) * 1_000, toMs: (now + 10).rounded(downTo: 10) * 1_000,
            stepMs: 10_000)
        query.aggregations = aggregations
        return query
    }

    private func fill(_ stage: LiveStage, _ rng: inout SplitMix64) {
        let now = LiveStage.startSecond
        let events = (0..<400).map { number in
            LiveStage.event(
                "s\(number % 5)", "/\(number)", now - .random(in: 0..<300, using: &rng),
                .random(in: 1...900, using: &rng))
        }
        stage.store.apply(events, partition: 0)
    }

    private func answer(_ query: Query, _ columns: AnswerColumns) -> QueryAnswer {
        QueryAnswer(query, GroupedBuckets(query), columns: columns, tiers: [], asOfMs: 0, degraded: [])
    }

    private func reference(_ query: Query, _ stage: LiveStage) -> QueryAnswer {
        let live = LiveQuestion(
            metric: "latency", by: ["service"], filter: LabelFilter(), stepSeconds: 10, windowSeconds: 300, limit: 1_000
        )
        var buckets = GroupedBuckets(query)
        for (labels, found) in stage.store.answer(live, from: query.fromMs / 1_000) {
            for (start, aggregate) in found { buckets.merge(aggregate, group: labels, bucketMs: start * 1_000) }
        }
        return QueryAnswer(query, buckets, tiers: [], asOfMs: 0, degraded: [])
    }

    @Test func theThirdTimeItGetsAGroupThatIsKeptRight() async throws {
        let stage = try LiveStage()
        var rng = SplitMix64(Seed(value: 1))
        fill(stage, &rng)
        try await eventually("memory") { await stage.hub.isCurrent }
        for _ in 0..<2 { #expect(await stage.hub.keptAnswer(question(stage)) == nil) }
        #expect(await stage.hub.groupCount == 0)
        try await eventually("a group") { await stage.hub.keptAnswer(question(stage)) != nil }
        for round in 0..<20 {
            let more = (0..<3).map { _ in
                LiveStage.event("s\(round % 7)", "/new\(round)", stage.nowSecond - .random(in: 0..<200, using: &rng), 5)
            }
            stage.store.apply(more, partition: 0)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
            try await stage.advance(ms: 1_700)
            let query = question(stage, round % 2 == 0 ? [.p99, .mean] : [.count])
            let kept = try #require(await stage.hub.keptAnswer(query), "round \(round)")
            let (found, expected) = (answer(query, kept.columns), reference(query, stage))
            #expect(found.series.map(\.labels) == expected.series.map(\.labels))
            #expect(found.series.map(\.times) == expected.series.map(\.times))
            for (series, other) in zip(found.series, expected.series) {
                for (values, others) in zip(series.values, other.values) {
                    for (a, b) in zip(values, others) { #expect(abs((a ?? -1) - (b ?? -1)) < 1e-9 * (b ?? 1)) }
                }
            }
        }
        try await stage.stop()
    }

    @Test func nobodyAsksAndItGoes() async throws {
        let stage = try LiveStage()
        var rng = SplitMix64(Seed(value: 2))
        fill(stage, &rng)
        try await eventually("memory") { await stage.hub.isCurrent }
        try await eventually("a group") { await stage.hub.keptAnswer(question(stage)) != nil }
        for _ in 0..<3 {
            try await stage.advance(ms: 60_000)
            stage.store.apply([LiveStage.event("s1", "/1", stage.nowSecond)], partition: 0)
            try await eventually("the batch is in") { await stage.reached(stage.store) }
            #expect(await stage.hub.keptAnswer(question(stage)) != nil)
        }
        try await stage.advance(ms: 119_000)
        #expect(await stage.hub.groupCount == 1)
        try await stage.advance(ms: 3_000)
        #expect(await stage.hub.groupCount == 0)
        try await stage.stop()
    }

    @Test func onlyWhatIsWholeAnswers() async throws {
        let isAway = Flag()
        let stage = try LiveStage(isStoreAway: { isAway.isSet })
        var rng = SplitMix64(Seed(value: 3))
        fill(stage, &rng)
        try await eventually("memory") { await stage.hub.isCurrent }
        try await eventually("a group") { await stage.hub.keptAnswer(question(stage)) != nil }
        isAway.set(true)
        #expect(await stage.hub.keptAnswer(question(stage)) == nil, "memory may be behind")
        isAway.set(false)
        #expect(await stage.hub.keptAnswer(question(stage)) != nil)
        var other = question(stage)
        other.fromMs -= 10_000
        #expect(await stage.hub.keptAnswer(other) == nil, "a step more than there is")
        (other.fromMs, other.toMs) = (other.fromMs + 100_000, other.toMs - 50_000)
        #expect(await stage.hub.keptAnswer(other) != nil, "a part of it")
        // A long one gets its end from the group, one of the past nothing.
        var long = question(stage)
        long.fromMs -= 7_200_000
        let latestMs = (stage.nowSecond - 100) * 1_000
        let end = try #require(await stage.hub.keptEnd(long, latestStartMs: latestMs))
        #expect(end.fromMs == question(stage).fromMs && !end.buckets.isEmpty)
        #expect(await stage.hub.keptEnd(long, latestStartMs: end.fromMs - 10_000) == nil, "it begins too late")
        long.toMs = latestMs
        #expect(await stage.hub.keptEnd(long, latestStartMs: latestMs) == nil)
        long.toMs -= 3_600_000
        #expect(await stage.hub.keptEnd(long, latestStartMs: latestMs) == nil)
        other.filter.add(label: "service", patterns: "s1")
        #expect(await stage.hub.keptAnswer(other) == nil, "another question")
        try await stage.stop()
    }

    @Test func smallQuestionsAndThoseOfThePastGetNone() {
        var asked = AskedQuestions()
        let content = LiveQuestion.Content(metric: "m", by: [], filter: LabelFilter(), stepSeconds: 10)
        for _ in 0..<10 { #expect(asked.count(content, window: 300, series: 1, nowNs: 0) == nil) }
        let windows = (0..<3).map { asked.count(content, window: 300 + $0, series: 1_000, nowNs: 0) }
        #expect(windows == [nil, nil, 302])
        for minute: UInt64 in 0..<5 {
            #expect(asked.count(content, window: 300, series: 1_000, nowNs: minute * 61_000_000_000) == nil)
        }
        for _ in 0..<2 { _ = asked.count(content, window: 900_000, series: 1_000, nowNs: 900_000_000_000) }
        #expect(
            asked.count(content, window: 900_000, series: 1_000, nowNs: 900_000_000_000)
                == AskedQuestions.longestWindow)
        asked.isUnfit(content, nowNs: 0)
        for _ in 0..<9 { #expect(asked.count(content, window: 300, series: 1_000, nowNs: 1) == nil) }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set(_ isSet: Bool) { value.store(isSet, ordering: .relaxed) }
}
