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
        /// Where the record's bytes (`RecordCodec`) stand in `bytes`, of all its parts and sets; empty where it holds nothing.
        package let record: Range<Int>
    }

    package var cursor: StreamID
    package private(set) var partials: [Partial] = []
    /// The records, one behind the other.
    package private(set) var bytes: [UInt8] = []

    package init(cursor: StreamID) { self.cursor = cursor }

    /// Makes room for `count` partials.
    package mutating func reserve(_ count: Int) {
        partials.reserveCapacity(count)
        bytes.reserveCapacity(count * 64)
    }

    /// Adds a part of the record of the next partial, behind the parts before it.
    package mutating func append(part: [UInt8]) { bytes.append(contentsOf: part) }

    /// Adds a partial; its record is made of the parts that were added since the one before.
    package mutating func append(series: Int, minuteMs: Int64, version: StreamID, generation: StreamID) {
        let start = partials.last?.record.upperBound ?? 0
        partials.append(
            Partial(
                series: series, minuteMs: minuteMs, version: version, generation: generation,
                record: start..<bytes.count))
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
