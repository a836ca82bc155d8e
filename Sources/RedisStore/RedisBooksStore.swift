package import Analytics
package import Redis
internal import Service
internal import Wire

/// The books in Redis, and what Redis counts of the metric `events`.
package final class RedisBooksStore: BooksStore {
    /// The series of the metric `events` in a partition.
    private struct EventsSeries: Sendable {
        var number = 0
        /// How many series before it have no labels either: the compaction adds it to generations.
        var rank: UInt64 = 0
    }

    private static let maxAttempts = 3
    private static let eventsKey = SeriesKey(group: MetricDefinition.events.group.name, labels: .none)

    private let client: RedisClient
    private let partitions: RedisPartitions
    /// By partition, where it is not the first one; looked at again with each call.
    private let series = Lock<[Int: EventsSeries]>([:])

    package init(client: RedisClient) {
        self.client = client
        partitions = RedisPartitions(client: client)
    }

    package func partitionCount() async throws(StoreError) -> Int { try await partitions.count() }

    package func books(partition: Int, hoursMs: [Int64]) async throws(StoreError) -> PartitionBooks {
        let keys = Keys(partition: partition)
        for _ in 0..<Self.maxAttempts {
            let boundaryMs = try await partitions.state(partition).boundaryMs
            let events = series.withLock { $0[partition] } ?? EventsSeries()
            var books = RedisCommand(function: "weir_books", keys: [keys.cursor, keys.events], readOnly: true)
            for hour in hoursMs { books.append(Int(hour / 1_000)) }
            var counted = RedisCommand(function: "weir_counted", keys: [keys.cursor], readOnly: true)
            counted.append(events.number)
            counted.append(Int(boundaryMs / 1_000))
            // One MULTI: the count must be of the state that the books are of.
            let replies = try await partitions.atOnce([
                books, counted, RedisCommand("HGET", keys.series, "\(events.number)"),
                RedisCommand("HLEN", keys.series),
            ])
            var found = try Self.books(replies[0])
            // Redis was replaced by an older state of itself in between: where history begins is to be asked anew.
            guard found.state.watermarkMs >= boundaryMs else { continue }
            if replies[3].integer == 0 {
                found.recent = RecentCount(boundaryMs: boundaryMs)
                return found
            }
            guard replies[2].bytes.flatMap(SeriesKeyJSON.decode) == Self.eventsKey else {
                try await findSeries(partition)
                continue
            }
            found.recent = try Self.count(replies[1], boundaryMs: boundaryMs, rank: events.rank)
            return found
        }
        throw StoreError(
            .unavailable, store: "redis", operation: "weir_books",
            detail: "partition \(partition) was in another state each time it was looked at")
    }

    private func findSeries(_ partition: Int) async throws(StoreError) {
        var events = EventsSeries()
        for one in try await partitions.series(partition) {
            if one.key == Self.eventsKey {
                events.number = one.number
                let found = events
                return series.withLock { $0[partition] = found }
            }
            if one.key.labels == .none { events.rank += 1 }
        }
        throw malformed("HGETALL", "no series of the metric events")
    }

    private static func books(_ reply: RedisValue) throws(StoreError) -> PartitionBooks {
        guard let state = PartitionState(reply[0]), let totals = integers(reply[1], count: 8),
            let entries = integers(reply[2], count: 3), let hours = integers(reply[3]), hours.count % 7 == 0
        else { throw malformed("weir_books", "no books") }
        var books = PartitionBooks(state: state)
        books.foreign = totals[2]
        books.waiting = totals[0] - totals[1]
        books.totals.appended = totals[0] + totals[2]
        books.totals.applied = totals[3]
        books.totals.late = totals[4]
        books.totals.refused = totals[5]
        books.totals.missing = totals[6]
        books.totals.duplicate = totals[7]
        books.entries.applied = entries[0]
        books.entries.added = entries[1]
        books.entries.waiting = entries[2]
        for place in stride(from: 0, to: hours.count, by: 7) {
            var hour = EventBooks()
            hour.appended = hours[place + 1]
            hour.applied = hours[place + 2]
            hour.late = hours[place + 3]
            hour.refused = hours[place + 4]
            hour.missing = hours[place + 5]
            hour.duplicate = hours[place + 6]
            books.hours[Int64(hours[place]) * 1_000] = hour
        }
        return books
    }

    private static func integers(_ reply: RedisValue?, count: Int? = nil) -> [Int]? {
        guard let values = reply?.array else { return nil }
        let integers = values.compactMap(\.integer)
        return integers.count == values.count && integers.count == count ?? integers.count ? integers : nil
    }

    private static func count(
        _ reply: RedisValue, boundaryMs: Int64, rank: UInt64
    ) throws(StoreError) -> RecentCount? {
        if reply.text == "MANY" { return nil }
        guard let records = reply[0]?.array, let changed = reply[1]?.array, changed.count % 3 == 0 else {
            throw malformed("weir_counted", "no records")
        }
        var count = RecentCount(boundaryMs: boundaryMs, events: try events(records))
        for place in stride(from: 0, to: changed.count, by: 3) {
            guard let minute = changed[place].number, let made = changed[place + 1].streamID,
                let records = changed[place + 2].array
            else { throw malformed("weir_counted", "a minute that cannot be read") }
            count.changed.append(
                .init(
                    atMs: minute * 1_000,
                    generation: StreamID(ms: made.ms, sequence: made.sequence &+ rank), events: try events(records)))
        }
        return count
    }

    private static func events(_ records: [RedisValue]) throws(StoreError) -> Int {
        var aggregate = Aggregate()
        for record in records {
            do {
                try RecordCodec.merge(record.bytes ?? [], of: .events, into: &aggregate)
            } catch {
                throw malformed("weir_counted", "a damaged record: \(error)")
            }
        }
        return aggregate.count
    }
}
