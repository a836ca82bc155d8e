package import Analytics
package import Postgres
internal import Service
internal import Wire

/// History in PostgreSQL, for fronts.
package struct PostgresHistoryStore: HistoryStore {
    private static let seriesStatement = Statement("history.series")
    private static let rowsStatement = Statement("history.rows")

    private let pool: PostgresPool
    private let timeout: Duration

    /// - Parameters:
    ///   - pool: the front's connections.
    ///   - timeout: for one statement; it is then cancelled.
    package init(pool: PostgresPool, timeout: Duration = .seconds(10)) {
        self.pool = pool
        self.timeout = timeout
    }

    package func series(ofMetric name: String) async throws(StoreError) -> [HistorySeries] {
        do {
            let rows = try await pool.query(
                Self.seriesStatement.text, [.text(name)], operation: "history.series", timeout: timeout)
            var series: [HistorySeries] = []
            series.reserveCapacity(rows.rowCount)
            for row in 0..<rows.rowCount {
                series.append(
                    HistorySeries(id: Int(try rows.integer(row, 0)), labels: try Self.labels(try rows.text(row, 1))))
            }
            return series
        } catch {
            throw StoreError(postgres: error)
        }
    }

    package func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        do {
            let rows = try await pool.query(
                Self.rowsStatement.text,
                [
                    .int4Array(series.map(Int32.init)), .timestamptz(us: fromMs * 1_000),
                    .timestamptz(us: toMs * 1_000), .timestamptzArray(us: before.map { $0 * 1_000 }),
                ], operation: "history.rows", timeout: timeout)
            var found: [HistoryRow] = []
            found.reserveCapacity(rows.rowCount)
            for row in 0..<rows.rowCount {
                var aggregate = Aggregate()
                aggregate.count = Int(try rows.integer(row, 2))
                if !rows.isNull(row, 3) { aggregate.hits = Int(try rows.integer(row, 3)) }
                if !rows.isNull(row, 4) { aggregate.sum = try rows.float8(row, 4) }
                if !rows.isNull(row, 5) { aggregate.range = try rows.float8(row, 5)...(try rows.float8(row, 6)) }
                if !rows.isNull(row, 7) {
                    aggregate.last = .init(
                        atMs: try rows.timestamptzUs(row, 8) / 1_000, value: try rows.float8(row, 7))
                }
                if !rows.isNull(row, 9) {
                    let bytes = try rows.bytea(row, 9)
                    var cursor = ByteCursor()
                    aggregate.sketch = try SketchCodec.decode(bytes.span, &cursor)
                }
                found.append(
                    HistoryRow(
                        series: Int(try rows.integer(row, 0)), bucketMs: try rows.timestamptzUs(row, 1) / 1_000,
                        aggregate: aggregate))
            }
            return found
        } catch {
            throw StoreError(postgres: error)
        }
    }

    private static func labels(_ json: String) throws(StoreError) -> LabelSet {
        let members = (try? JSON5.parse(Array(json.utf8)))?.members ?? []
        let labels = members.compactMap { member in
            member.value.string.map { LabelSet.Label(name: member.key, value: $0) }
        }
        guard labels.count == members.count else {
            throw StoreError(
                .incompatible, store: "postgres", operation: "history.series", detail: "labels that are no texts")
        }
        return LabelSet(labels)
    }
}
