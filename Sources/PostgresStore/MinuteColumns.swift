internal import Analytics
internal import Postgres
internal import Wire

extension CopyWriter {
    /// Writes the 13 columns of weir.minute, in the order of `writer.copy_minute.sql`.
    mutating func append(_ row: MinuteRow, partition: Int16, series: Int32) {
        let aggregate = row.aggregate
        beginRow(columns: 13)
        timestamptz(us: row.minuteMs * 1_000)
        int8(row.generation.packed)
        int8(row.version.packed)
        int8(Int64(aggregate.count))
        // A ratio without a hit is 0, not unknown.
        if aggregate.hits > 0 || row.kind == .ratio { int8(Int64(aggregate.hits)) } else { null() }
        if let sum = aggregate.sum { float8(sum) } else { null() }
        if let range = aggregate.range {
            float8(range.lowerBound)
            float8(range.upperBound)
        } else {
            null()
            null()
        }
        if let last = aggregate.last {
            timestamptz(us: last.atMs * 1_000)
            float8(last.value)
        } else {
            null()
            null()
        }
        int4(series)
        int2(partition)
        if aggregate.sketch.isEmpty {
            null()
        } else {
            var bytes: [UInt8] = []
            SketchCodec.append(aggregate.sketch, to: &bytes)
            bytea(bytes)
        }
    }
}

extension QueryResult {
    /// Reads a row of `history.minute_rows.sql`.
    borrowing func historyRow(_ row: Int) throws -> HistoryRow {
        var aggregate = Aggregate()
        aggregate.count = Int(try integer(row, 2))
        if !isNull(row, 3) { aggregate.hits = Int(try integer(row, 3)) }
        if !isNull(row, 4) { aggregate.sum = try float8(row, 4) }
        if !isNull(row, 5) && !isNull(row, 6) {
            let (low, high) = (try float8(row, 5), try float8(row, 6))
            guard low <= high else { throw Self.damaged("min is above max") }
            aggregate.range = low...high
        }
        if !isNull(row, 7) {
            aggregate.last = .init(atMs: try timestamptzUs(row, 7) / 1_000, value: try float8(row, 8))
        }
        if !isNull(row, 9) {
            let bytes = try bytea(row, 9)
            var cursor = ByteCursor()
            do {
                aggregate.sketch = try SketchCodec.decode(bytes.span, &cursor)
            } catch {
                throw Self.damaged("a sketch cannot be read: \(error.what) at byte \(error.offset)")
            }
        }
        return HistoryRow(
            series: Int(try integer(row, 0)), bucketMs: try timestamptzUs(row, 1) / 1_000, aggregate: aggregate)
    }

    private static func damaged(_ detail: String) -> StoreError {
        StoreError(.incompatible, store: "postgres", operation: "read minutes", detail: detail)
    }
}
