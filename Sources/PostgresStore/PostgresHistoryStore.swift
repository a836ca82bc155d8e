package import Analytics
package import Postgres
package import Service

/// History in PostgreSQL, for fronts.
package struct PostgresHistoryStore: HistoryStore {
    let pool: PostgresPool
    let timeout: Duration
    let work: WorkThread?

    /// - Parameters:
    ///   - pool: the front's connections.
    ///   - work: merges many rows; nil where the caller's executor may be held up by that.
    ///   - timeout: for one statement; it is then cancelled.
    package init(pool: PostgresPool, work: WorkThread? = nil, timeout: Duration = .seconds(10)) {
        self.pool = pool
        self.work = work
        self.timeout = timeout
    }

    package func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        try await mapping {
            try await pool.query(
                Statement.series, [.text(name), .int4(Int32(clamping: id))], operation: "read series", timeout: timeout
            ).historySeries()
        }
    }

    package func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        try await mapping {
            let found = try await select(series, fromMs, toMs, before, resolution)
            var rows: [HistoryRow] = []
            rows.reserveCapacity(found.rowCount)
            for row in 0..<found.rowCount { rows.append(try found.historyRow(row)) }
            return rows
        }
    }

    package func merge(
        _ series: ArraySlice<HistorySeries>, into buckets: GroupedBuckets, fromMs: Int64, toMs: Int64, before: [Int64],
        resolution: HistoryResolution
    ) async throws(StoreError) -> GroupedBuckets {
        try await mapping {
            let found = try await select(series.map(\.id), fromMs, toMs, before, resolution)
            var buckets = buckets
            guard let work, found.rowCount > Self.rowsInPlace else {
                try Self.merge(found, 0..<found.rowCount, series, into: &buckets)
                return buckets
            }
            for start in stride(from: 0, to: found.rowCount, by: Self.rowsAtOnce) {
                let rows = start..<min(start + Self.rowsAtOnce, found.rowCount)
                buckets = try await work.change(buckets.take()) { try Self.merge(found, rows, series, into: &$0) }
            }
            return buckets
        }
    }

    /// So few take no longer than the way to another thread and back.
    private static let rowsInPlace = 50
    /// Some ms.
    private static let rowsAtOnce = 5_000

    private static func merge(
        _ found: borrowing QueryResult, _ rows: Range<Int>, _ series: ArraySlice<HistorySeries>,
        into buckets: inout GroupedBuckets
    ) throws {
        let places = buckets.places(of: series)
        // Rows of a series come one behind the other.
        var (id, place): (Int64, Int?) = (-1, nil)
        for row in rows {
            let other = try found.integer(row, 0)
            if other != id { (id, place) = (other, places[Int(other)]) }
            guard let place else { continue }
            try buckets.change(at: place, bucketMs: try found.timestamptzUs(row, 1) / 1_000) { aggregate in
                try found.merge(row, into: &aggregate)
            }
        }
    }

    private func select(
        _ series: [Int], _ fromMs: Int64, _ toMs: Int64, _ before: [Int64], _ resolution: HistoryResolution
    ) async throws(PostgresError) -> QueryResult {
        var parameters: [PostgresParameter] = [
            .int4Array(series.map(Int32.init)), .timestamptz(us: fromMs * 1_000), .timestamptz(us: toMs * 1_000),
            .timestamptzArray(us: before.map { $0 * 1_000 }), .int4Array(before.indices.map(Int32.init)),
        ]
        let statement =
            switch resolution {
            case .minute: Statement.minuteRows
            case .hour: Statement.hourRows
            case .day: Statement.dayRows
            }
        if resolution != .minute {
            let firstBoundaryMs = min(before.min() ?? toMs, toMs)
            parameters.append(.timestamptz(us: StepLadder.floor(firstBoundaryMs, 3_600_000) * 1_000))
        }
        return try await pool.query(statement, parameters, operation: "read minutes", timeout: timeout)
    }

    package func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld {
        try await mapping {
            let rows = try await pool.query(Statement.historyHeld, operation: "read retention", timeout: timeout)
            return try rows.historyHeld(nowMs: nowMs)
        }
    }

    /// How the last whole pass went; nil before the first.
    package func lastCompaction() async throws(StoreError) -> LastCompaction? {
        try await mapping {
            let found = try await pool.query(
                Statement.lastCompaction, operation: "read last compaction", timeout: timeout)
            if found.rowCount == 0 { return nil }
            return LastCompaction(
                atMs: try found.timestamptzUs(0, 0) / 1_000, seconds: try found.float8(0, 1),
                rows: Int(try found.integer(0, 2)),
                watermarkMs: found.isNull(0, 3) ? nil : try found.timestamptzUs(0, 3) / 1_000)
        }
    }
}
