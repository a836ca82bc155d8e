/// A store's clock, read between two moments of this machine's.
package struct ClockReading: Sendable, Equatable {
    /// What the store said, ms since 1970.
    package let storeMs: Int64
    /// This machine's clock before it was asked and after it had answered, ms since 1970.
    package let beforeMs: Int64
    package let afterMs: Int64

    package init(storeMs: Int64, beforeMs: Int64, afterMs: Int64) {
        self.storeMs = storeMs
        self.beforeMs = min(beforeMs, afterMs)
        self.afterMs = max(beforeMs, afterMs)
    }

    /// How far the store's clock is ahead of this machine's, ms: at least and at most.
    package var aheadMs: ClosedRange<Int64> { storeMs - afterMs...storeMs - beforeMs }
}

/// What a Redis says of itself, for whoever looks whether it is fit for Weir.
package struct RedisFacts: Sendable, Equatable {
    /// Our functions there, against those that this program has.
    package enum Functions: Sendable, Equatable {
        case none
        /// An older version that this program can still use.
        case older(String)
        /// This version, or a newer one that this program can use.
        case current(String)
        /// A major version that this program cannot use; `isNewer` than its own.
        case incompatible(String, isNewer: Bool)
    }

    /// A partition of the event stream.
    package struct Partition: Sendable, Equatable {
        package var state: PartitionState
        package var lag: PartitionLag
        /// The first minute (ms since 1970) that has not been compacted since it last changed; nil without any.
        package var oldestChangedMs: Int64?

        package init(state: PartitionState, lag: PartitionLag, oldestChangedMs: Int64?) {
            self.state = state
            self.lag = lag
            self.oldestChangedMs = oldestChangedMs
        }
    }

    /// Of the server, `7.0.15`.
    package var version: String
    package var isValkey = false
    /// It follows another server, and takes no writes.
    package var isReplica = false
    package var isCluster = false
    package var usedBytes = 0
    /// `maxmemory`; 0 where there is no limit.
    package var maxBytes = 0
    /// `maxmemory-policy`; nil where the server does not tell.
    package var policy: String?
    /// `appendonly`; nil where the server does not tell.
    package var isAppendOnly: Bool?
    /// `appendfsync`; nil where the server does not tell.
    package var appendFsync: String?
    /// Its last write to the append-only file failed.
    package var failsToAppend = false
    package var clock: ClockReading
    package var functions: Functions
    /// The metrics that are counted; nil before the first worker.
    package var definitions: Definitions?
    /// All that were ever used, by their numbers; empty where there are no functions to ask.
    package var partitions: [Partition] = []

    package init(version: String, clock: ClockReading, functions: Functions) {
        self.version = version
        self.clock = clock
        self.functions = functions
    }
}

/// What a PostgreSQL says of itself, for whoever looks whether it is fit for Weir.
package struct PostgresFacts: Sendable, Equatable {
    /// Our tables there, against those that this program knows.
    package enum Schema: Sendable, Equatable {
        /// There is no schema `weir`, or nothing in it.
        case none
        case current(migration: Int)
        /// Names of the files that `weir migrate` would apply.
        case behind([String])
        /// Newer than this program, or not what its files make; in words.
        case refused(String)
        /// The role may not look.
        case hidden
    }

    /// What the role may not do.
    package struct Rights: Sendable, Equatable {
        package var role = ""
        /// May look into the schema.
        package var usesSchema = true
        /// May make tables in it.
        package var createsTables = true
        /// Tables it may not read, may not write, and of whose owner it is no member.
        package var unreadable: [String] = []
        package var unwritable: [String] = []
        package var foreign: [String] = []

        package init() {}
    }

    /// What the tables hold; nil where they could not be asked.
    package struct History: Sendable, Equatable {
        /// How far a partition of the event stream is, as PostgreSQL knows it.
        package struct Cursor: Sendable, Equatable {
            package let partition: Int
            package let cursor: StreamID
            package let watermarkMs: Int64

            package init(partition: Int, cursor: StreamID, watermarkMs: Int64) {
                self.partition = partition
                self.cursor = cursor
                self.watermarkMs = watermarkMs
            }
        }

        package var compaction: LastCompaction?
        package var cursors: [Cursor] = []
        /// Up to when (ms since 1970) there are table partitions without a gap, from now on; nil where there is none for now.
        package var heldUntilMs: [HistoryResolution: Int64] = [:]

        package init() {}
    }

    /// Of the server, `15.4`, and as the number that it compares by, 150004.
    package var version: String
    package var versionNumber: Int
    /// It follows another server, or was told to take no writes.
    package var isReadOnly: Bool
    /// How it stores text; `UTF8` holds all there is.
    package var encoding: String
    package var clock: ClockReading
    package var schema: Schema
    package var rights = Rights()
    package var history: History?

    package init(
        version: String, versionNumber: Int, isReadOnly: Bool, encoding: String, clock: ClockReading, schema: Schema
    ) {
        self.version = version
        self.versionNumber = versionNumber
        self.isReadOnly = isReadOnly
        self.encoding = encoding
        self.clock = clock
        self.schema = schema
    }
}
