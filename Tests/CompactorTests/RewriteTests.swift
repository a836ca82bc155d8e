import Analytics
import Compactor
import Postgres
import Service
import TestKit
import Testing

@Suite("Rewriting of closed partitions", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(2)))
struct RewriteTests {
    private let hour = HistoryResolution.hour.ms
    /// The partition that these tests are about.
    private let name = "minute_2026_11_23"

    /// Events of three series in turn, for each minute before ten o'clock.
    private let events = (0..<120).map {
        MemoryRedis.Event(series: $0 % 3, atMs: tenOClock - Int64($0 / 3 + 1) * 60_000, value: Double($0))
    }

    /// A day of which history has minutes, with the clock a little past six on the next one.
    private func dayThatIsOver() async throws -> CompactionFixture {
        let fixture = try await CompactionFixture()
        fixture.redis.apply(events)
        // Later minutes first, so that what is in order afterwards was not before.
        fixture.redis.pass(ms: 120_000)
        #expect(try await rewrite(fixture) == nil, "the day is not over")
        fixture.redis.pass(ms: 19 * hour)
        #expect(try await rewrite(fixture) == nil, "it is over, but not for long")
        fixture.redis.pass(ms: hour)
        return fixture
    }

    @discardableResult
    private func rewrite(_ fixture: CompactionFixture, isDryRun: Bool = false) async throws -> RewriteReport? {
        try await fixture.summary {
            $0.retention = nil
            $0.isDryRun = isDryRun
        }.rewrite
    }

    private func isDone(_ report: RewriteReport?) -> Bool {
        if case .rewritten = report?.outcome { true } else { false }
    }

    /// Neighbours in the table that are not in the order of (series, bucket).
    private func disorder(_ fixture: CompactionFixture, of table: String) async throws -> Int? {
        Int(
            try await fixture.sql(
                """
                SELECT count(*) FROM (
                    SELECT place < lag(place) OVER (ORDER BY ctid) AS is_behind
                    FROM (SELECT ctid, series_id::numeric * 10 ^ 12 + extract(epoch FROM bucket) AS place FROM weir.\(table)) AS rows
                ) AS neighbours WHERE is_behind
                """))
    }

    @Test func aClosedDayIsPutInOrderOnce() async throws {
        let fixture = try await dayThatIsOver()
        let before = try await disorder(fixture, of: name)
        #expect((before ?? 0) > 0)
        let planned = try await rewrite(fixture, isDryRun: true)
        #expect(planned?.name == name && planned?.outcome == .planned)
        #expect(try await disorder(fixture, of: name) == before, "a dry run changes nothing")

        let layout = """
            SELECT pg_get_expr(relpartbound, child.oid), relacl,
                (SELECT string_agg(conname || ' ' || pg_get_constraintdef(pg_constraint.oid), ', ' ORDER BY conname)
                    FROM pg_constraint WHERE conrelid = child.oid),
                (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = child.oid AND attnum > 0)
            FROM pg_class AS child WHERE oid = 'weir.\(name)'::regclass
            """
        _ = try await fixture.sql("GRANT SELECT, INSERT ON weir.\(name) TO PUBLIC")
        let asItWas = try await fixture.sql(layout)
        let report = try await rewrite(fixture)
        #expect(report?.name == name && isDone(report), "\(String(describing: report))")
        #expect(try await disorder(fixture, of: name) == 0)
        #expect(try await fixture.totals() == CompactionFixture.reference(events))
        #expect(try await fixture.sql(layout) == asItWas)
        #expect(
            try await fixture.sql("SELECT reloptions FROM pg_class WHERE oid = 'weir.\(name)_pkey'::regclass")
                == "{fillfactor=100}")
        #expect(
            try await fixture.sql(
                "SELECT rows_written > 0 AND bytes_after <= bytes_before AND problem IS NULL FROM weir.rewritten_partition"
            )
                == "t")

        // What comes late lands behind, and the day is not rewritten for that.
        let late = events.prefix(20).map { MemoryRedis.Event(series: $0.series, atMs: $0.atMs, value: 1_000) }
        fixture.redis.apply(late)
        fixture.redis.pass(ms: 120_000)
        #expect(try await rewrite(fixture) == nil)
        for resolution in HistoryResolution.allCases {
            #expect(
                try await fixture.totals(resolution) == CompactionFixture.reference(events + late, resolution))
        }
        // But where much has come since, it is.
        _ = try await fixture.sql("UPDATE weir.rewritten_partition SET bytes_after = -1048576")
        #expect(isDone(try await rewrite(fixture)))
        #expect(try await rewrite(fixture) == nil)
        #expect(try await fixture.totals() == CompactionFixture.reference(events + late))
        #expect(try await disorder(fixture, of: name) == 0)
    }

    @Test func hoursAreRewrittenOnceTheirMonthIsOver() async throws {
        let fixture = try await dayThatIsOver()
        fixture.redis.pass(ms: 7 * HistoryResolution.day.ms)
        #expect(try await rewrite(fixture)?.name == "hour_2026_11")
        #expect(try await rewrite(fixture)?.name == name)
        #expect(try await rewrite(fixture) == nil)
        for resolution in HistoryResolution.allCases {
            #expect(try await fixture.totals(resolution) == CompactionFixture.reference(events, resolution))
        }
    }

    @Test func aReaderThatBeganBeforeSeesTheWholeDay() async throws {
        let fixture = try await dayThatIsOver()
        let reader = try await fixture.connect()
        try await reader.execute(script: "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM weir.series")
        #expect(isDone(try await rewrite(fixture)))
        let count = try await reader.query("SELECT sum(n)::bigint FROM weir.minute").integer(0, 0)
        #expect(count == events.count)
        await reader.close()
    }

    @Test func whoReadsAllTheTimePutsItOffAndNobodyWaits() async throws {
        let fixture = try await dayThatIsOver()
        let reader = try await fixture.connect()
        try await reader.execute(script: "BEGIN; SELECT count(*) FROM weir.minute")
        let isOver = Lock(false)
        async let reads = longestRead(fixture, until: isOver)
        let report = try await rewrite(fixture)
        isOver.withLock { $0 = true }
        #expect(report?.outcome == .postponed(reason: "weir.minute was read or written all the time"))
        // It waits for a tenth of a second at a time; the rest is what a busy machine adds. Without that they would wait for ever.
        #expect(try await reads < .seconds(30))
        await reader.close()
        #expect(try await rewrite(fixture) == nil, "not again at once")
        fixture.redis.pass(ms: hour)
        #expect(isDone(try await rewrite(fixture)))
        #expect(try await fixture.totals() == CompactionFixture.reference(events))
    }

    private func longestRead(_ fixture: CompactionFixture, until isOver: Lock<Bool>) async throws -> Duration {
        let connection = try await fixture.connect()
        var longest = Duration.zero
        while !isOver.withLock({ $0 }) {
            let began = ContinuousClock.now
            _ = try await connection.query("SELECT count(*) FROM weir.minute")
            longest = max(longest, ContinuousClock.now - began)
        }
        await connection.close()
        return longest
    }

    @Test func whatHangsOnAPartitionIsNamed() async throws {
        let fixture = try await dayThatIsOver()
        _ = try await fixture.sql("CREATE VIEW weir.mine AS SELECT * FROM weir.\(name)")
        guard case .postponed(let reason)? = try await rewrite(fixture)?.outcome else {
            Issue.record("it was not postponed")
            return
        }
        #expect(reason.contains("weir.mine") || reason.contains("view mine"), "\(reason)")
        #expect(try await fixture.sql("SELECT sum(n) FROM weir.mine") == "\(events.count)")
        #expect(try await fixture.sql("SELECT to_regclass('weir.\(name)_new') IS NULL") == "t")
    }

    @Test("killed at any moment, it leaves the day as it was, or in order", arguments: Seed.range(1))
    func killedAnywhere(seed: Seed) async throws {
        var random = SplitMix64(seed)
        let fixture = try await dayThatIsOver()
        _ = try await fixture.sql(
            """
            INSERT INTO weir.series (metric, labels) SELECT 'more', jsonb_build_object('a', i) FROM generate_series(1, 100) AS i;
            INSERT INTO weir.minute (bucket, generation, version, n, series_id, partition)
            SELECT '2026-11-23Z'::timestamptz + minute * interval '1 minute', 1, 1, 1, series_id, 0
            FROM generate_series(0, 299) AS minute, weir.series WHERE metric = 'more'
            """)
        let state = """
            SELECT count(*), sum(n), to_regclass('weir.\(name)_new') IS NULL,
                (SELECT count(*) FROM pg_inherits WHERE inhrelid = 'weir.\(name)'::regclass) FROM weir.minute
            """
        let whole = try await fixture.sql(state)
        let killer = try await fixture.connect()
        let began = ContinuousClock.now
        #expect(isDone(try await rewrite(fixture)))
        let usual = ContinuousClock.now - began
        #expect(try await fixture.sql(state) == whole)
        // In eight moments of it, from the first to the last.
        var interrupted = 0
        for round in 0..<8 {
            _ = try await fixture.sql("DELETE FROM weir.rewritten_partition")
            async let pass: Void = {
                do { try await rewrite(fixture) } catch is StoreError {
                    // It was killed.
                }
            }()
            // The first as soon as there is one to kill; how long the others take may have changed since.
            let moment = round == 0 ? 0 : Double(round) + Double.random(in: 0...1, using: &random)
            try await Task.sleep(for: usual * (moment / 8))
            try await eventually("a pass is killed", deadline: round == 0 ? .seconds(30) : .zero) {
                let killed = try await killer.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'weir'
                    """)
                return killed.rowCount > 0 || round > 0
            }
            try await pass
            if try await fixture.sql("SELECT count(*) FROM weir.rewritten_partition") == "0" { interrupted += 1 }
            #expect(try await fixture.sql(state) == whole)
        }
        #expect(interrupted > 0)
        await killer.close()
        _ = try await fixture.sql("DELETE FROM weir.rewritten_partition")
        #expect(isDone(try await rewrite(fixture)))
        #expect(try await fixture.sql(state) == whole)
        #expect(try await disorder(fixture, of: name) == 0)
    }
}
