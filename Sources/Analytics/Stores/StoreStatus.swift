/// What a front tells of Redis to whoever watches it.
package protocol RecentStatusStore: Sendable {
    /// Versions, and where each partition stands.
    func status() async throws(StoreError) -> RecentStatus
}

/// What a front tells of PostgreSQL to whoever watches it.
package protocol HistoryStatusStore: Sendable {
    /// Versions, and how the compaction last went.
    func status() async throws(StoreError) -> HistoryStatus
}

/// Redis, as it says itself.
package struct RecentStatus: Sendable, Equatable {
    /// Of the server.
    package var serverVersion: String
    /// Of our functions there; nil where there are none.
    package var functionsVersion: String?
    /// All that were ever used, by their numbers.
    package var partitions: [Partition]

    /// Where a partition stands.
    package struct Partition: Sendable, Equatable {
        package var state: PartitionState
        /// What of its log waits to be applied.
        package var lag: PartitionLag

        package init(state: PartitionState, lag: PartitionLag) {
            self.state = state
            self.lag = lag
        }
    }

    package init(serverVersion: String, functionsVersion: String?, partitions: [Partition]) {
        self.serverVersion = serverVersion
        self.functionsVersion = functionsVersion
        self.partitions = partitions
    }
}

/// PostgreSQL, as it says itself.
package struct HistoryStatus: Sendable, Equatable {
    /// Of the server.
    package var serverVersion: String
    /// The number of the last migration applied.
    package var migration: Int
    /// The number of the last migration that this program knows.
    package var knownMigration: Int
    /// The last whole pass; nil before the first.
    package var compaction: LastCompaction?

    package init(serverVersion: String, migration: Int, knownMigration: Int, compaction: LastCompaction?) {
        self.serverVersion = serverVersion
        self.migration = migration
        self.knownMigration = knownMigration
        self.compaction = compaction
    }
}

/// How the last whole pass of the compaction went.
package struct LastCompaction: Sendable, Equatable {
    /// When it ended, ms since 1970.
    package let atMs: Int64
    package let seconds: Double
    package let rows: Int
    /// Every minute before it was compacted once, in all partitions; ms since 1970.
    package let watermarkMs: Int64?

    package init(atMs: Int64, seconds: Double, rows: Int, watermarkMs: Int64?) {
        self.atMs = atMs
        self.seconds = seconds
        self.rows = rows
        self.watermarkMs = watermarkMs
    }
}
