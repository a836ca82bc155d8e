import Analytics
import Foundation
import PostgresStore
import Reactor
import TestKit
import Testing
import Wire

@Suite("Views of metric kinds", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct KindViewTests {
    private let fixture: DatabaseFixture

    init() async throws { fixture = try await DatabaseFixture(isMigrated: true) }

    /// Two generations in each of two partitions, one after the other; and then, of each partition, the first generation as
    /// that partition's hour, and the first of the first partition as the day.
    private func parts(_ kind: MetricKind) async throws -> [Aggregate] {
        var random = SplitMix64(Seed(value: 51))
        let parts = (0..<4).map { _ in anyAggregate(kind, &random) }
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            for (place, part) in parts.enumerated() {
                let minute = row("m", kind, ["a": "x\"y"], tenOClock, UInt64(place / 2 + 1), 5, part)
                let cursor = StreamID(ms: 100, sequence: 0)
                _ = try await pass.write(HistoryBatch(partition: place % 2, cursor: cursor, rows: [minute]))
            }
            await pass.end()
        }
        let kept = "n, hits, sum, min, max, last_at, last_value, dropped, series_id, partition, sketch, hll, items"
        _ = try await fixture.sql(
            """
            INSERT INTO weir.hour (bucket, part, \(kept)) SELECT bucket, 0, \(kept) FROM weir.minute WHERE generation >> 19 = 1;
            INSERT INTO weir.day (bucket, part, \(kept))
                SELECT '2026-11-23Z', 0, \(kept) FROM weir.minute WHERE generation >> 19 = 1 AND partition = 0
            """)
        return parts
    }

    /// The columns after metric, labels and bucket, by name, as text; NULL is "".
    private func rows(_ kind: MetricKind, _ resolution: String) async throws -> [[String: String]] {
        let text = try await fixture.sql(
            """
            SELECT place, key, value FROM (
                SELECT row_number() OVER () AS place, to_jsonb(v) - '{metric,labels,bucket}'::text[] AS columns
                FROM weir.\(kind.rawValue)_\(resolution) AS v
                WHERE metric = 'm' AND labels->>'a' = 'x"y' AND bucket BETWEEN '2026-11-23Z' AND '2026-11-23 10:00Z'
            ) AS row, jsonb_each_text(columns) ORDER BY place
            """)
        var rows: [Substring: [String: String]] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false)
            try #require(fields.count == 3)
            rows[fields[0], default: [:]][String(fields[1])] = String(fields[2])
        }
        return Array(rows.values)
    }

    private func expect(_ row: [String: String], is aggregate: Aggregate, _ kind: MetricKind) throws {
        func number(_ name: String) throws -> Double { try #require(Double(row[name] ?? ""), "\(name)") }
        func isClose(_ a: Double, _ b: Double) -> Bool { (a - b).magnitude <= max(a.magnitude, 1) * 1e-12 }
        var names: Set = ["count"]
        #expect(try number("count") == Double(aggregate.count))
        if [.counter, .gauge, .distribution].contains(kind) {
            names.insert("sum")
            if let sum = aggregate.sum {
                #expect(isClose(try number("sum"), sum))
            } else {
                #expect(row["sum"] == "")
            }
        }
        if let range = aggregate.range, let sum = aggregate.sum {
            names.formUnion(["mean", "min", "max"])
            #expect(isClose(try number("mean"), sum / Double(aggregate.count)))
            #expect(try number("min") == range.lowerBound)
            #expect(try number("max") == range.upperBound)
        }
        switch kind {
        case .counter: break
        case .gauge:
            names.insert("last")
            #expect(try number("last") == aggregate.last?.value)
        case .ratio:
            names.formUnion(["hits", "ratio"])
            #expect(try number("hits") == Double(aggregate.hits))
            #expect(try number("ratio") == Double(aggregate.hits) / Double(aggregate.count))
        case .distribution:
            names.insert("sketch")
            let bytes = try fromHexadecimal(row["sketch"] ?? "")
            var cursor = ByteCursor()
            #expect(try SketchCodec.decode(bytes.span, &cursor) == aggregate.sketch)
        case .unique:
            names.insert("hll")
            let bytes = try fromHexadecimal(row["hll"] ?? "")
            #expect(try HyperLogLogCodec.decode(bytes.span, 0..<bytes.count) == aggregate.registers)
        case .top:
            names.formUnion(["items", "dropped"])
            let json = try JSONSerialization.jsonObject(with: Data((row["items"] ?? "").utf8))
            let items = try #require(json as? [String: NSNumber])
            let counts = Dictionary(uniqueKeysWithValues: items.map { (Array($0.key.utf8), $0.value.intValue) })
            #expect(counts == aggregate.items?.counts)
            #expect(try number("dropped") == Double(aggregate.items?.dropped ?? -1))
        }
        #expect(Set(row.keys) == names)
    }

    @Test(arguments: MetricKind.allCases)
    func aRowIsAllPartsMerged(kind: MetricKind) async throws {
        let parts = try await parts(kind)
        func merged(_ count: Int) -> Aggregate { parts[..<count].reduce(into: Aggregate()) { $0.merge($1) } }
        for (resolution, count) in [("minute", 4), ("hour", 2), ("day", 1)] {
            let rows = try await rows(kind, resolution)
            #expect(rows.count == 1)
            for row in rows { try expect(row, is: merged(count), kind) }
            for other in MetricKind.allCases where other != kind {
                #expect(try await self.rows(other, resolution).isEmpty, "\(other)")
            }
        }
    }

    @Test func theLastOfAGaugeIsTheLatestAndOfEqualsTheGreatest() async throws {
        _ = try await fixture.sql(
            """
            SELECT weir.add_partition('minute', '2026-11-23');
            INSERT INTO weir.series (metric, labels) VALUES ('m', '{"a": "x\\"y"}');
            INSERT INTO weir.minute (bucket, generation, version, n, sum, min, max, last_at, last_value, series_id, partition)
            SELECT '2026-11-23 10:00Z', generation, 1, 1, 0, 0, 9, last_at::timestamptz, last_value, series_id, 0
            FROM weir.series, (VALUES (1, '2026-11-23 10:00:01Z', 9), (2, '2026-11-23 10:00:02Z', 3),
                (3, '2026-11-23 10:00:02Z', 5), (4, '2026-11-23 10:00:02Z', 4)) AS part (generation, last_at, last_value)
            """)
        #expect(try await rows(.gauge, "minute").map { $0["last"] } == ["5"])
    }

    @Test func filtersReachThePartitionsAndTheKey() async throws {
        _ = try await fixture.sql(
            """
            SELECT weir.add_partition('minute', day) FROM unnest('{2026-11-21,2026-11-22,2026-11-23}'::date[]) AS day;
            INSERT INTO weir.series (metric, labels) SELECT 'm', jsonb_build_object('a', i) FROM generate_series(1, 200) AS i;
            INSERT INTO weir.series (metric, labels) SELECT 'o', jsonb_build_object('a', i) FROM generate_series(1, 3000) AS i;
            INSERT INTO weir.minute (bucket, generation, version, n, series_id, partition)
            SELECT '2026-11-22Z'::timestamptz + minute * interval '1 minute', 1, 1, 1, series_id, 0
            FROM weir.series, generate_series(0, 99) AS minute WHERE metric = 'm'; ANALYZE
            """)
        for kind in MetricKind.allCases {
            let plan = try await fixture.sql(
                """
                EXPLAIN (COSTS OFF) SELECT * FROM weir.\(kind.rawValue)_minute WHERE metric = 'm' AND labels->>'a' = '7'
                AND bucket >= '2026-11-22Z' AND bucket < '2026-11-22 01:00Z'
                """)
            #expect(plan.contains("minute_2026_11_22_pkey") && plan.contains("series_metric_labels_key"), "\(plan)")
            #expect(!plan.contains("2026_11_21") && !plan.contains("2026_11_23"), "\(plan)")
        }
    }
}
