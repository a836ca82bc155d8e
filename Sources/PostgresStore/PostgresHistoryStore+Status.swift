package import Analytics
internal import Postgres

extension PostgresHistoryStore: HistoryStatusStore {
    package func status() async throws(StoreError) -> HistoryStatus {
        let (version, migration) = try await mapping {
            let rows = try await pool.query(Statement.historyStatus, operation: "read versions", timeout: timeout)
            return (try rows.text(0, 0), Int(try rows.integer(0, 1)))
        }
        return HistoryStatus(
            serverVersion: version, migration: migration, knownMigration: MigrationRunner.builtInMigrations.count,
            compaction: try await lastCompaction())
    }
}
