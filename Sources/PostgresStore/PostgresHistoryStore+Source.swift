package import Analytics
internal import Postgres

extension PostgresHistoryStore: HistorySource {
    package func metrics() async throws(StoreError) -> [String] {
        try await mapping {
            let found = try await pool.query(Statement.metrics, operation: "read metrics", timeout: timeout)
            var names: [String] = []
            for row in 0..<found.rowCount { names.append(try found.text(row, 0)) }
            return names
        }
    }

    package func kept(bySeries series: [Int]) async throws(StoreError) -> HistoryKept? {
        try await mapping {
            let found = try await pool.query(
                Statement.historyKind, [.int4Array(series.map(Int32.init))], operation: "read a row", timeout: timeout)
            if found.rowCount == 0 { return nil }
            let kinds: [(column: Int, kind: MetricKind)] = [
                (5, .top), (4, .unique), (3, .distribution), (2, .gauge), (1, .ratio),
            ]
            for (column, kind) in kinds where try found.bool(0, column) {
                return HistoryKept(kind: kind, hasSum: false)
            }
            return HistoryKept(kind: .counter, hasSum: try found.bool(0, 0))
        }
    }

    package func extent() async throws(StoreError) -> HistoryExtent? {
        try await mapping {
            let found = try await pool.query(Statement.historyExtent, operation: "read watermarks", timeout: timeout)
            guard try found.integer(0, 1) > 0 else { return nil }
            return HistoryExtent(
                watermarkMs: try found.timestamptzUs(0, 0) / 1_000, partitionCount: Int(try found.integer(0, 2)))
        }
    }
}
