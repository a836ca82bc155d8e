/// The books of events, as fronts read them from Redis.
package protocol BooksStore: Sendable {
    /// How many partitions were ever used.
    func partitionCount() async throws(StoreError) -> Int
    /// The books of a partition in all and for `hoursMs` of receipt (ms since 1970, at most 2,000), and what Redis counts, all
    /// of one state.
    func books(partition: Int, hoursMs: [Int64]) async throws(StoreError) -> PartitionBooks
}

/// What history counts of the built-in metric `events`.
package protocol HistoryBooks: Sendable {
    /// The events of a partition that history holds before the boundary, but for the rows of minutes that have changed in
    /// Redis since, and how far history was written when they were counted.
    func counted(partition: Int, except recent: RecentCount) async throws(StoreError) -> HistoryCount
    /// The events of every partition by hour of their own time, for whole hours in [fromMs, toMs).
    func countedByHour(fromMs: Int64, toMs: Int64) async throws(StoreError) -> [HistoryHour]
}

/// A count of history's events.
package struct HistoryCount: Sendable, Equatable {
    package let events: Int
    /// The log's cursor when the newest rows were read from Redis; no row is newer.
    package let cursor: StreamID

    package init(events: Int, cursor: StreamID) {
        self.events = events
        self.cursor = cursor
    }
}

/// Events of one partition and one hour of event time that history holds.
package struct HistoryHour: Sendable, Equatable {
    package let partition: Int
    /// Start of the hour, ms since 1970.
    package let hourMs: Int64
    package let events: Int

    package init(partition: Int, hourMs: Int64, events: Int) {
        self.partition = partition
        self.hourMs = hourMs
        self.events = events
    }
}
