package import Analytics
internal import Postgres

extension PostgresHistoryStore {
    /// Until when there are partitions of the tables without a gap, from `nowMs` on, in ms since 1970; a resolution that has
    /// none for now is missing.
    package func heldUntilMs(nowMs: Int64) async throws(StoreError) -> [HistoryResolution: Int64] {
        try await mapping {
            let rows = try await pool.query(
                Statement.doctorPartitions, [.timestamptz(us: nowMs * 1_000)], operation: "read partitions",
                timeout: timeout)
            return try rows.heldUntilMs(nowMs: nowMs)
        }
    }
}

extension QueryResult {
    /// Reads the rows of `doctor.partitions`.
    func heldUntilMs(nowMs: Int64) throws -> [HistoryResolution: Int64] {
        var until: [HistoryResolution: Int64] = [:]
        for row in 0..<rowCount where !isNull(row, 1) && !isNull(row, 2) {
            guard let resolution = HistoryResolution(rawValue: try text(row, 0)) else { continue }
            // Ascending, so what does not follow on leaves a gap.
            if try timestamptzUs(row, 1) / 1_000 <= until[resolution] ?? nowMs {
                until[resolution] = try timestamptzUs(row, 2) / 1_000
            }
        }
        return until
    }
}
