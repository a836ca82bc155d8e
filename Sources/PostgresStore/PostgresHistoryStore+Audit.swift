package import Analytics
internal import Postgres

extension PostgresHistoryStore: HistoryBooks {
    package func counted(partition: Int, except recent: RecentCount) async throws(StoreError) -> HistoryCount {
        try await mapping {
            let rows = try await pool.query(
                Statement.auditCount,
                [
                    .int2(Int16(partition)), .timestamptz(us: recent.boundaryMs * 1_000),
                    .timestamptzArray(us: recent.changed.map { $0.atMs * 1_000 }),
                    .int8Array(recent.changed.map(\.generation.packed)),
                ], operation: "count events", timeout: timeout)
            let cursor = rows.isNull(0, 1) ? .zero : StreamID(try rows.text(0, 1)) ?? .zero
            return HistoryCount(events: Int(try rows.integer(0, 0)), cursor: cursor)
        }
    }

    package func countedByHour(fromMs: Int64, toMs: Int64) async throws(StoreError) -> [HistoryHour] {
        try await mapping {
            let rows = try await pool.query(
                Statement.auditHours, [.timestamptz(us: fromMs * 1_000), .timestamptz(us: toMs * 1_000)],
                operation: "count events by hour", timeout: timeout)
            var hours: [HistoryHour] = []
            for row in 0..<rows.rowCount {
                hours.append(
                    HistoryHour(
                        partition: Int(try rows.integer(row, 0)), hourMs: try rows.timestamptzUs(row, 1) / 1_000,
                        events: Int(try rows.integer(row, 2))))
            }
            return hours
        }
    }
}
