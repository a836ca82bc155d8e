/// What the compaction needs of PostgreSQL.
package protocol HistoryWriting: Sendable {
    /// Begins a pass: from now on no other one can. Nil where another one is under way.
    func beginPass() async throws(StoreError) -> (any HistoryPass)?
}

/// One pass of the compaction, holding the lock until it ends or its connection does.
package protocol HistoryPass: Sendable {
    /// Writes rows in one transaction: all of them, or none. Writing them again changes nothing.
    ///
    /// - Parameter cursors: by partition, the stream's cursor when its rows were read.
    func write(_ rows: [MinuteRow], cursors: [Int: StreamID]) async throws(StoreError) -> HistoryWriteOutcome
    /// Makes the partitions for `days` days from the day of `fromMs` on, where they are missing.
    func preparePartitions(fromMs: Int64, days: Int) async throws(StoreError)
    /// Ends the pass, noting that it has done its work.
    func finish(atMs: Int64, seconds: Double, rows: Int) async throws(StoreError)
    /// Gives the lock back.
    func end() async
}

/// What became of rows.
package enum HistoryWriteOutcome: Equatable, Sendable {
    case written
    /// PostgreSQL knows a later cursor of this partition than Redis has: Redis lost data, and nothing was written.
    case behind(partition: Int, known: StreamID)
}

/// What a partition counted for one metric and label set in one minute.
package struct MinuteRow: Equatable, Sendable {
    package let metric: String
    package let labels: LabelSet
    /// Start of the minute, ms since 1970.
    package let minuteMs: Int64
    package let partition: Int
    package let generation: StreamID
    package let version: StreamID
    package let aggregate: Aggregate

    package init(
        metric: String, labels: LabelSet, minuteMs: Int64, partition: Int, generation: StreamID, version: StreamID,
        aggregate: Aggregate
    ) {
        self.metric = metric
        self.labels = labels
        self.minuteMs = minuteMs
        self.partition = partition
        self.generation = generation
        self.version = version
        self.aggregate = aggregate
    }
}
