import Foundation
import Postgres
import Reactor
import TestKit
import Testing

@testable import PostgresStore

@Suite("Plans of what is asked", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct PlanTests {
    private let server: PostgresServer
    /// Nobody changes it, so it is made once.
    private let database: String

    init() async throws {
        server = try await PostgresServer.shared()
        database = try await server.template("history for plans") { [server] name in
            let loop = try EventLoop.start(name: "migrate")
            defer { loop.stop() }
            let configuration = try PostgresConfiguration(server.url(database: name))
            _ = try await loop.run { try await MigrationRunner(configuration, loop: loop).run() }
            try await server.query(Self.history, database: name)
        }
    }

    /// Six days of 60 series, five of which belong to the metric `m`, a minute in ten; all but the last day rolled up.
    private static let history =
        """
        SELECT weir.add_partition(resolution, date '2026-11-18' + day)
        FROM generate_series(0, 5) AS day, unnest('{minute,hour,day}'::text[]) AS resolution;
        SELECT weir.add_partition('hour', '2026-10-01'), weir.add_partition('day', '2025-01-01');
        INSERT INTO weir.series (metric, labels)
        SELECT CASE WHEN i <= 5 THEN 'm' WHEN i = 6 THEN 'events' ELSE 'o' END, jsonb_build_object('a', i)
        FROM generate_series(1, 60) AS i;
        INSERT INTO weir.minute (bucket, generation, version, n, series_id, partition)
        SELECT '2026-11-18Z'::timestamptz + i * interval '10 minutes', 1, 1, 1, series_id, 0
        FROM generate_series(0, 6 * 144 - 1) AS i, weir.series;
        INSERT INTO weir.hour (bucket, part, n, series_id, partition)
        SELECT '2026-10-01Z'::timestamptz + i * interval '1 hour', 0, 6, series_id, 0
        FROM generate_series(0, 53 * 24 - 1) AS i, weir.series;
        INSERT INTO weir.day (bucket, part, n, series_id, partition)
        SELECT '2025-01-01Z'::timestamptz + i * interval '1 day', 0, 144, series_id, 0
        FROM generate_series(0, 691) AS i, weir.series;
        INSERT INTO weir.partition_cursor (partition, cursor, stream_id, watermark, written_at, hours_until, days_until)
        VALUES (0, 1, '1-0', '2026-11-24Z', now(), '2026-11-23Z', '2026-11-23Z');
        ANALYZE
        """

    /// What a plan reads: tables of history, and how.
    private struct Read: Hashable {
        let table: String
        let node: String
    }

    /// Runs a statement and returns what was read, plans made for the values or for any.
    private func reads(_ statement: String, generic: Bool) async throws -> Set<Read> {
        let text = try await server.query(
            "SET plan_cache_mode = \(generic ? "force_generic_plan" : "force_custom_plan"); \(statement)",
            database: database)
        let plans = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        var found: Set<Read> = []
        func walk(_ node: [String: Any]) {
            // What is pruned while it runs has no loops.
            if let table = node["Relation Name"] as? String, let loops = node["Actual Loops"] as? Int, loops > 0,
                ["minute_", "hour_", "day_"].contains(where: table.hasPrefix)
            {
                found.insert(Read(table: table, node: node["Node Type"] as? String ?? ""))
            }
            for child in node["Plans"] as? [[String: Any]] ?? [] { walk(child) }
        }
        for plan in plans { walk(try #require(plan["Plan"] as? [String: Any])) }
        return found
    }

    private func expect(
        _ reads: Set<Read>, only tables: Set<String>, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(Set(reads.map(\.table)) == tables, "\(what): \(reads)", sourceLocation: sourceLocation)
        #expect(
            reads.allSatisfy { ["Index Scan", "Index Only Scan", "Bitmap Heap Scan"].contains($0.node) },
            "\(what): \(reads)", sourceLocation: sourceLocation)
    }

    private func explain(_ statement: String, _ types: String, _ values: String) -> String {
        "PREPARE asked (\(types)) AS \(statement); EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) EXECUTE asked (\(values))"
    }

    private let series = "'{1,2,3}'"
    private let types = "integer[], timestamptz, timestamptz, timestamptz[], integer[]"

    @Test("fronts read the partitions asked for, by the key", arguments: [false, true])
    func fronts(generic: Bool) async throws {
        let range = "\(series), '2026-11-20 06:00Z', '2026-11-21 06:00Z', '{2026-11-23 12:00Z}', '{0}'"
        let minutes = try await reads(explain(Statement.minuteRows, types, range), generic: generic)
        expect(minutes, only: ["minute_2026_11_20", "minute_2026_11_21"], "minutes")

        let week = "\(series), '2026-11-10Z', '2026-11-24Z', '{2026-11-23 12:00Z}', '{0}', '2026-11-23 12:00Z'"
        let hours = try await reads(explain(Statement.hourRows, types + ", timestamptz", week), generic: generic)
        expect(hours, only: ["hour_2026_11", "minute_2026_11_23"], "hours")
        let days = try await reads(explain(Statement.dayRows, types + ", timestamptz", week), generic: generic)
        expect(days, only: ["day_2026", "hour_2026_11", "minute_2026_11_23"], "days")

        let audit = try await reads(
            explain(Statement.auditHours, "timestamptz, timestamptz", "'2026-11-22 12:00Z', '2026-11-23 12:00Z'"),
            generic: generic)
        let minutesOfAudit = audit.filter { $0.table != "hour_2026_11" }  // which has none of them, by its key
        expect(minutesOfAudit, only: ["minute_2026_11_22", "minute_2026_11_23"], "audit by hour")
        let count = try await reads(
            explain(
                Statement.auditCount, "smallint, timestamptz, timestamptz[], bigint[]",
                "0::smallint, '2026-11-21Z', '{}', '{}'"),
            generic: generic)
        expect(count, only: ["minute_2026_11_18", "minute_2026_11_19", "minute_2026_11_20"], "audit")
    }

    @Test("so does the compaction where it rolls up", arguments: [false, true])
    func rollUps(generic: Bool) async throws {
        let types = "smallint, integer[], timestamptz, timestamptz"
        let minutes = try await reads(
            explain(
                Statement.minutesToRollUp, types, "0::smallint, \(series), '2026-11-22 10:00Z', '2026-11-22 11:00Z'"),
            generic: generic)
        expect(minutes, only: ["minute_2026_11_22"], "an hour's minutes")
        let hours = try await reads(
            explain(Statement.hoursToRollUp, types, "0::smallint, \(series), '2026-11-22Z', '2026-11-23Z'"),
            generic: generic)
        expect(hours, only: ["hour_2026_11"], "a day's hours")
    }

    @Test func people() async throws {
        let twoDays = "bucket >= '2026-11-20 12:00Z' AND bucket < '2026-11-21 12:00Z'"
        for (view, columns) in [("minute_view", "sum(n)"), ("counter_minute", "sum(count)")] {
            let asked = try await reads(
                """
                EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) SELECT date_bin('6 hours', bucket, '2000-01-01') AS time, \(columns)
                FROM weir.\(view) WHERE metric = 'm' AND labels->>'a' = '3' AND \(twoDays) GROUP BY 1 ORDER BY 1
                """, generic: false)
            expect(asked, only: ["minute_2026_11_20", "minute_2026_11_21"], view)
        }
        // Relative times are known only when the statement runs. Nothing is held of these days, so nothing is read.
        let recent = try await reads(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) SELECT sum(n) FROM weir.minute_view WHERE metric = 'm' AND bucket >= now() + interval '100 years'",
            generic: false)
        #expect(recent.isEmpty)
        // All series of a metric may be enough of a partition to read it as a whole, but no other one.
        let hours = try await reads(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) SELECT sum(n) FROM weir.hour_view WHERE metric = 'm' AND bucket >= '2026-11-20Z'",
            generic: false)
        #expect(Set(hours.map(\.table)) == ["hour_2026_11"])
    }
}
