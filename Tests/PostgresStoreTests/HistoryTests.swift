import Analytics
import Postgres
import Reactor
import TestKit
import Testing

@testable import PostgresStore

@Suite("History in PostgreSQL", .timeLimit(.minutes(1)))
struct HistoryTests {
    private let fixture: DatabaseFixture

    init() async throws { fixture = try await DatabaseFixture(isMigrated: true) }

    /// Writes batches in a pass of their own, one after the other.
    private func write(_ batches: HistoryBatch...) async throws -> [HistoryWriteOutcome] {
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        return try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            var outcomes: [HistoryWriteOutcome] = []
            for batch in batches { outcomes.append(try await pass.write(batch)) }
            await pass.end()
            return outcomes
        }
    }

    private func batch(
        _ rows: [MinuteRow], partition: Int = 0, cursor: UInt64 = 100, watermark: Int64 = 0
    ) -> HistoryBatch {
        HistoryBatch(
            partition: partition, cursor: StreamID(ms: cursor, sequence: 0), watermarkMs: watermark, rows: rows)
    }

    private func read(
        _ metric: String, from: Int64 = 0, to: Int64 = tenOClock * 2, before: [Int64] = []
    ) async throws -> [(labels: LabelSet, bucketMs: Int64, aggregate: Aggregate)] {
        try await fixture.withPool { pool in
            let store = PostgresHistoryStore(pool: pool)
            let series = try await store.series(ofMetric: metric)
            let labels = Dictionary(uniqueKeysWithValues: series.map { ($0.id, $0.labels) })
            let rows = try await store.rows(
                series: series.map(\.id), fromMs: from, toMs: to, before: before, resolution: .minute)
            return rows.map { (labels[$0.series] ?? .none, $0.bucketMs, $0.aggregate) }.sorted { $0.1 < $1.1 }
        }
    }

    @Test(arguments: MetricKind.allCases)
    func whatIsWrittenIsRead(kind: MetricKind) async throws {
        var random = SplitMix64(Seed(value: 7))
        var rows: [MinuteRow] = []
        for minute in 0..<40 {
            let aggregate = anyAggregate(kind, &random)
            rows.append(row("m", kind, ["a": "x\"\\ü"], tenOClock + Int64(minute) * 60_000, 3, 5, aggregate))
        }
        #expect(try await write(batch(rows)) == [.written])
        let found = try await read("m")
        #expect(found.map(\.aggregate) == rows.map(\.aggregate))
        #expect(found.map(\.bucketMs) == rows.map(\.minuteMs))
        #expect(found.allSatisfy { $0.labels == rows[0].labels })
    }

    @Test func aRatioWithoutHitsIsZeroAndNotUnknown() async throws {
        _ = try await write(batch([row("r", kind: .ratio, count: 4), row("c", count: 4)]))
        #expect(try await fixture.sql("SELECT metric, hits FROM weir.minute_view ORDER BY metric") == "c|\nr|0")
    }

    @Test func aGreaterVersionReplacesAndALesserDoesNot() async throws {
        let outcomes = try await write(
            batch([row(generation: 1, version: 5, count: 5)], watermark: tenOClock + 60_000),
            batch([row(generation: 1, version: 4, count: 4)]))
        #expect(outcomes == [.written, .written])
        #expect(try await read("m").map(\.aggregate.count) == [5])
        _ = try await write(batch([row(generation: 1, version: 6, count: 6)]))
        #expect(try await read("m").map(\.aggregate.count) == [6])
    }

    @Test func anotherGenerationOrPartitionStandsBesideTheRow() async throws {
        _ = try await write(
            batch([row(version: 5)]), batch([row(version: 6)]), batch([row(version: 5)], partition: 1))
        #expect(try await read("m").count == 3)
    }

    @Test func writingAgainChangesNothingWhetherTheWatermarkWasReachedOrNot() async throws {
        // Without a watermark the second time looks new, too, and only the key tells.
        let same = batch([row(labels: ["a": "1"]), row(labels: ["a": "2"])])
        let reached = batch([row("n")], watermark: tenOClock + 60_000)
        #expect(try await write(same, same, reached, reached) == [.written, .written, .written, .written])
        #expect(try await fixture.sql("SELECT count(*), sum(n) FROM weir.minute") == "3|3")
        #expect(try await fixture.sql("SELECT watermark = '2026-11-23 10:01Z' FROM weir.partition_cursor") == "t")
    }

    @Test func aRedisThatWentBackIsNoticedAndNothingIsWritten() async throws {
        let outcomes = try await write(
            batch([row()], cursor: 100), batch([row(version: 2)], cursor: 99), batch([], cursor: 98))
        let behind = HistoryWriteOutcome.behind(known: StreamID(ms: 100, sequence: 0))
        #expect(outcomes == [.written, behind, behind])
        #expect(try await read("m").count == 1)
        #expect(try await write(batch([row(version: 2)], partition: 1, cursor: 99)) == [.written])
    }

    @Test func aBatchWithoutRowsMovesTheWatermarkAndLeavesTheCursor() async throws {
        _ = try await write(batch([row()], cursor: 100), batch([], cursor: 200, watermark: tenOClock))
        let found = try await fixture.sql(
            "SELECT stream_id, watermark = '2026-11-23 10:00Z' FROM weir.partition_cursor")
        #expect(found == "100-0|t")
    }

    @Test func eachPartitionIsReadUpToItsOwnBoundary() async throws {
        for partition in 0..<3 {
            let rows = (0..<4).map { row(minute: tenOClock + Int64($0) * 60_000) }
            _ = try await write(batch(rows, partition: partition))
        }
        let found = try await read("m", before: [tenOClock + 60_000, tenOClock + 120_000])
        #expect(found.map { ($0.bucketMs - tenOClock) / 60_000 } == [0, 0, 0, 1, 1, 2, 3])
        let range = try await read("m", from: tenOClock + 60_000, to: tenOClock + 120_000, before: [])
        #expect(range.map(\.bucketMs) == Array(repeating: tenOClock + 60_000, count: 3))
    }

    @Test func onePassAtATime() async throws {
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        try await fixture.loop.run {
            let first = try #require(try await writer.beginPass())
            #expect(try await writer.beginPass() == nil)
            await first.end()
            let second = try #require(try await writer.beginPass())
            await second.end()
        }
    }

    @Test func aDayIsMadeOnDemandWhileOthersRead() async throws {
        let configuration = try fixture.configuration
        let writer = PostgresHistoryWriter(configuration, loop: fixture.loop)
        let old = batch([row(minute: tenOClock - 40 * 86_400_000)])
        try await fixture.loop.run { [loop = fixture.loop] in
            let reader = try await PostgresConnection.connect(configuration, loop: loop)
            try await reader.execute(script: "BEGIN; SELECT count(*) FROM weir.minute")
            // Would wait for the reader, for ever, if it took more than the lock of ATTACH.
            let pass = try #require(try await writer.beginPass())
            #expect(try await pass.write(old) == .written)
            try await pass.preparePartitions(fromMs: tenOClock, days: 2)
            await pass.end()
            await reader.close()
        }
        let names = try await fixture.sql(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'weir.minute'::regclass"
        )
        #expect(names == "minute_2026_10_14 minute_2026_11_23 minute_2026_11_24")
    }

    @Test func anyLabelsHaveTheirOwnSeries() async throws {
        // Longer than an index entry may be; equal for Swift, though not in their bytes; empty; JSON's own signs.
        let labels: [[String: String]] = [
            ["a": String(repeating: "ab", count: 40_000), "b": "1"], ["a": String(repeating: "ab", count: 40_000)],
            ["a": "\u{e9}"], ["a": "e\u{301}"], [:], ["": ""], ["a": "{\"b\":\"\\\"}"], ["a": "\u{1}\u{7f}\n"],
        ]
        let rows = labels.enumerated().map { row(labels: $1, count: $0 + 1) }
        _ = try await write(batch(rows), batch(rows))
        let found = try await read("m")
        #expect(found.count == rows.count)
        for row in rows { #expect(found.contains { $0.labels == row.labels && $0.aggregate == row.aggregate }) }
    }

    @Test func theLastPassIsTold() async throws {
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        let (before, after) = try await fixture.withPool { pool in
            let store = PostgresHistoryStore(pool: pool)
            let before = try await store.lastCompaction()
            let pass = try #require(try await writer.beginPass())
            for rows in [5, 7] { try await pass.finish(atMs: tenOClock, seconds: 1.5, rows: rows) }
            await pass.end()
            return (before, try await store.lastCompaction())
        }
        #expect(before == nil)
        #expect(after == LastCompaction(atMs: tenOClock, seconds: 1.5, rows: 7, watermarkMs: nil))
    }

    @Test func aDatabaseThatIsNotMigratedIsNamedSo() async throws {
        let empty = try await DatabaseFixture(isMigrated: false)
        let error = await #expect(throws: StoreError.self) {
            try await empty.withPool { try await PostgresHistoryStore(pool: $0).series(ofMetric: "m") }
        }
        #expect(error?.code == .incompatible && error?.detail.contains("weir migrate") == true)
    }
}
