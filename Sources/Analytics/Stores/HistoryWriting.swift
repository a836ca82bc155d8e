/// What the compaction needs of PostgreSQL.
package protocol HistoryWriting: Sendable {
    /// Begins a pass: from now on no other one can. Nil where another one is under way.
    func beginPass() async throws(StoreError) -> (any HistoryPass)?
}

/// One pass of the compaction, holding the lock until it ends or its connection does.
package protocol HistoryPass: Sendable {
    /// Writes a batch in one transaction: all of it, or nothing. Writing it again changes nothing.
    func write(_ batch: HistoryBatch) async throws(StoreError) -> HistoryWriteOutcome
    /// Rolls up, in one transaction, the next hour of a partition that is over and written, and its day where that is over
    /// too; false where there is none. What is written into rolled up hours later, `write` rolls up anew.
    func rollUp(partition: Int) async throws(StoreError) -> Bool
    /// Makes values by single labels, see `LabelRollUps`, of one day (UTC) that lacks some which can be made, the newest first;
    /// false where none does. What is written into their hours later takes them away.
    func rollUpLabels(_ metrics: [MetricDefinition]) async throws(StoreError) -> Bool
    /// Rolls up anew one bucket of hours or days, of all partitions that have it rolled up; how many these are. What it is made
    /// of must still be held, see `HistoryStore.held`.
    func rebuild(_ resolution: HistoryResolution, bucketMs: Int64) async throws(StoreError) -> Int
    /// From where on minutes and hours are held.
    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld
    /// Drops what is older than is kept, and is rolled up and settled.
    ///
    /// `changedFromMs` is the oldest minute that Redis has not settled, nil where there is none; a dry run changes nothing.
    func retain(
        _ times: RetentionTimes, nowMs: Int64, changedFromMs: Int64?, isDryRun: Bool
    ) async throws(StoreError) -> RetentionReport
    /// Rewrites, in the order of its series, one partition that is closed; nil where there is none. Readers wait for a moment, a
    /// partition that cannot be rewritten is left as it is, and a dry run changes nothing.
    func rewrite(nowMs: Int64, isDryRun: Bool) async throws(StoreError) -> RewriteReport?
    /// Makes the partitions for `days` days from the day of `fromMs` on, where they are missing, and finishes what a pass before
    /// was dropping.
    func preparePartitions(fromMs: Int64, days: Int) async throws(StoreError)
    /// Notes that the pass has done all its work.
    func finish(atMs: Int64, seconds: Double, rows: Int) async throws(StoreError)
    /// Gives the lock back.
    func end() async
}

/// What became of a batch.
package enum HistoryWriteOutcome: Equatable, Sendable {
    case written
    /// PostgreSQL knows a later cursor of this partition than Redis has: Redis lost data, and nothing was written.
    case behind(known: StreamID)
}

/// Rows of one partition that are written together.
package struct HistoryBatch: Sendable {
    package var partition: Int
    /// The stream's cursor when the rows were read.
    package var cursor: StreamID
    /// With this batch, every minute before it (ms since 1970) has been written; 0 says nothing.
    package var watermarkMs: Int64
    /// No two of one metric, label set, minute and generation. Empty where only the watermark moves.
    package var rows: MinuteRows

    package init(
        partition: Int, cursor: StreamID = .zero, watermarkMs: Int64 = 0, rows: MinuteRows = MinuteRows()
    ) {
        self.partition = partition
        self.cursor = cursor
        self.watermarkMs = watermarkMs
        self.rows = rows
    }
}
