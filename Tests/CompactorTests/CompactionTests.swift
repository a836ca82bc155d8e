import Analytics
import Compactor
import Service
import TestKit
import Testing

@Suite("Compaction", .timeLimit(.minutes(2)))
struct CompactionTests {
    /// A minute that is over.
    private let minute = tenOClock - 120_000

    @Test("every event is in history once, whatever dies and however late it comes", arguments: Seed.range(12))
    func everyEventIsCountedOnce(seed: Seed) async throws {
        var random = SplitMix64(seed)
        // Every other time midnight passes, so that days are rolled up and changed later.
        let fixture = try await CompactionFixture(
            partitions: 2, nowMs: random.next() % 2 == 0 ? tenOClock : tenOClock + 50_000_000)
        let redis = fixture.redis
        var all: [MemoryRedis.Event] = []
        for _ in 0..<8 {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let events = (0..<Int.random(in: 1...30, using: &random)).map { _ in
                    // Some of now, some of the last half hour, some of three hours ago: those meet expired buckets.
                    let age = [60_000, 1_800_000, 10_800_000].randomElement(using: &random) ?? 0
                    return MemoryRedis.Event(
                        partition: Int.random(in: 0..<2, using: &random), series: Int.random(in: 0..<3, using: &random),
                        metric: MetricID(rawValue: UInt16.random(in: 1...2, using: &random)),
                        atMs: redis.nowMs - Int64.random(in: 0..<Int64(age), using: &random),
                        value: Double(Int.random(in: -50...500, using: &random)))
                }
                redis.apply(events)
                all += events
                redis.pass(ms: Int64.random(in: 0...90_000, using: &random))
            }
            // Three in four passes die somewhere.
            let dies = Int.random(in: 0..<4, using: &random)
            if dies == 1 { redis.fault(after: Int.random(in: 0..<40, using: &random)) }
            let dying = DyingHistory(
                inner: try fixture.history, writesUntilDeath: Int.random(in: 0..<4, using: &random),
                isCommitted: dies == 2)
            _ = try? await fixture.compact(history: dies > 1 ? dying : nil) {
                $0.maxRows = Int.random(in: 1...20, using: &random)
            }
            redis.fault(after: nil)
            redis.expire(&random)
        }
        redis.pass(ms: 120_000)
        _ = try await fixture.summary()
        #expect(redis.dirtyCount == 0)
        #expect(redis.watermarks.allSatisfy { $0 == (redis.nowMs - 5_000) / 60_000 * 60_000 })
        for resolution in HistoryResolution.allCases {
            #expect(
                try await fixture.totals(resolution) == CompactionFixture.reference(all, resolution), "\(resolution)")
        }
        let untilMs = StepLadder.floor(redis.watermarks[0], HistoryResolution.hour.ms)
        #expect(
            try await fixture.sql("SELECT DISTINCT extract(epoch FROM hours_until)::bigint FROM weir.partition_cursor")
                == "\(untilMs / 1_000)")
        #expect(
            try await fixture.sql(
                """
                SELECT count(*) FROM (
                    SELECT series_id, partition, date_bin('1 hour', bucket, '2000-01-01 00:00:00+00') AS bucket, sum(n) AS n
                    FROM weir.minute WHERE bucket < to_timestamp(\(untilMs / 1_000)) GROUP BY 1, 2, 3
                ) AS minutes FULL JOIN weir.hour USING (series_id, partition, bucket)
                WHERE minutes.n IS DISTINCT FROM hour.n
                """) == "0")
    }

    @Test func aMinuteIsLeftAloneUntilItIsOver() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([.init(atMs: tenOClock)])
        fixture.redis.pass(ms: 64_999)
        #expect(try await fixture.summary().rows == 0)
        #expect(fixture.redis.watermarks == [tenOClock])
        fixture.redis.pass(ms: 1)
        #expect(try await fixture.summary() == .make(minutes: 1, series: 1, rows: 1))
        #expect(fixture.redis.watermarks == [tenOClock + 60_000])
    }

    @Test func rowsWaitUntilTheyWouldSurviveACrashOfRedisOnceAPass() async throws {
        let fixture = try await CompactionFixture(partitions: 2)
        for partition in 0..<2 {
            for series in 0..<3 {
                fixture.redis.apply([.init(partition: partition, series: series, atMs: minute)])
            }
        }
        #expect(try await fixture.summary { $0.maxRows = 2 }.rows == 6)
        #expect(fixture.redis.pauses.count == 1)
        #expect(fixture.redis.pauses[0] > .milliseconds(1_990))
        _ = try await fixture.summary()
        #expect(fixture.redis.pauses.count == 1, "a pass with nothing to write does not wait")
    }

    @Test func whatChangesDuringThePassWaitsForItself() async throws {
        let fixture = try await CompactionFixture()
        let (minute, redis) = (minute, fixture.redis)
        // Each in an hour of its own, and so in a batch of its own; the last is read only after the first was written.
        for age in [0, 3_600_000, 7_200_000] { redis.apply([.init(atMs: minute - Int64(age))]) }
        redis.atPause { $0.apply([.init(atMs: minute)]) }
        _ = try await fixture.summary { $0.maxRows = 1 }
        #expect(redis.pauses.count == 2)
        #expect(redis.dirtyCount == 0)
    }

    @Test func whatWasReadOfARedisThatRestartedIsNotWritten() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([.init(atMs: minute)])
        fixture.redis.atPause { $0.setRunID("second") }
        guard case .restarted = try await fixture.compact() else { throw TestKitError("it did not notice") }
        #expect(try await fixture.totals().isEmpty && fixture.redis.dirtyCount == 1 && fixture.redis.watermarks == [0])
        #expect(try await fixture.summary().rows == 1)
    }

    @Test func aRedisThatWentBackIsLeftAsItIs() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([.init(atMs: minute)])
        _ = try await fixture.summary()
        fixture.redis.setCursor(StreamID(ms: 5, sequence: 0))
        fixture.redis.pass(ms: 60_000)
        guard case .behind(partition: 0, let known, let cursor) = try await fixture.compact() else {
            throw TestKitError("it did not notice without rows")
        }
        #expect(known.ms == UInt64(tenOClock) && cursor.ms == 5)
        #expect(fixture.redis.watermarks == [tenOClock - 60_000])
    }

    @Test func aChangeDuringThePassStaysMarkedForTheNext() async throws {
        let fixture = try await CompactionFixture()
        let (minute, redis) = (minute, fixture.redis)
        redis.apply([.init(atMs: minute)])
        redis.atPause { $0.apply([.init(atMs: minute)]) }
        _ = try await fixture.summary()
        #expect(redis.dirtyCount == 1)
        _ = try await fixture.summary()
        #expect(try await fixture.totals().values.map(\.count) == [2])
    }

    @Test func whatHasNoDefinitionStaysInRedisAndHoldsTheWatermark() async throws {
        let fixture = try await CompactionFixture()
        let unknown = MetricID(rawValue: 9)
        fixture.redis.apply([
            .init(series: 0, metric: unknown, atMs: minute), .init(series: 1, atMs: minute),
            .init(series: 0, atMs: minute - 60_000), .init(series: 0, atMs: minute + 60_000),
        ])
        fixture.redis.pass(ms: 60_000)
        let summary = try await fixture.summary()
        #expect(summary.heldBack == 1 && summary.rows == 3)
        #expect(fixture.redis.watermarks == [minute] && fixture.redis.dirtyMinutes == [minute])
        #expect(
            try await fixture.sql("SELECT extract(epoch FROM watermark)::bigint FROM weir.partition_cursor")
                == "\(minute / 1_000)")
        var definitions = CompactionFixture.definitions
        definitions.version = 2
        definitions.metrics.append(MetricDefinition(id: unknown, name: "new", kind: .distribution, by: ["a"]))
        fixture.redis.setDefinitions(definitions)
        #expect(try await fixture.summary() == .make(minutes: 1, series: 1, rows: 1, hours: 1))
        #expect(fixture.redis.watermarks == [tenOClock] && fixture.redis.dirtyCount == 0)
    }

    @Test func aDamagedBucketStopsNothingElse() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([.init(series: 0, atMs: minute), .init(series: 1, atMs: minute)])
        fixture.redis.damage(series: 0, atMs: minute)
        let lines = Lock<[LogRecord]>([])
        let logger = Logger(process: "test", sink: { line in lines.withLock { $0.append(line) } })
        guard case .done(let summary) = try await fixture.compact(logger: logger) else {
            throw TestKitError("not done")
        }
        #expect(summary.minutes == 1 && summary.series == 1 && summary.rows == 1 && summary.heldBack == 1)
        #expect(lines.withLock { $0.map(\.level) } == [.error])
        #expect(fixture.redis.watermarks == [minute] && fixture.redis.dirtyCount == 1)
    }

    @Test("a verbose pass tells each step with its figures, another one none")
    func verbosePassesTellTheirSteps() async throws {
        let fixture = try await CompactionFixture(partitions: 2)
        let records = Lock<[LogRecord]>([])
        let logger = Logger(process: "test", sink: { record in records.withLock { $0.append(record) } })
        func steps(_ change: @escaping (inout CompactionPass.Configuration) -> Void) async throws -> [LogRecord] {
            records.withLock { $0 = [] }
            guard case .done = try await fixture.compact(logger: logger, change) else { throw TestKitError("not done") }
            return records.withLock { $0 }
        }
        func figures(_ records: [LogRecord], _ text: String, _ keys: [String]) -> [[LogValue?]] {
            records.filter { $0.message.contains(text) }.map { record in keys.map { record.fields[$0] } }
        }
        fixture.redis.apply(
            (0..<3).map { .init(series: $0, atMs: minute) } + [.init(partition: 1, series: 0, atMs: minute - 60_000)])
        #expect(try await steps { _ in }.isEmpty)
        fixture.redis.apply([.init(series: 1, atMs: minute), .init(series: 2, atMs: minute + 60_000)])
        let dry = try await steps { ($0.isVerbose, $0.isDryRun) = (true, true) }
        #expect(figures(dry, "would write rows", ["new", "replaced"]) == [[0, 1]])
        fixture.redis.pass(ms: 60_000)
        let told = try await steps { ($0.isVerbose, $0.maxRows) = (true, 1) }
        #expect(told.allSatisfy { $0.level == .info && $0.fields["seconds"] != nil })
        #expect(
            figures(told, "went through", ["partition", "minutes", "series", "rows", "held_back"]) == [
                [0, 2, 2, 2, 0], [1, 0, 0, 0, 0],
            ])
        #expect(
            figures(told, "wrote rows in a transaction", ["partition", "new", "replaced"]) == [[0, 1, 1]])
        #expect(figures(told, "rolled hours up", ["partition"]) == [[0], [1]])
        #expect(figures(told, "expire", ["partition"]) == [[0], [1]])
        #expect(figures(told, "made partitions ahead", ["days"]) == [[3]])
        #expect(
            figures(told, "older than is kept", ["dropped", "going_later", "keep_minutes_seconds"]) == [
                [0, 0, 777_600]
            ])
    }

    @Test func aDryRunSaysWhatItWouldWriteAndChangesNothing() async throws {
        let fixture = try await CompactionFixture()
        fixture.redis.apply([.init(series: 0, atMs: minute), .init(series: 1, atMs: minute - 60_000)])
        #expect(try await fixture.summary { $0.isDryRun = true } == .make(minutes: 2, series: 2, rows: 2))
        #expect(fixture.redis.dirtyCount == 2 && fixture.redis.watermarks == [0] && fixture.redis.pauses.isEmpty)
        #expect(
            try await fixture.sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'weir.minute'::regclass") == "0")
    }

    @Test func labelsThatTwoGroupsOfMetricsShareKeepTheirCountsApart() async throws {
        // A metric that moved to another group counts in a second series with the same labels and, in one batch, generation.
        let fixture = try await CompactionFixture()
        fixture.redis.addSeries(SeriesKey(group: "a#5", labels: LabelSet([.init(name: "a", value: "0")])))
        fixture.redis.apply([.init(series: 0, atMs: minute), .init(series: 3, atMs: minute)])
        _ = try await fixture.summary()
        fixture.redis.apply([.init(series: 3, atMs: minute)])
        _ = try await fixture.summary()
        #expect(try await fixture.totals().values.map(\.count) == [3])
    }

    @Test func aLabelThatPostgresCannotHoldIsReplaced() async throws {
        let fixture = try await CompactionFixture(series: 0)
        fixture.redis.addSeries(SeriesKey(group: "a", labels: LabelSet([.init(name: "a", value: "x\0y")])))
        fixture.redis.apply([.init(atMs: minute)])
        _ = try await fixture.summary()
        #expect(try await fixture.totals().keys.map { $0.labels["a"] } == ["x\u{FFFD}y"])
    }

    @Test func twoPassesAtOnceCountOnce() async throws {
        let fixture = try await CompactionFixture()
        let events = (0..<200).map { number in
            MemoryRedis.Event(series: number % 3, atMs: minute - Int64(number) * 20_000, value: Double(number))
        }
        fixture.redis.apply(events)
        let outcomes = try await withThrowingTaskGroup(of: CompactionPass.Outcome.self) { group in
            for _ in 0..<3 { group.addTask { try await fixture.compact { $0.maxRows = 10 } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains { if case .done = $0 { true } else { false } })
        #expect(outcomes.allSatisfy { if case .done = $0 { true } else if case .locked = $0 { true } else { false } })
        #expect(try await fixture.totals() == CompactionFixture.reference(events))
    }

    @Test func partitionsAreMadeAhead() async throws {
        let fixture = try await CompactionFixture()
        _ = try await fixture.summary()
        let days = try await fixture.sql(
            """
            SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent = 'weir.minute'::regclass
            """)
        #expect(days == "minute_2026_11_23 minute_2026_11_24 minute_2026_11_25")
    }
}

extension CompactionPass.Summary {
    fileprivate static func make(minutes: Int, series: Int, rows: Int, hours: Int = 0, heldBack: Int = 0) -> Self {
        var summary = Self()
        summary.minutes = minutes
        summary.series = series
        summary.rows = rows
        summary.hours = hours
        summary.heldBack = heldBack
        return summary
    }
}
