import Analytics
import PostgresStore
import TestKit
import Testing

@Suite("Partitions ahead", .tags(.integration), .needs(.postgres), .timeLimit(.minutes(1)))
struct PartitionsAheadTests {
    private let dayMs = HistoryResolution.day.ms
    /// 2026-11-23T00:00:00Z.
    private let midnightMs: Int64 = 1_795_392_000_000

    @Test func endWhereTheFirstGapIs() async throws {
        let fixture = try await DatabaseFixture(isMigrated: true)
        let nowMs = midnightMs + 3_600_000
        let held: @Sendable () async throws -> [HistoryResolution: Int64] = {
            try await fixture.withPool { try await PostgresHistoryStore(pool: $0).heldUntilMs(nowMs: nowMs) }
        }
        #expect(try await held() == [:])
        for day in ["2026-11-23", "2026-11-24", "2026-11-26"] {
            _ = try await fixture.sql("SELECT weir.add_partition('minute', '\(day)')")
        }
        _ = try await fixture.sql("SELECT weir.add_partition('day', '2026-11-23')")
        // The 25th is missing, and the year ends in 39 days.
        #expect(try await held() == [.minute: midnightMs + 2 * dayMs, .day: midnightMs + 39 * dayMs])
    }
}
