import Analytics
import PostgresStore
import Reactor
import TestKit
import Testing

/// Values made ahead, against the hours that they are made of.
@Suite("Label roll-ups", .timeLimit(.minutes(1)))
struct LabelRollUpTests {
    private static let hourMs = HistoryResolution.hour.ms
    private static let dayMs = HistoryResolution.day.ms
    /// 2026-11-22 00:00 UTC.
    private static let midnight = StepLadder.floor(tenOClock, dayMs) - dayMs
    private static let metrics = MetricKind.allCases.map {
        MetricDefinition(id: .events, name: "\($0)", kind: $0, value: $0 == .counter ? "v" : nil, by: ["a", "b"])
    }

    private let fixture: DatabaseFixture

    init() async throws { fixture = try await DatabaseFixture(isMigrated: true) }

    /// Writes a batch in a pass of its own, which rolls up what it can; returns the days whose labels were rolled up.
    @discardableResult
    private func write(_ rows: [MinuteRow], watermarkMs: Int64, partition: Int = 0, cursor: UInt64) async throws -> Int
    {
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        return try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            let batch = HistoryBatch(
                partition: partition, cursor: StreamID(ms: cursor, sequence: 0), watermarkMs: watermarkMs, rows: rows)
            #expect(try await pass.write(batch) == .written)
            while try await pass.rollUp(partition: partition) {}
            var days = 0
            while try await pass.rollUpLabels(Self.metrics) { days += 1 }
            await pass.end()
            return days
        }
    }

    /// Some minutes of two days for 6 × 2 label sets of each kind.
    private func minutes(
        hours: Range<Int64>, version: UInt64, _ random: inout SplitMix64, share: Int = 3
    ) -> [MinuteRow] {
        var rows: [MinuteRow] = []
        for kind in MetricKind.allCases {
            for series in 0..<12 {
                for hour in hours where Int.random(in: 0..<share, using: &random) == 0 {
                    let minute = Self.midnight + hour * Self.hourMs + Int64.random(in: 0..<60, using: &random) * 60_000
                    var labels = ["a": "\(series % 2)\"ü", "b": "\(series / 2)"]
                    if series == 11 { labels = [:] }  // an event without the fields
                    rows.append(row("\(kind)", kind, labels, minute, version, version, anyAggregate(kind, &random)))
                }
            }
        }
        return rows
    }

    /// Compares all that is there with what rows of hours give; returns how many buckets there are.
    private func check() async throws -> Int {
        try await fixture.withPool { pool in
            let store = PostgresHistoryStore(pool: pool)
            var count = 0
            for metric in Self.metrics {
                let series = try await store.series(ofMetric: metric.name)
                let wanted = LabelRollUps.aggregations.filter(metric.answers)
                for label in ["", "a", "b"] {
                    let offered = LabelRollUps.labels(of: metric, series: series.map(\.labels)).contains(label)
                    for stepMs in LabelRollUps.stepsMs {
                        let rangeMs = Self.midnight..<Self.midnight + 2 * Self.dayMs
                        let made = try await store.labelRollUps(
                            metric.name, by: label, stepMs: stepMs, rangeMs: rangeMs, aggregations: wanted)
                        count += made.buckets.count
                        if !offered { #expect(made.buckets.isEmpty, "\(metric.name) by \(label)") }
                        let raw = try await store.merge(
                            series[...], into: GroupedBuckets(by: LabelRollUps.by(label), stepMs: stepMs),
                            fromMs: rangeMs.lowerBound, toMs: rangeMs.upperBound, before: [], resolution: .hour)
                        for bucket in made.buckets {
                            let expected = raw.groups.compactMap { labels, buckets in
                                buckets[bucket.startMs].map { (labels, $0) }
                            }.sorted { $0.0 < $1.0 }
                            #expect(bucket.groups.map { made.labels[$0] } == expected.map(\.0))
                            #expect(bucket.counts == expected.map(\.1.count))
                            for (aggregation, values) in zip(wanted, bucket.values) {
                                for (value, (_, aggregate)) in zip(values, expected) {
                                    let other = aggregate.value(aggregation, seconds: Double(stepMs) / 1_000) ?? .nan
                                    // Sums of doubles depend on their order in the last bits.
                                    let isSum = [.sum, .mean, .rate].contains(aggregation)
                                    let isSame = isSum ? abs(value - other) <= 1e-12 * abs(other) : value == other
                                    #expect(
                                        isSame || (value.isNaN && other.isNaN), "\(metric.name) \(aggregation.name)")
                                }
                            }
                        }
                    }
                }
            }
            return count
        }
    }

    @Test("each bucket that is over has what its hours have", arguments: Seed.range(1))
    func valuesAreThoseOfTheHours(seed: Seed) async throws {
        var random = SplitMix64(seed)
        let days = try await write(
            minutes(hours: 0..<30, version: 5, &random), watermarkMs: Self.midnight + 30 * Self.hourMs, cursor: 100)
        // From the first of the month on, from where its partition is: of the days without an event it is noted that they have none.
        #expect(days == 23)
        // Five kinds, all together and by `a`: of `b` there are too many for so few series. 30 hours, 15 buckets of two …
        #expect(try await check() == 10 * (30 + 15 + 10 + 5 + 2 + 1))
        #expect(try await write([], watermarkMs: Self.midnight + 30 * Self.hourMs, cursor: 101) == 0)

        // The day goes on, and what is not over is not there.
        try await write(
            minutes(hours: 30..<31, version: 6, &random, share: 1),
            watermarkMs: Self.midnight + 31 * Self.hourMs + 60_000, cursor: 102)
        #expect(try await check() == 10 * (31 + 15 + 10 + 5 + 2 + 1))
    }

    @Test("what comes late takes away what it changes, and all of it is made anew", arguments: Seed.range(1))
    func lateMinutesAreInThem(seed: Seed) async throws {
        var random = SplitMix64(seed)
        let end = Self.midnight + 48 * Self.hourMs
        try await write(minutes(hours: 0..<48, version: 5, &random), watermarkMs: end, cursor: 100)
        let all = try await check()
        let late = minutes(hours: 7..<8, version: 6, &random, share: 2)

        // A pass that dies before it makes them: readers find none, rather than those of before.
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            let batch = HistoryBatch(partition: 0, cursor: StreamID(ms: 101, sequence: 0), watermarkMs: end, rows: late)
            #expect(try await pass.write(batch) == .written)
            await pass.end()
        }
        #expect(try await check() == all - 10 * LabelRollUps.stepsMs.count)
        #expect(try await write([], watermarkMs: end, cursor: 102) == 1)
        #expect(try await check() == all)
    }

    @Test func aPartitionThatIsNotRolledUpYetKeepsThemFromBeingRead() async throws {
        var random = SplitMix64(Seed(value: 3))
        let end = Self.midnight + 24 * Self.hourMs
        try await write(minutes(hours: 0..<24, version: 5, &random), watermarkMs: end, cursor: 100)
        let all = try await check()
        #expect(all > 0)
        // A second partition of the stream begins with events of the same hours.
        let more = minutes(hours: 3..<4, version: 6, &random)
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            let batch = HistoryBatch(partition: 1, cursor: StreamID(ms: 50, sequence: 0), watermarkMs: end, rows: more)
            #expect(try await pass.write(batch) == .written)
            await pass.end()
        }
        #expect(try await check() == 0)
        try await write([], watermarkMs: end, partition: 1, cursor: 51)
        #expect(try await check() == all)
    }

    @Test func peopleReadThemByTheView() async throws {
        var random = SplitMix64(Seed(value: 4))
        try await write(
            minutes(hours: 0..<24, version: 5, &random), watermarkMs: Self.midnight + 24 * Self.hourMs, cursor: 100)
        let found = try await fixture.sql(
            """
            SELECT bool_and(by_label.count = hours.count), count(*) > 20, bool_and(p99 BETWEEN min AND max)
            FROM weir.by_label
            JOIN (
                SELECT bucket, labels - 'b' AS labels, sum(n) AS count FROM weir.hour_view WHERE metric = 'distribution'
                GROUP BY 1, 2
            ) AS hours USING (bucket, labels)
            WHERE metric = 'distribution' AND label = 'a' AND step = '1 hour'
            """)
        #expect(found == "t|t|t")
    }
}
