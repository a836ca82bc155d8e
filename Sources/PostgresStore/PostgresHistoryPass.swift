internal import Analytics
internal import Postgres

/// One pass of the compaction, on its own connection; its calls follow each other.
actor PostgresHistoryPass: HistoryPass {
    private let connection: PostgresConnection
    private let series: SeriesNumbers
    /// Days (since 1970) whose partition is there.
    private var days: Set<Int64> = []
    private var hasStage = false

    init(_ connection: PostgresConnection) {
        self.connection = connection
        series = SeriesNumbers(connection)
    }

    func write(_ batch: HistoryBatch) async throws(StoreError) -> HistoryWriteOutcome {
        try await mapping {
            try await addPartitions(Set(batch.rows.map { Self.day($0.minuteMs) }))
            do {
                return try await write(batch, stagingAll: false)
            } catch let error as PostgresError where error.sqlState == "23505" {
                // A minute that seemed new is there: a pass before this one did not come as far as the watermark.
                return try await write(batch, stagingAll: true)
            }
        }
    }

    func preparePartitions(fromMs: Int64, days count: Int) async throws(StoreError) {
        let first = Self.day(fromMs)
        try await mapping { try await addPartitions(Set(first..<first + Int64(count))) }
    }

    func finish(atMs: Int64, seconds: Double, rows: Int) async throws(StoreError) {
        try await mapping {
            _ = try await connection.query(
                Statement.recordPass, [.timestamptz(us: atMs * 1_000), .float8(seconds), .int8(Int64(rows))],
                operation: "record pass")
        }
    }

    func end() async {
        // The server notices a closed connection a moment later, and a pass that comes right away would find it locked.
        _ = try? await connection.query(
            "SELECT pg_advisory_unlock($1)", [.int8(AdvisoryLock.compaction.rawValue)], operation: "unlock",
            timeout: .seconds(1))
        await connection.close()
    }

    private func write(_ batch: HistoryBatch, stagingAll: Bool) async throws -> HistoryWriteOutcome {
        var usesStage = false
        let outcome = try await connection.withTransaction { () -> HistoryWriteOutcome in
            let held = try await connection.query(
                Statement.partitionCursor, [.int2(Int16(batch.partition))], operation: "read partition cursor")
            let known = held.rowCount > 0 ? StreamID(try held.text(0, 1)) ?? .zero : .zero
            let watermarkMs = held.rowCount > 0 ? try held.timestamptzUs(0, 2) / 1_000 : .min
            guard known <= batch.cursor else { return .behind(known: known) }
            try await series.number(batch.rows)
            // From the watermark on nothing was written yet, so rows can go straight to their places.
            let new = stagingAll ? [] : batch.rows.filter { $0.minuteMs >= watermarkMs }
            let changed = stagingAll ? batch.rows : batch.rows.filter { $0.minuteMs < watermarkMs }
            if !new.isEmpty { try await copy(new, of: batch.partition, Statement.copyMinute) }
            if !changed.isEmpty {
                usesStage = true
                if !hasStage {
                    try await connection.execute(script: Statement.createStage, operation: "create stage")
                }
                try await copy(changed, of: batch.partition, Statement.copyStage)
                _ = try await connection.query(
                    Statement.mergeStage, operation: "merge stage", timeout: .seconds(300))
            }
            // A cursor is only known to be safe together with rows, which waited for that.
            let cursor = batch.rows.isEmpty ? known : batch.cursor
            _ = try await connection.query(
                Statement.moveCursor,
                [
                    .int2(Int16(batch.partition)), .int8(cursor.packed), .text(cursor.description),
                    .timestamptz(us: batch.watermarkMs * 1_000),
                ], operation: "move cursor")
            return .written
        }
        series.committed()
        if usesStage { hasStage = true }
        return outcome
    }

    private func copy(_ rows: [MinuteRow], of partition: Int, _ statement: String) async throws {
        _ = try await connection.copyIn(statement, operation: "copy minutes") { writer in
            for row in rows {
                writer.append(row, partition: Int16(partition), series: try series[row])
                try await writer.endRow()
            }
        }
    }

    /// Makes the partitions of days that may be missing, in a transaction of its own: the lock on weir.minute is short.
    private func addPartitions(_ wanted: Set<Int64>) async throws {
        let missing = wanted.subtracting(days).sorted()
        if missing.isEmpty { return }
        _ = try await connection.query(
            Statement.addMinutePartitions, [.int4Array(missing.map(Int32.init))], operation: "add partitions")
        days.formUnion(missing)
    }

    private static func day(_ ms: Int64) -> Int64 { StepLadder.floor(ms, 86_400_000) / 86_400_000 }
}
