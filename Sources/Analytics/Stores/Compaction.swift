/// What the compaction reads from Redis and tells it.
package protocol CompactionSource: Sendable {
    func partitionCount() async throws(StoreError) -> Int
    func definitions() async throws(StoreError) -> Definitions?
    func state(partition: Int) async throws(StoreError) -> PartitionState
    func series(partition: Int) async throws(StoreError) -> [NumberedSeries]
    /// How old what was read must be before it may be believed to survive a crash of the store: 2 s where it writes its
    /// log to disk every second, nothing where it does so always or never.
    func settlingTime() async throws(StoreError) -> Duration
    /// Names the running store; another answer later means that it was started anew in between.
    func runID() async throws(StoreError) -> String
    /// Minutes (ms since 1970) that begin before `beforeMs` and have changed series, ascending.
    func dirtyMinutes(partition: Int, beforeMs: Int64) async throws(StoreError) -> [Int64]
    /// The series that changed in a minute, ascending.
    func dirtySeries(partition: Int, minuteMs: Int64) async throws(StoreError) -> [Int]
    /// The whole minutes of each of `series`, with those of `sets` that they have, all in one state of the partition; those that
    /// are not marked as changed are left out. Ascending by series as they were given, then by minute.
    ///
    /// `minutesMs` are 1 to 10 whole minutes, all within the same ten; times `series` they are at most 2,000.
    func partials(
        partition: Int, minutesMs: Range<Int64>, series: [Int], sets: [MetricSet]
    ) async throws(StoreError) -> MinutePartials
    /// Forgets that these (series, minute) changed, where they still have the version that was read.
    func settle(partition: Int, _ settled: [SettledMinute]) async throws(StoreError)
    /// Says that every minute before `watermarkMs` has been compacted once; never moves back.
    func advance(partition: Int, watermarkMs: Int64) async throws(StoreError)
    /// Lets buckets expire that are compacted and old; bounded work, true while there is more.
    func retire(partition: Int) async throws(StoreError) -> Bool
}

/// What minutes hold of some series.
package struct MinutePartials: Sendable {
    /// What a minute holds of one series.
    package struct Partial: Sendable {
        package let series: Int
        /// Start of the minute, ms since 1970.
        package let minuteMs: Int64
        /// The cursor after the last batch that touched the minute.
        package let version: StreamID
        /// The cursor after the batch that created the bucket.
        package let generation: StreamID
        /// The record's bytes (`RecordCodec`), of all its parts and sets; empty where it holds nothing.
        package var record: [UInt8]

        package init(series: Int, minuteMs: Int64, version: StreamID, generation: StreamID, record: [UInt8]) {
            self.series = series
            self.minuteMs = minuteMs
            self.version = version
            self.generation = generation
            self.record = record
        }
    }

    package var cursor: StreamID
    package var partials: [Partial]

    package init(cursor: StreamID, partials: [Partial]) {
        self.cursor = cursor
        self.partials = partials
    }
}

/// A (series, minute) that history holds now.
package struct SettledMinute: Sendable {
    package let minuteMs: Int64
    package let series: Int
    /// The version that was written.
    package let version: StreamID

    package init(minuteMs: Int64, series: Int, version: StreamID) {
        self.minuteMs = minuteMs
        self.series = series
        self.version = version
    }
}
