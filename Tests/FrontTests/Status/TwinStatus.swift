import Analytics
import Service

/// What both stores say of themselves, as a test has it.
final class TwinStatus: RecentStatusStore, HistoryStatusStore {
    static let partition = RecentStatus.Partition(
        state: PartitionState(
            cursor: StreamID(ms: 1_795_428_123_000, sequence: 4), watermarkMs: 1_795_428_060_000, horizonSecond: 0,
            newestMs: 1_795_428_122_500, nowMs: 1_795_428_123_456, definitionsVersion: 1),
        lag: PartitionLag(entries: 3, oldestMs: 40))

    let recent = Lock(RecentStatus(serverVersion: "7.0.15", functionsVersion: "2.1", partitions: [partition]))
    let history = Lock(
        HistoryStatus(
            serverVersion: "15.8", migration: 8, knownMigration: 8,
            compaction: LastCompaction(
                atMs: 1_795_428_100_000, seconds: 0.25, rows: 12, watermarkMs: 1_795_428_060_000)))

    func status() async throws(StoreError) -> RecentStatus { recent.withLock { $0 } }

    func status() async throws(StoreError) -> HistoryStatus { history.withLock { $0 } }
}
