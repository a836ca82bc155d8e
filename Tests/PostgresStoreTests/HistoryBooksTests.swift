import Analytics
import Postgres
import Reactor
import TestKit
import Testing

@testable import PostgresStore

@Suite("What history counts for an audit", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct HistoryBooksTests {
    private let fixture: DatabaseFixture

    init() async throws { fixture = try await DatabaseFixture(isMigrated: true) }

    private func write(_ rows: [MinuteRow], partition: Int = 0, cursor: UInt64 = 100) async throws {
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            _ = try await pass.write(
                HistoryBatch(partition: partition, cursor: StreamID(ms: cursor, sequence: 3), rows: rows))
            await pass.end()
        }
    }

    private func counted(_ recent: RecentCount, partition: Int = 0) async throws -> HistoryCount {
        try await fixture.withPool { pool in
            try await PostgresHistoryStore(pool: pool).counted(partition: partition, except: recent)
        }
    }

    @Test func anEmptyDatabaseCountsNothing() async throws {
        #expect(try await counted(RecentCount(boundaryMs: tenOClock)) == HistoryCount(events: 0, cursor: .zero))
        let hours = try await fixture.withPool { pool in
            try await PostgresHistoryStore(pool: pool).countedByHour(fromMs: 0, toMs: tenOClock)
        }
        #expect(hours.isEmpty)
    }

    @Test func onlyEventsOfThePartitionBeforeTheBoundaryCount() async throws {
        let minutes = (0..<4).map { tenOClock + Int64($0) * 60_000 }
        try await write(minutes.map { row("events", minute: $0, count: 10) } + [row("m", count: 99)])
        try await write([row("events", count: 7)], partition: 1, cursor: 50)
        let cursor = StreamID(ms: 100, sequence: 3)
        #expect(
            try await counted(RecentCount(boundaryMs: minutes[3])) == HistoryCount(events: 30, cursor: cursor))
        #expect(try await counted(RecentCount(boundaryMs: tenOClock)).events == 0)
        let other = try await counted(RecentCount(boundaryMs: minutes[3]), partition: 1)
        #expect(other == HistoryCount(events: 7, cursor: StreamID(ms: 50, sequence: 3)))
    }

    @Test func aRowThatRedisHoldsAnewIsLeftOutAndOlderPartsStay() async throws {
        try await write([row("events", generation: 5, version: 8, count: 10), row("events", version: 9, count: 4)])
        let held = RecentCount.Minute(atMs: tenOClock, generation: StreamID(ms: 5, sequence: 0), events: 11)
        let boundary = tenOClock + 60_000
        #expect(try await counted(RecentCount(boundaryMs: boundary)).events == 14)
        #expect(try await counted(RecentCount(boundaryMs: boundary, changed: [held])).events == 4)
    }

    @Test func eventsOfDroppedDaysStayInTheBooks() async throws {
        let (day, hour) = (HistoryResolution.day.ms, HistoryResolution.hour.ms)
        let rows = (0..<3).map { row("events", minute: tenOClock + Int64($0) * day, count: 10) }
        let writer = PostgresHistoryWriter(try fixture.configuration, loop: fixture.loop)
        let report = try await fixture.loop.run {
            let pass = try #require(try await writer.beginPass())
            _ = try await pass.write(
                HistoryBatch(
                    partition: 0, cursor: StreamID(ms: 100, sequence: 3), watermarkMs: tenOClock + 3 * day, rows: rows))
            while try await pass.rollUp(partition: 0) {}
            let times = RetentionTimes(minutes: 86_400)
            var report = RetentionReport()
            for passed in 3...4 {
                report = try await pass.retain(
                    times, nowMs: tenOClock + Int64(passed) * day, changedFromMs: tenOClock + 2 * day, isDryRun: false)
            }
            await pass.end()
            return report
        }
        #expect(report.dropped.map(\.name) == ["minute_2026_11_23", "minute_2026_11_24"])
        #expect(try await counted(RecentCount(boundaryMs: tenOClock + 9 * day)).events == 30)
        #expect(try await fixture.sql("SELECT sum(n) FROM weir.minute") == "10")
        let hours = try await fixture.withPool { pool in
            try await PostgresHistoryStore(pool: pool).countedByHour(fromMs: 0, toMs: tenOClock + 9 * day)
        }
        #expect(
            hours.sorted { $0.hourMs < $1.hourMs }.map(\.hourMs)
                == (0..<3).map { StepLadder.floor(tenOClock, hour) + $0 * day })
        let held = try await fixture.withPool { pool in
            try await PostgresHistoryStore(pool: pool).held(nowMs: tenOClock + 4 * day)
        }
        let first = StepLadder.floor(tenOClock, day)
        #expect(held == HistoryHeld(minutesFromMs: first + 3 * day, hoursFromMs: first - 396 * day))
    }

    @Test func hoursAreThoseOfTheEvents() async throws {
        let hour: Int64 = 3_600_000
        let times = [tenOClock - 60_000, tenOClock, tenOClock + hour - 60_000, tenOClock + hour]
        try await write(times.map { row("events", minute: $0, count: 2) } + [row("m", count: 50)])
        try await write([row("events", count: 3)], partition: 1)
        let found = try await fixture.withPool { pool in
            try await PostgresHistoryStore(pool: pool).countedByHour(fromMs: tenOClock, toMs: tenOClock + 2 * hour)
        }
        #expect(
            found.sorted { ($0.partition, $0.hourMs) < ($1.partition, $1.hourMs) } == [
                HistoryHour(partition: 0, hourMs: tenOClock, events: 4),
                HistoryHour(partition: 0, hourMs: tenOClock + hour, events: 2),
                HistoryHour(partition: 1, hourMs: tenOClock, events: 3),
            ])
    }
}
