/// What the worker needs of Redis: reading a partition's log and applying batches exactly once.
package protocol PartitionStore: Sendable {
    /// How many partitions there are; remembered as the greatest number ever asked for.
    func partitionCount(atLeast configured: Int) async throws(StoreError) -> Int
    /// Holds the partition for `ttl`; false where another worker does.
    func lease(partition: Int, owner: String, for ttl: Duration) async throws(StoreError) -> Bool
    /// Reads all that a worker must know to go on from the partition's cursor.
    func open(partition: Int) async throws(StoreError) -> OpenPartition
    /// Stores definitions where their version is still `expected`; false where it is not.
    func define(_ definitions: Definitions, expected: Int, partition: Int) async throws(StoreError) -> Bool
    /// Log entries after `position`, oldest first; waits up to `wait` for the first. Empty when none came.
    func entries(
        partition: Int, session: Int, after position: StreamID, maxCount: Int, wait: Duration
    ) async throws(StoreError) -> [LogEntry]
    /// Applies a batch, all of it or nothing.
    func apply(_ batch: AppliedBatch, partition: Int, session: Int) async throws(StoreError) -> ApplyOutcome
}

/// A partition as a worker finds it.
package struct OpenPartition: Sendable {
    /// Names the connections it was read on: what was read in a session is worth nothing in another, since the store may
    /// have been restarted, with its last second lost, in between.
    package let session: Int
    package let state: PartitionState
    package let definitions: Definitions?
    /// The definitions of partition 0: the ones that all partitions are to have, since everybody reads records by them.
    package let leading: Definitions?
    /// In the order of their numbers, which are 0, 1, 2, …
    package let series: [SeriesKey]

    package init(
        session: Int, state: PartitionState, definitions: Definitions?, leading: Definitions?, series: [SeriesKey]
    ) {
        self.session = session
        self.state = state
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
    /// A whole new bucket.
    package struct Write: Sendable {
        package let series: Int
        /// Start of the bucket, seconds since 1970.
        package let second: Int64
        /// True where the worker does not know of the bucket, which must then be absent.
        package let isNew: Bool
        package let record: [UInt8]

        package init(series: Int, second: Int64, isNew: Bool, record: [UInt8]) {
            self.series = series
            self.second = second
            self.isNew = isNew
            self.record = record
        }
    }

    /// An entry that could not be applied.
    package struct Refused: Sendable, Equatable {
        package let id: StreamID
        package let reason: String
        /// What could not be applied, cut to a few KiB.
        package let bytes: [UInt8]

        package init(id: StreamID, reason: String, bytes: [UInt8]) {
            self.id = id
            self.reason = reason
            self.bytes = bytes
        }
    }

    /// Events of one hour of receipt.
    package struct Books: Sendable, Equatable {
        package var applied = 0
        package var late = 0
        package var refused = 0

        package init() {}
    }

    package var from: StreamID
    package var to: StreamID
    package var definitionsVersion: Int
    package var newestMs: Int64
    package var newSeries: [NumberedSeries] = []
    package var fine: [Write] = []
    package var coarse: [Write] = []
    /// Minutes (seconds since 1970) with the series that changed in them.
    package var dirty: [(minute: Int64, series: [Int])] = []
    /// Series with the second of their last event, where that is news.
    package var seen: [(series: Int, second: Int64)] = []
    package var refused: [Refused] = []
    /// By hour of receipt, seconds since 1970.
    package var books: [Int64: Books] = [:]
    /// What the batch adds, for the fronts.
    package var deltas: [RecentBuckets.Bucket] = []

    package init(from: StreamID, to: StreamID, definitionsVersion: Int, newestMs: Int64) {
        self.from = from
        self.to = to
        self.definitionsVersion = definitionsVersion
        self.newestMs = newestMs
    }
}

/// What became of a batch.
package enum ApplyOutcome: Sendable {
    /// Applied; one-second buckets before `horizonSecond` were left out and need not be sent any more.
    case applied(horizonSecond: Int64)
    /// Another worker has moved the cursor; or the log's last entry is gone, or the store went back in time.
    case stale
    /// The definitions have changed.
    case definitionsChanged
    /// These buckets hold something else than the worker thought (nothing where it thought there was something).
    case changed([ChangedBucket])
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
