import Analytics
import Compactor
import Postgres
import TestKit
import Testing

@Suite("A role that may only use a schema", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(2)))
struct RestrictedRoleTests {
    /// What managed PostgreSQL gives to an ordinary user is enough for all that passes do: rows new and changed, minutes, hours and
    /// days, partitions ahead, rewriting, retention.
    @Test func runsWholePasses() async throws {
        let fixture = try await CompactionFixture(partitions: 2, isRestricted: true)
        let redis = fixture.redis
        let day = HistoryResolution.day.ms
        #expect(
            try await fixture.sql(
                """
                SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls,
                    (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid),
                    has_schema_privilege(oid, 'public', 'CREATE'), has_database_privilege(oid, current_database(), 'CREATE'),
                    (SELECT nspowner <> pg_roles.oid FROM pg_namespace WHERE nspname = 'weir'),
                    (SELECT string_agg(extname, ' ') FROM pg_extension)
                FROM pg_roles WHERE rolname = '\(fixture.role)'
                """) == "f|0|f|f|t|plpgsql")
        func pass(keepDays: Int64 = 2) async throws -> CompactionPass.Summary {
            try await fixture.summary { $0.retention = RetentionTimes(minutes: keepDays * 86_400) }
        }
        var random = SplitMix64(Seed(value: 5))
        func some(_ count: Int, before ms: Int64) -> [MemoryRedis.Event] {
            (0..<count).map { _ in
                MemoryRedis.Event(
                    partition: Int.random(in: 0..<2, using: &random), series: Int.random(in: 0..<3, using: &random),
                    atMs: ms - Int64.random(in: 1...7_200_000, using: &random),
                    value: Double(Int.random(in: 1...900, using: &random)))
            }
        }
        var all = some(80, before: tenOClock)
        redis.apply(all)
        redis.pass(ms: 120_000)
        #expect(try await pass().rows > 0)
        #expect(
            try await fixture.sql(
                "SELECT count(*) >= 3, to_regclass('weir.minute_2026_11_25') IS NOT NULL FROM pg_inherits WHERE inhparent = 'weir.minute'::regclass"
            ) == "t|t")
        // Late ones change rows, and what was rolled up of them.
        let late = some(40, before: tenOClock - 3_600_000)
        all += late
        redis.apply(late)
        redis.pass(ms: day)
        #expect(try await pass().hours > 0)
        #expect(try await fixture.sql("SELECT count(*) > 0 FROM weir.day") == "t")
        let more = some(40, before: tenOClock)
        all += more
        redis.apply(more)
        redis.pass(ms: 120_000)
        _ = try await pass()
        let name = "minute_2026_11_23"
        #expect(
            try await fixture.sql("SELECT string_agg(name, ' '), count(problem) FROM weir.rewritten_partition")
                == "\(name)|0")
        for resolution in HistoryResolution.allCases {
            #expect(try await fixture.totals(resolution) == CompactionFixture.reference(all, resolution))
        }
        redis.pass(ms: 2 * day)
        let dropped = try await pass().retention.dropped
        #expect(dropped.map(\.name) == [name])
        #expect(
            try await fixture.sql(
                "SELECT to_regclass('weir.\(name)') IS NULL, count(*) FROM weir.rewritten_partition WHERE name = '\(name)'"
            )
                == "t|0")
        for resolution in [HistoryResolution.hour, .day] {
            #expect(try await fixture.totals(resolution) == CompactionFixture.reference(all, resolution))
        }
    }
}
