/// The recent buckets, as the worker left them: what fronts read from Redis.
package protocol RecentStore: Sendable {
    /// How many partitions there are; their number only grows.
    func partitionCount() async throws(StoreError) -> Int
    /// The current metric definitions; nil where no worker has ever stored any.
    func definitions() async throws(StoreError) -> Definitions?
    /// The series of a partition whose numbers are at least `number`. Numbers are 0, 1, 2 …, in the order of appearance.
    func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries
    /// Reads buckets of `series` in [from, to) seconds since 1970, and `sets` of every minute that begins or lies in it, all
    /// in one state of the partition.
    ///
    /// `series` are at most 500, by their numbers in the partition.
    func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets
    /// The position of the newest live batch; `StreamID.zero` where there is none.
    func livePosition(partition: Int) async throws(StoreError) -> StreamID
    /// The live batches after `position`, oldest first; waits up to `wait` for the first. Empty when none came.
    func live(partition: Int, after position: StreamID, wait: Duration) async throws(StoreError) -> [LiveBatch]
}

extension RecentStore {
    /// All series of a partition: their numbers there, and what they are.
    package func series(partition: Int) async throws(StoreError) -> [NumberedSeries] {
        try await series(partition: partition, from: 0).series
    }
}

/// Series of a partition from some number on.
package struct NewSeries: Sendable {
    /// The connection it was read on; what was read on another one may have been lost by the store since.
    package let connection: UInt64
    /// How many series the partition has in all.
    package let count: Int
    /// Ascending by number.
    package let series: [NumberedSeries]

    package init(connection: UInt64, count: Int, series: [NumberedSeries]) {
        self.connection = connection
        self.count = count
        self.series = series
    }
}

/// A series and its number in one partition.
package struct NumberedSeries: Sendable, Equatable {
    package let number: Int
    package let key: SeriesKey

    package init(number: Int, key: SeriesKey) {
        self.number = number
        self.key = key
    }
}

/// Lengths of the buckets in Redis, in seconds.
package enum RecentResolution: Int64, Sendable {
    case second = 1
    case tenSeconds = 10
}

/// Where a partition stands.
package struct PartitionState: Sendable, Equatable {
    /// The last stream entry applied.
    package var cursor: StreamID
    /// Every minute that begins before this (ms since 1970) has been compacted once; 0 where none has.
    package var watermarkMs: Int64
    /// One-second buckets from this second on are whole.
    package var horizonSecond: Int64
    /// Time of the newest event applied, ms since 1970; 0 where there is none.
    package var newestMs: Int64
    /// The store's clock when it answered, ms since 1970.
    package var nowMs: Int64
    /// Version of the definitions that the partition's worker uses.
    package var definitionsVersion: Int
    /// The oldest minute (ms since 1970) that has changed since it was compacted, or was not yet; nil where none has. 0 where nothing
    /// is known of it.
    package var changedFromMs: Int64? = 0

    package init(
        cursor: StreamID, watermarkMs: Int64, horizonSecond: Int64, newestMs: Int64, nowMs: Int64,
        definitionsVersion: Int
    ) {
        self.cursor = cursor
        self.watermarkMs = watermarkMs
        self.horizonSecond = horizonSecond
        self.newestMs = newestMs
        self.nowMs = nowMs
        self.definitionsVersion = definitionsVersion
    }

    /// From this bucket start on (ms) Redis has all of the partition; before it, PostgreSQL has: min(watermark, an hour ago),
    /// rounded down to ten minutes.
    ///
    /// Redis keeps ten minutes at a time, and for longer than it must. So the boundary moves six times an hour, and what
    /// fronts keep of history grows as seldom.
    package var boundaryMs: Int64 {
        StepLadder.floor(min(watermarkMs, nowMs - 3_600_000), HistoryPieces.shortestMs)
    }

    /// Up to here (ms since 1970) PostgreSQL has all that Redis has.
    package var compactedMs: Int64 { min(watermarkMs, changedFromMs ?? .max) }
}

/// What `RecentStore.read` found.
package struct RecentBuckets: Sendable {
    package var state: PartitionState
    package var buckets: [Bucket]
    /// Sets of minutes: buckets that begin with a minute, with records that count no events.
    package var sets: [Bucket]

    /// What one series counted in one bucket.
    package struct Bucket: Sendable {
        /// The series' number in the partition.
        package let series: Int
        /// Start of the bucket, seconds since 1970.
        package let second: Int64
        /// The record's bytes (`RecordCodec`).
        package let record: [UInt8]

        package init(series: Int, second: Int64, record: [UInt8]) {
            self.series = series
            self.second = second
            self.record = record
        }
    }

    package init(state: PartitionState, buckets: [Bucket], sets: [Bucket] = []) {
        self.state = state
        self.buckets = buckets
        self.sets = sets
    }
}

/// One applied batch, as published to the fronts.
package struct LiveBatch: Sendable {
    /// Its own place on the live stream.
    package var position: StreamID
    /// The cursor before and after; a `from` that is not the last `to` means that something was missed.
    package var from: StreamID
    package var to: StreamID
    package var definitionsVersion: Int
    /// Time of the newest event applied so far, ms since 1970.
    package var newestMs: Int64
    /// Series that this batch uses for the first time.
    package var newSeries: [NumberedSeries]
    /// What the batch adds: records by series and second.
    package var deltas: [RecentBuckets.Bucket]
    /// What it adds to sets: records by series and start of the minute.
    package var setDeltas: [RecentBuckets.Bucket]
    /// Ranges [from, to) in ms whose history changed in PostgreSQL, announced by the compaction.
    package var settled: [Range<Int64>]

    package init(
        position: StreamID, from: StreamID, to: StreamID, definitionsVersion: Int, newestMs: Int64,
        newSeries: [NumberedSeries], deltas: [RecentBuckets.Bucket], setDeltas: [RecentBuckets.Bucket] = [],
        settled: [Range<Int64>] = []
    ) {
        self.position = position
        self.from = from
        self.to = to
        self.definitionsVersion = definitionsVersion
        self.newestMs = newestMs
        self.newSeries = newSeries
        self.deltas = deltas
        self.setDeltas = setDeltas
        self.settled = settled
    }
}
