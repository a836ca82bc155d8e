import Analytics
import Reactor
import TestKit
import Testing

@testable import Front

@Suite("One read for several groups")
struct SharedReadTests {
    private static let nowMs: Int64 = 1_795_428_123_456
    private static let count = MetricDefinition(
        id: MetricID(rawValue: 2), name: "request_count", kind: .counter, by: ["service", "endpoint"])
    private static let visitors = MetricDefinition(
        id: MetricID(rawValue: 3), name: "visitors", kind: .unique, value: "user", by: ["service", "endpoint"])

    private func tiers(partitions: Int, watermarkMs: Int64, _ rng: inout SplitMix64) -> TwinTiers {
        let states = (0..<partitions).map { partition in
            PartitionState(
                cursor: StreamID(ms: 7 + UInt64(partition), sequence: 0), watermarkMs: watermarkMs,
                horizonSecond: Self.nowMs / 1_000 - 1_200, newestMs: Self.nowMs, nowMs: Self.nowMs,
                definitionsVersion: 1)
        }
        let tiers = TwinTiers(
            Definitions(version: 1, metrics: [.events, TwinTiers.metric, Self.count]), states: states)
        let events = (0..<400).map { _ in
            TwinTiers.Event(
                partition: .random(in: 0..<partitions, using: &rng),
                labels: LabelSet([
                    .init(name: "service", value: ["a", "b", "c"].randomElement(using: &rng) ?? "a"),
                    .init(name: "endpoint", value: ["/", "/x"].randomElement(using: &rng) ?? "/"),
                ]),
                atMs: Self.nowMs - .random(in: 0..<5_000_000, using: &rng), value: .random(in: 1...900, using: &rng))
        }
        tiers.change { $0.events = events }
        return tiers
    }

    @Test(arguments: Seed.range(12)) func givesWhatSingleReadsGive(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let loop = try EventLoop.start(name: "shared")
        defer { loop.stop() }
        // In every other case a part lies in PostgreSQL, where each is read by itself.
        let isAllRecent = seed.value.isMultiple(of: 2)
        let tiers = tiers(
            partitions: 1 + Int(seed.value % 3), watermarkMs: isAllRecent ? 0 : Self.nowMs / 60_000 * 60_000, &rng)
        let engine = QueryEngine(executor: loop, recent: tiers, history: tiers)
        let second = Self.nowMs / 1_000
        let step: Int64 = isAllRecent ? [5, 10].randomElement(using: &rng) ?? 5 : 60
        let (from, to) = ((second - (isAllRecent ? 1_000 : 4_800)) / 60 * 60, second / 60 * 60)
        let asked = [
            LiveRead(metric: TwinTiers.metric, by: ["service"]), LiveRead(metric: Self.count, by: ["service"]),
            LiveRead(metric: TwinTiers.metric, by: []), LiveRead(metric: Self.count, by: ["endpoint"]),
        ]
        let together = try await loop.run {
            try await engine.read(asked, from: from, to: to, stepSeconds: step)
        }
        let readsTogether = tiers.now.redisReads.count
        try #require(together.count == asked.count)
        for (one, part) in zip(asked, together) {
            let alone = try await loop.run {
                try await engine.read(
                    one.metric, by: one.by, filter: LabelFilter(), from: from, to: to, stepSeconds: step)
            }
            #expect(!alone.buckets.isEmpty && part.buckets.keys == alone.buckets.keys)
            for (labels, buckets) in alone.buckets {
                #expect(part.buckets[labels]?.mapValues(\.count) == buckets.mapValues(\.count))
                #expect(part.buckets[labels]?.mapValues(\.sketch) == buckets.mapValues(\.sketch))
            }
            #expect(part.cursors == alone.cursors && part.stepSeconds == alone.stepSeconds)
            #expect(part.tiers == alone.tiers && part.degraded.isEmpty)
        }
        if isAllRecent {
            #expect(tiers.now.redisReads.count == readsTogether * 5, "four alone read four times as much as together")
        }
    }

    @Test func setsAreReadByThemselves() async throws {
        var rng = SplitMix64(Seed(value: 99))
        let loop = try EventLoop.start(name: "shared")
        defer { loop.stop() }
        let tiers = tiers(partitions: 1, watermarkMs: 0, &rng)
        let engine = QueryEngine(executor: loop, recent: tiers, history: tiers)
        let to = Self.nowMs / 60_000 * 60
        let asked = [LiveRead(metric: TwinTiers.metric, by: []), LiveRead(metric: Self.visitors, by: [])]
        let parts = try await loop.run { try await engine.read(asked, from: to - 600, to: to, stepSeconds: 60) }
        #expect(parts.count == 2 && !parts[0].buckets.isEmpty)
    }
}
