import Analytics
import Compactor
import TestKit
import Testing

@Suite("Retention", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(2)))
struct RetentionTests {
    private let day = HistoryResolution.day.ms

    // MARK: Decided purely

    @Test func aShorterTimeTakesEffectADayAfterItWasSeen() {
        let first = RetentionState(keep: 100 * 86_400).seeing(9 * 86_400, nowMs: 1_000)
        #expect(first == RetentionState(keep: 100 * 86_400, asked: 9 * 86_400, askedAtMs: 1_000))
        #expect(first.seeing(9 * 86_400, nowMs: 1_000 + day - 1) == first)
        #expect(first.seeing(9 * 86_400, nowMs: 1_000 + day) == RetentionState(keep: 9 * 86_400))
    }

    @Test func aStillShorterTimeIsNewAndALongerOneIsNot() {
        let asked = RetentionState(keep: 100, asked: 50, askedAtMs: 0)
        #expect(asked.seeing(40, nowMs: day) == RetentionState(keep: 100, asked: 40, askedAtMs: day))
        #expect(asked.seeing(60, nowMs: 5) == RetentionState(keep: 100, asked: 60, askedAtMs: 0))
        #expect(asked.seeing(60, nowMs: day) == RetentionState(keep: 60))
        #expect(asked.seeing(200, nowMs: 5) == RetentionState(keep: 200))
    }

    @Test func whatWasNeverLimitedIsKeptForADayMore() {
        #expect(RetentionState().seeing(9, nowMs: 7) == RetentionState(asked: 9, askedAtMs: 7))
    }

    // MARK: Done

    private func partitions(_ fixture: CompactionFixture, of table: String) async throws -> String {
        try await fixture.sql(
            """
            SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent = 'weir.\(table)'::regclass
            """)
    }

    private func compact(
        _ fixture: CompactionFixture, keepDays: Int64, isDryRun: Bool = false
    ) async throws -> RetentionReport {
        try await fixture.summary {
            $0.retention = RetentionTimes(minutes: keepDays * 86_400)
            $0.isDryRun = isDryRun
        }.retention
    }

    @Test("old minutes go, a day after it was said, and hours and totals stay")
    func oldMinutesGo() async throws {
        let fixture = try await CompactionFixture()
        let redis = fixture.redis
        let old = (0..<90).map {
            MemoryRedis.Event(series: $0 % 3, atMs: tenOClock - Int64($0) * 60_000, value: Double($0))
        }
        redis.apply(old)
        redis.pass(ms: 120_000)
        _ = try await fixture.summary { $0.retention = nil }
        redis.pass(ms: 4 * day)
        let announced = try await compact(fixture, keepDays: 2)
        #expect(announced.dropped.isEmpty)
        #expect(announced.notices.first?.partitions.first?.name == "minute_2026_11_23")
        #expect(announced.notices.first?.effectiveAtMs == redis.nowMs + day)
        #expect(try await partitions(fixture, of: "minute").contains("minute_2026_11_23"))

        redis.pass(ms: day)
        #expect(try await compact(fixture, keepDays: 2, isDryRun: true).dropped.count >= 1)
        #expect(try await partitions(fixture, of: "minute").contains("minute_2026_11_23"), "a dry run drops nothing")
        let before = try await fixture.totals(.hour)
        #expect(try await compact(fixture, keepDays: 2).dropped.map(\.name).contains("minute_2026_11_23"))
        #expect(!(try await partitions(fixture, of: "minute").contains("minute_2026_11_23")))
        #expect(try await fixture.sql("SELECT to_regclass('weir.minute_2026_11_23') IS NULL") == "t")
        #expect(try await fixture.totals(.hour) == before && before == CompactionFixture.reference(old, .hour))
        #expect(
            try await fixture.sql("SELECT count(*) FROM weir.dropped_partition WHERE dropped_at IS NULL") == "0")

        // With later events taken and minutes kept for longer, what comes for an hour without minutes adds to it.
        var random = SplitMix64(Seed(value: 1))
        for _ in 0..<40 { redis.expire(&random) }
        let late = MemoryRedis.Event(atMs: tenOClock - 60_000, value: 7)
        for _ in 0..<2 {
            redis.apply([late])
            redis.pass(ms: 120_000)
            _ = try await compact(fixture, keepDays: 30)
        }
        for resolution in [HistoryResolution.hour, .day] {
            #expect(
                try await fixture.totals(resolution) == CompactionFixture.reference(old + [late, late], resolution))
        }
    }

    @Test func whatRedisHasNotSettledStays() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([
            .init(atMs: tenOClock - 60_000), .init(metric: MetricID(rawValue: 9), atMs: tenOClock - 60_000),
        ])
        fixture.redis.pass(ms: 120_000)
        _ = try await compact(fixture, keepDays: 2)
        fixture.redis.pass(ms: 5 * day)
        #expect(try await compact(fixture, keepDays: 2).dropped.isEmpty)
        #expect(try await partitions(fixture, of: "minute").contains("minute_2026_11_23"))
    }

    @Test func aDropThatWasCutOffGoesOn() async throws {
        let fixture = try await CompactionFixture()
        _ = try await fixture.sql("SELECT weir.add_partition('minute', '2026-11-20')")
        let decided = """
            INSERT INTO weir.dropped_partition (resolution, name, first, until)
            VALUES ('minute', 'minute_2026_11_20', '2026-11-20 00:00+00', '2026-11-21 00:00+00')
            """
        _ = try await fixture.sql(decided)
        _ = try await fixture.summary()
        #expect(!(try await partitions(fixture, of: "minute").contains("minute_2026_11_20")))
        // Detached, and not yet gone.
        _ = try await fixture.sql("SELECT weir.add_partition('minute', '2026-11-20')")
        _ = try await fixture.sql("ALTER TABLE weir.minute DETACH PARTITION weir.minute_2026_11_20")
        _ = try await fixture.sql(decided)
        _ = try await fixture.summary()
        #expect(try await fixture.sql("SELECT to_regclass('weir.minute_2026_11_20') IS NULL") == "t")
    }
}
