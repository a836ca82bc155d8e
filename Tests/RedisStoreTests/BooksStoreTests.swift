import Analytics
import Redis
import RedisStore
import TestKit
import Testing

@Suite("Books in Redis", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct BooksStoreTests {
    private static let hourMs: Int64 = 1_795_471_200_000
    private static let key = SeriesKey(group: "", labels: .none)

    @Test func anUnusedPartitionHasEmptyBooks() async throws {
        let fixture = try await StoreFixture()
        let books = try await fixture.books.books(partition: 0, hoursMs: [Self.hourMs])
        #expect(books.totals == EventBooks() && books.hours.isEmpty && books.entries == .init())
        #expect(books.recent == RecentCount(boundaryMs: 0) && books.state.cursor == .zero)
        await fixture.stop()
    }

    @Test func booksMoveWithWhatTheyCount() async throws {
        let fixture = try await StoreFixture()
        #expect(try await fixture.append(3, receivedMs: Self.hourMs + 5, key: "k") == .appended)
        #expect(try await fixture.append(3, receivedMs: Self.hourMs + 6, key: "k") == .duplicate(answer: []))
        try await fixture.add("service", "x")
        var books = try await fixture.books.books(partition: 0, hoursMs: [Self.hourMs, Self.hourMs + 3_600_000])
        #expect(books.totals.appended == 3 && books.waiting == 3 && books.totals.duplicate == 3)
        #expect(books.entries.added == 2 && books.entries.waiting == 2 && books.entries.missing == 0)
        #expect(books.hours.keys.sorted() == [Self.hourMs] && books.hours[Self.hourMs]?.appended == 3)

        try await fixture.apply { batch in
            batch.upto = 3
            batch.entryCount = 2
            var hour = AppliedBatch.Books()
            hour.applied = 2
            hour.late = 1
            hour.refused = 1
            hour.foreign = 1
            batch.books = [Self.hourMs / 1_000: hour]
        }
        #expect(try await fixture.append(2, receivedMs: Self.hourMs + 7) == .appended)
        books = try await fixture.books.books(partition: 0, hoursMs: [Self.hourMs])
        #expect(books.totals.appended == 6 && books.foreign == 1 && books.waiting == 2)
        #expect(books.totals.applied == 2 && books.totals.late == 1 && books.totals.refused == 1)
        #expect(books.hours[Self.hourMs]?.appended == 6 && books.hours[Self.hourMs]?.settled == 4)
        #expect(books.entries.applied == 2 && books.entries.added == 3 && books.entries.waiting == 1)

        // What others take off the log before it was applied.
        _ = try await fixture.client.send(RedisCommand("XTRIM", "weir:{0}:events", "MAXLEN", "0"))
        books = try await fixture.books.books(partition: 0, hoursMs: [])
        #expect(books.entries.waiting == 0 && books.entries.missing == 1 && books.waiting == 2)
        await fixture.stop()
    }

    @Test func moreThanTenThousandEntriesMayWait() async throws {
        let fixture = try await StoreFixture()
        for _ in 0..<11 {
            let commands = (0..<1_000).map { _ in RedisCommand("XADD", "weir:{0}:events", "*", "a", "1") }
            _ = try await fixture.client.pipeline(commands)
        }
        let books = try await fixture.books.books(partition: 0, hoursMs: [])
        #expect(books.entries.added == 11_000 && books.entries.waiting == 11_000)
        await fixture.stop()
    }

    @Test func tooManyHoursAreRefused() async throws {
        let fixture = try await StoreFixture()
        let hours = [Int64](repeating: Self.hourMs, count: 2_001)
        let error = await #expect(throws: StoreError.self) {
            try await fixture.books.books(partition: 0, hoursMs: hours)
        }
        #expect(error?.code == .rejected)
        await fixture.stop()
    }

    /// Applies `events` to the ten seconds at `second` and marks their minute.
    private func count(_ events: Int, at second: Int64, in fixture: StoreFixture) async throws {
        try await fixture.add("a", "1")
        try await fixture.apply { batch in
            if batch.from == .zero { batch.newSeries = [NumberedSeries(number: 0, key: Self.key)] }
            batch.coarse = [.init(series: 0, second: second, presence: .unknown, record: StoreFixture.record(events))]
            batch.dirty = [(minute: second - second % 60, series: [0])]
        }
    }

    @Test func whatRedisAnswersForIsCounted() async throws {
        let fixture = try await StoreFixture()
        let nowMs = try await fixture.books.books(partition: 0, hoursMs: []).state.nowMs
        let now = nowMs / 10_000 * 10
        let old = (now - 7_200) / 600 * 600
        try await count(2, at: now, in: fixture)
        try await count(3, at: old, in: fixture)
        var recent = try await fixture.books.books(partition: 0, hoursMs: []).recent
        #expect(recent == RecentCount(boundaryMs: 0, events: 5))

        // The compaction has been here: what is old and clean is history's, what changed since is not.
        let source = RedisCompactionSource(client: fixture.client)
        let boundaryMs = now / 60 * 60_000
        try await settle(source, minute: old)
        try await source.advance(partition: 0, watermarkMs: boundaryMs)
        while try await source.retire(partition: 0) {}
        recent = try await fixture.books.books(partition: 0, hoursMs: []).recent
        #expect(recent?.events == 2 && recent?.changed.isEmpty == true)
        #expect(recent?.boundaryMs ?? 0 > nowMs - 4_300_000)
        try await count(4, at: old + 60, in: fixture)
        recent = try await fixture.books.books(partition: 0, hoursMs: []).recent
        #expect(recent?.events == 2 && recent?.total == 6)
        #expect(recent?.changed.map(\.atMs) == [(old + 60) * 1_000] && recent?.changed.map(\.events) == [4])
        // The hash is the one that was there before.
        let made = try await fixture.client.send(RedisCommand("HGET", "weir:{0}:b10:0:\(old)", "g"))
        #expect(recent?.changed.map(\.generation.description) == [made.text ?? ""])
        await fixture.stop()
    }

    private func settle(_ source: RedisCompactionSource, minute: Int64) async throws {
        let partials = try await source.partials(
            partition: 0, minutesMs: minute * 1_000..<(minute + 60) * 1_000, series: [0], sets: [])
        try await source.settle(
            partition: 0,
            partials.partials.map { .init(minuteMs: $0.minuteMs, series: $0.series, version: $0.version) })
    }

    @Test func frontsAreToldOfWhatChangedAgainToo() async throws {
        let fixture = try await StoreFixture()
        let now = try await fixture.books.books(partition: 0, hoursMs: []).state.nowMs / 1_000
        let minute = now - now % 60 - 600
        try await count(1, at: minute, in: fixture)
        let source = RedisCompactionSource(client: fixture.client)
        let read = try await source.partials(
            partition: 0, minutesMs: minute * 1_000..<(minute + 60) * 1_000, series: [0], sets: [])
        try await count(1, at: minute + 10, in: fixture)
        // What was read is in history, though the minute stays marked.
        try await source.settle(
            partition: 0, read.partials.map { .init(minuteMs: $0.minuteMs, series: $0.series, version: $0.version) })
        let store = RedisRecentStore(
            client: fixture.client, followers: PartitionClients(sharing: [fixture.client]))
        let live = try await store.live(partition: 0, after: StreamID.zero, wait: Duration.zero)
        #expect(live.last?.settled == [minute * 1_000..<(minute + 60) * 1_000])
        #expect(try await source.dirtyMinutes(partition: 0, beforeMs: now * 1_000) == [minute * 1_000])
        await fixture.stop()
    }

    @Test func retiredBucketsFromTheBoundaryOnCount() async throws {
        let fixture = try await StoreFixture()
        let now = try await fixture.books.books(partition: 0, hoursMs: []).state.nowMs / 1_000
        let source = RedisCompactionSource(client: fixture.client)
        // Long enough ago to be retired, and not an hour ago.
        let second = (now - 1_800) / 600 * 600
        try await count(3, at: second, in: fixture)
        try await settle(source, minute: second)
        try await source.advance(partition: 0, watermarkMs: now / 60 * 60_000)
        while try await source.retire(partition: 0) {}
        #expect(try await fixture.client.send(RedisCommand("ZCARD", "weir:{0}:chunks")).integer == 0)
        #expect(try await fixture.books.books(partition: 0, hoursMs: []).recent?.events == 3)
        await fixture.stop()
    }

    @Test func theSeriesIsFoundWhateverItsNumber() async throws {
        let fixture = try await StoreFixture()
        let now = try await fixture.books.books(partition: 0, hoursMs: []).state.nowMs / 1_000
        try await fixture.add("a", "1")
        try await fixture.apply { batch in
            batch.newSeries = [
                NumberedSeries(number: 0, key: SeriesKey(group: "a", labels: .none)),
                NumberedSeries(number: 1, key: Self.key),
            ]
            let second = now / 10 * 10
            batch.coarse = [.init(series: 1, second: second, presence: .unknown, record: StoreFixture.record(6))]
        }
        let books = fixture.books
        #expect(try await books.books(partition: 0, hoursMs: []).recent?.events == 6)
        #expect(try await books.books(partition: 0, hoursMs: []).recent?.events == 6)
        await fixture.stop()
    }

    @Test func whatWouldKeepRedisBusyForLongIsNotCounted() async throws {
        let fixture = try await StoreFixture()
        try await count(1, at: 600_000, in: fixture)
        var command = RedisCommand("ZADD", "weir:{0}:chunks")
        for chunk in 0..<2_001 {
            command.append(chunk * 600)
            command.append(chunk * 600)
        }
        _ = try await fixture.client.send(command)
        let books = try await fixture.books.books(partition: 0, hoursMs: [])
        #expect(books.recent == nil && books.entries.applied == 1)
        await fixture.stop()
    }
}
