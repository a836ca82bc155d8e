import Testing

@testable import Analytics

@Suite("Audit")
struct AuditTests {
    private static let hourMs: Int64 = 1_795_471_200_000

    private static func books(
        appended: Int = 10, applied: Int = 7, late: Int = 1, refused: Int = 2, missing: Int = 0, waiting: Int = 0
    ) -> PartitionBooks {
        var events = EventBooks()
        events.appended = appended
        events.applied = applied
        events.late = late
        events.refused = refused
        events.missing = missing
        var books = PartitionBooks(
            state: PartitionState(
                cursor: StreamID(ms: 9, sequence: 0), watermarkMs: 0, horizonSecond: 0, newestMs: 77, nowMs: 0,
                definitionsVersion: 1))
        books.totals = events
        books.waiting = waiting
        books.entries.applied = 3
        books.entries.added = waiting > 0 ? 4 : 3
        books.entries.waiting = waiting > 0 ? 1 : 0
        books.hours = [hourMs: events]
        books.recent = RecentCount(boundaryMs: 0, events: applied - 2)
        return books
    }

    private static func audit(
        _ books: PartitionBooks, history: Int? = 2, cursor: UInt64 = 9, byHour: [HistoryHour] = []
    ) -> Audit {
        Audit(
            [books],
            history: history.map { [HistoryCount(events: $0, cursor: StreamID(ms: cursor, sequence: 0))] },
            byHour: history == nil ? nil : byHour)
    }

    @Test func booksThatAgreeBalance() {
        let audit = Self.audit(Self.books())
        #expect(audit.isBalanced && audit.partitions[0].problems.isEmpty && audit.asOfMs == 77)
        #expect(audit.hours.map(\.isBalanced) == [true] && audit.hours[0].compacted == 0)
    }

    @Test func whatWaitsMayLackInAnHour() {
        let waiting = Self.books(appended: 13, waiting: 3)
        #expect(Self.audit(waiting).isBalanced)
        var other = waiting
        // Ten events are appended in an hour that only three could wait for.
        other.hours[Self.hourMs]?.appended = 14
        let audit = Self.audit(other)
        #expect(!audit.isBalanced && audit.partitions[0].isBalanced && !audit.hours[0].isBalanced)
        other.hours[Self.hourMs]?.appended = 9
        #expect(!Self.audit(other).hours[0].isBalanced)
    }

    @Test func whatIsMissingIsTold() {
        let audit = Self.audit(Self.books(appended: 15, missing: 5))
        #expect(!audit.isBalanced && !audit.hours[0].isBalanced)
        #expect(audit.partitions[0].problems == ["5 events that fronts appended were not found on the log"])
        #expect(Self.audit(Self.books(appended: 12)).partitions[0].problems.first?.contains("by 2 events") == true)
    }

    @Test("entries that do not add up are told", arguments: [(4, "1 entries were trimmed"), (2, "1 more entries")])
    func entriesMustAddUp(added: Int, words: String) {
        var books = Self.books()
        books.entries.added = added
        #expect(Self.audit(books).partitions[0].problems.first?.hasPrefix(words) == true)
    }

    @Test func eventsCannotWaitInNoEntry() {
        var books = Self.books(appended: 13, waiting: 3)
        books.entries.added = 3
        books.entries.waiting = 0
        #expect(Self.audit(books).partitions[0].problems.count == 1)
    }

    @Test func theCounterMustBeWhatWasApplied() {
        #expect(
            Self.audit(Self.books(), history: 1).partitions[0].problems
                == ["7 events were applied, and 6 are counted in the metric events"])
        var changed = Self.books()
        // A minute that history has, too, but not as it is now.
        changed.recent?.events = 1
        changed.recent?.changed = [.init(atMs: 60_000, generation: .zero, events: 4)]
        #expect(Self.audit(changed).isBalanced)
    }

    @Test func withoutHistoryOnlyWhatIsKnownCounts() {
        var books = Self.books()
        books.recent?.events = 0
        let audit = Self.audit(books, history: nil)
        #expect(audit.isBalanced && audit.partitions[0].history == nil && audit.hours[0].compacted == nil)
        books.recent = nil
        #expect(Self.audit(books, history: 1_000).isBalanced)
    }

    @Test func historyAheadOfRedisIsAProblem() {
        #expect(Self.audit(Self.books(), cursor: 10).partitions[0].problems.first?.contains("lost data") == true)
    }

    @Test func hoursThatOnlyHistoryHasAreListed() {
        let before = Self.hourMs - 3_600_000
        let audit = Self.audit(
            Self.books(),
            byHour: [
                .init(partition: 0, hourMs: before, events: 4), .init(partition: 0, hourMs: Self.hourMs, events: 3),
            ])
        #expect(audit.hours.map(\.atMs) == [before, Self.hourMs] && audit.hours.map(\.compacted) == [4, 3])
        #expect(audit.isBalanced)
    }
}
