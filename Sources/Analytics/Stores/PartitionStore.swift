/// What the worker needs of Redis: reading a partition's log and applying batches exactly once.
package protocol PartitionStore: Sendable {
    /// Holds the partition for `ttl`; false where another worker does.
    func lease(partition: Int, owner: String, for ttl: Duration) async throws(StoreError) -> Bool
    /// Reads all that a worker must know to go on from the partition's cursor.
    func open(partition: Int) async throws(StoreError) -> OpenPartition
    /// The definitions of partition 0, which all partitions follow; nil where there are none yet.
    func leadingDefinitions() async throws(StoreError) -> Definitions?
    /// How far the partition's worker is behind its log.
    func lag(partition: Int) async throws(StoreError) -> PartitionLag
    /// Stores definitions where their version is still `expected`; false where it is not.
    func define(_ definitions: Definitions, expected: Int, partition: Int) async throws(StoreError) -> Bool
    /// Log entries after `position`, oldest first; waits up to `wait` for the first. Empty when none came.
    func entries(
        partition: Int, session: Int, after position: StreamID, maxCount: Int, wait: Duration
    ) async throws(StoreError) -> [LogEntry]
    /// Applies a batch, all of it or nothing.
    func apply(_ batch: AppliedBatch, partition: Int, session: Int) async throws(StoreError) -> ApplyOutcome
}

/// What of a partition's log has not been applied.
package struct PartitionLag: Sendable, Equatable {
    /// Entries; nil where the store cannot tell without counting them.
    package var entries: Int?
    /// How long the oldest of them has waited, ms; 0 without any.
    package var oldestMs: Int64

    package init(entries: Int?, oldestMs: Int64) {
        self.entries = entries
        self.oldestMs = oldestMs
    }
}

/// A partition as a worker finds it.
package struct OpenPartition: Sendable {
    /// Names the connections it was read on: what was read in a session is worth nothing in another, since the store may
    /// have been restarted, with its last second lost, in between.
    package let session: Int
    package let state: PartitionState
    /// Events that fronts had put on the log up to the cursor.
    package let upto: Int
    package let definitions: Definitions?
    /// The definitions of partition 0: the ones that all partitions are to have, since everybody reads records by them.
    package let leading: Definitions?
    /// In the order of their numbers, which are 0, 1, 2, …
    package let series: [SeriesKey]

    package init(
        session: Int, state: PartitionState, upto: Int, definitions: Definitions?, leading: Definitions?,
        series: [SeriesKey]
    ) {
        self.session = session
        self.state = state
        self.upto = upto
        self.definitions = definitions
        self.leading = leading
        self.series = series
    }
}

/// One entry of the log, as it stands there.
package struct LogEntry: Sendable {
    package let id: StreamID
    /// Names and values in turn.
    package let fields: [[UInt8]]

    package init(id: StreamID, fields: [[UInt8]]) {
        self.id = id
        self.fields = fields
    }
}

/// All that one batch changes in a partition.
package struct AppliedBatch: Sendable {
    /// What a worker knows of a bucket before it writes it.
    package enum Presence: UInt8, Sendable {
        /// It is there, as the worker wrote it.
        case held
        /// It is not there: nobody but this worker can have written it.
        case absent
        /// The worker has not met it, and takes it to be absent: the store is to look.
        case unknown
    }

    /// A whole new bucket.
    package struct Write: Sendable {
        package let series: Int
        /// Start of the bucket, seconds since 1970.
        package let second: Int64
        package let presence: Presence
        /// The hash of the bucket may have to be made, and then needs its generation or expiry.
        package let mayNeedHash: Bool
        package let record: [UInt8]

        package init(
            series: Int, second: Int64, presence: Presence, mayNeedHash: Bool = true, record: [UInt8]
        ) {
            self.series = series
            self.second = second
            self.presence = presence
            self.mayNeedHash = mayNeedHash
            self.record = record
        }

        /// The worker takes the bucket to be absent.
        package var isNew: Bool { presence != .held }
    }

    /// Values to be added to a HyperLogLog of a minute.
    package struct UniqueWrite: Sendable {
        package let series: Int
        package let metric: MetricID
        /// Start of the minute, seconds since 1970.
        package let minute: Int64
        /// The worker does not know whether the store has it.
        package let isNew: Bool
        package let values: [[UInt8]]

        package init(series: Int, metric: MetricID, minute: Int64, isNew: Bool, values: [[UInt8]]) {
            self.series = series
            self.metric = metric
            self.minute = minute
            self.isNew = isNew
            self.values = values
        }
    }

    /// New counts of items of a minute.
    package struct TopWrite: Sendable {
        package let series: Int
        package let metric: MetricID
        /// Start of the minute, seconds since 1970.
        package let minute: Int64
        /// True where the worker does not know of the set, which must then be absent.
        package let isNew: Bool
        /// Events in all whose item was dropped.
        package let dropped: Int
        /// Items that changed, with what they count now.
        package let counts: [(item: [UInt8], count: Int)]
        package let removed: [[UInt8]]

        package init(
            series: Int, metric: MetricID, minute: Int64, isNew: Bool, dropped: Int,
            counts: [(item: [UInt8], count: Int)], removed: [[UInt8]]
        ) {
            self.series = series
            self.metric = metric
            self.minute = minute
            self.isNew = isNew
            self.dropped = dropped
            self.counts = counts
            self.removed = removed
        }
    }

    /// An event that could not be applied, as an entry of the log that can be tried again.
    package struct Refused: Sendable, Equatable {
        package let id: StreamID
        package let reason: String
        /// When it was received, ms since 1970.
        package let receivedMs: Int64
        /// Names and values in turn, at most 1,000 of each; `isWhole` where nothing is cut.
        package let fields: [[UInt8]]
        package let isWhole: Bool

        package init(id: StreamID, reason: String, receivedMs: Int64, fields: [[UInt8]], isWhole: Bool) {
            self.id = id
            self.reason = reason
            self.receivedMs = receivedMs
            self.fields = fields
            self.isWhole = isWhole
        }
    }

    /// Events of one hour of receipt.
    package struct Books: Sendable, Equatable {
        /// Found on the log and not put there by a front.
        package var foreign = 0
        package var applied = 0
        package var late = 0
        package var refused = 0
        /// Put on the log by a front and not found there.
        package var missing = 0

        package init() {}
    }

    package var from: StreamID
    package var to: StreamID
    package var definitionsVersion: Int
    package var newestMs: Int64
    package var newSeries: [NumberedSeries] = []
    package var fine: [Write] = []
    package var coarse: [Write] = []
    package var uniques: [UniqueWrite] = []
    package var tops: [TopWrite] = []
    /// Minutes (seconds since 1970) with the series that changed in them.
    package var dirty: [(minute: Int64, series: [Int])] = []
    /// Series with the second of their last event, where that is news.
    package var seen: [(series: Int, second: Int64)] = []
    package var refused: [Refused] = []
    /// By hour of receipt, seconds since 1970.
    package var books: [Int64: Books] = [:]
    /// Events that fronts had put on the log up to the last entry.
    package var upto = 0
    /// Log entries in the batch.
    package var entryCount = 0
    /// What the batch adds, for the fronts: to seconds, and to the sets of minutes.
    package var deltas: [RecentBuckets.Bucket] = []
    package var setDeltas: [RecentBuckets.Bucket] = []

    package init(from: StreamID, to: StreamID, definitionsVersion: Int, newestMs: Int64) {
        self.from = from
        self.to = to
        self.definitionsVersion = definitionsVersion
        self.newestMs = newestMs
    }
}

/// What became of a batch.
package enum ApplyOutcome: Sendable {
    /// Applied; one-second buckets before `horizonSecond` were left out and need not be sent any more, and ten-second ones in
    /// hashes that begin up to `settledSecond` may have expired.
    case applied(horizonSecond: Int64, settledSecond: Int64)
    /// Another worker has moved the cursor; or the log's last entry is gone, or the store went back in time.
    case stale
    /// The definitions have changed.
    case definitionsChanged
    /// These hold something else than the worker thought (nothing where it thought there was something).
    case changed([ChangedBucket], [ChangedTop])
}

/// Items of a minute as they stand in Redis.
package struct ChangedTop: Sendable {
    package let series: Int
    package let metric: MetricID
    /// Start of the minute, seconds since 1970.
    package let minute: Int64
    /// Nil where there are none.
    package let items: TopItems?

    package init(series: Int, metric: MetricID, minute: Int64, items: TopItems?) {
        self.series = series
        self.metric = metric
        self.minute = minute
        self.items = items
    }
}

/// A bucket as it stands in Redis.
package struct ChangedBucket: Sendable {
    package let resolution: RecentResolution
    package let series: Int
    package let second: Int64
    /// Empty where there is no such bucket.
    package let record: [UInt8]

    package init(resolution: RecentResolution, series: Int, second: Int64, record: [UInt8]) {
        self.resolution = resolution
        self.series = series
        self.second = second
        self.record = record
    }
}
