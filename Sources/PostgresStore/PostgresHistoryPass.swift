internal import Analytics
internal import Postgres

/// One pass of the compaction, on its own connection; its calls follow each other.
actor PostgresHistoryPass: HistoryPass {
    /// A row of weir.partition_cursor.
    private struct PartitionRow {
        let cursor: StreamID
        let watermarkMs: Int64
        let until: RolledUp
    }

    private let connection: PostgresConnection
    private let series: SeriesNumbers
    private let rollUp: RollUp
    private let labelRollUp: LabelRollUp
    /// Days (since 1970) whose partition is there.
    private var days: Set<Int64> = []
    private var hasStage = false

    init(_ connection: PostgresConnection) {
        self.connection = connection
        series = SeriesNumbers(connection)
        rollUp = RollUp(connection)
        labelRollUp = LabelRollUp(connection)
    }

    func write(_ batch: HistoryBatch) async throws(StoreError) -> HistoryWriteOutcome {
        try await mapping {
            try await addPartitions(Self.days(of: batch.rows))
            do {
                return try await write(batch, stagingAll: false)
            } catch let error as PostgresError where error.sqlState == "23505" {
                // A minute that seemed new is there: a pass before this one did not come as far as the watermark.
                return try await write(batch, stagingAll: true)
            }
        }
    }

    func rollUp(partition: Int) async throws(StoreError) -> Bool {
        try await mapping {
            guard let held = try await partitionState(partition) else { return false }
            let hourMs = HistoryResolution.hour.ms
            let dayMs = HistoryResolution.day.ms
            var until = held.until
            if until.hoursMs == 0 {
                let first = try await connection.query(
                    Statement.firstMinute, [.int2(Int16(partition))], operation: "find first minute",
                    timeout: .seconds(600))
                let firstMs = first.isNull(0, 0) ? held.watermarkMs : try first.timestamptzUs(0, 0) / 1_000
                until = RolledUp(hoursMs: StepLadder.floor(firstMs, hourMs), daysMs: StepLadder.floor(firstMs, dayMs))
            }
            let hasHour = until.hoursMs + hourMs <= held.watermarkMs
            guard hasHour || until != held.until else { return false }
            if hasHour { try await addPartitions([Self.day(until.hoursMs)]) }
            try await connection.withTransaction {
                rollUp.began()
                if hasHour {
                    try await rollUp.all(of: .hour, until.hoursMs, partition: partition)
                    until.hoursMs += hourMs
                    if until.daysMs + dayMs <= until.hoursMs {
                        try await rollUp.all(of: .day, until.daysMs, partition: partition)
                        until.daysMs += dayMs
                    }
                }
                _ = try await connection.query(
                    Statement.moveRollUp,
                    [
                        .int2(Int16(partition)), .timestamptz(us: until.hoursMs * 1_000),
                        .timestamptz(us: until.daysMs * 1_000),
                    ], operation: "move roll-up")
            }
            rollUp.committed()
            return hasHour
        }
    }

    func rollUpLabels(_ metrics: [MetricDefinition]) async throws(StoreError) -> Bool {
        try await mapping {
            try await connection.withTransaction { try await labelRollUp.makeDay(metrics) }
        }
    }

    func rebuild(_ resolution: HistoryResolution, bucketMs: Int64) async throws(StoreError) -> Int {
        try await mapping {
            let end = PostgresParameter.timestamptz(us: (bucketMs + resolution.ms) * 1_000)
            let found = try await connection.query(
                Statement.rolledUpPartitions, [.text(resolution.rawValue), end], operation: "find partitions")
            for row in 0..<found.rowCount {
                let partition = Int(try found.integer(row, 0))
                try await connection.withTransaction {
                    rollUp.began()
                    try await rollUp.again(resolution, bucketMs, partition: partition)
                }
                rollUp.committed()
            }
            return found.rowCount
        }
    }

    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld {
        try await mapping {
            try await connection.query(Statement.historyHeld, operation: "read retention").historyHeld(nowMs: nowMs)
        }
    }

    func retain(
        _ times: RetentionTimes, nowMs: Int64, changedFromMs: Int64?, isDryRun: Bool
    ) async throws(StoreError) -> RetentionReport {
        try await mapping {
            try await RetentionKeeper(connection: connection).run(
                times, nowMs: nowMs, changedFromMs: changedFromMs, isDryRun: isDryRun)
        }
    }

    func rewrite(nowMs: Int64, isDryRun: Bool) async throws(StoreError) -> RewriteReport? {
        try await mapping {
            try await PartitionRewriter(connection: connection).run(nowMs: nowMs, isDryRun: isDryRun)
        }
    }

    func preparePartitions(fromMs: Int64, days count: Int) async throws(StoreError) {
        let first = Self.day(fromMs)
        try await mapping {
            // What is half gone would be in the way of late rows for its days.
            try await RetentionKeeper(connection: connection).dropDecided()
            try await addPartitions(Set(first..<first + Int64(count)))
        }
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
            rollUp.began()
            let held = try await partitionState(batch.partition)
            let known = held?.cursor ?? .zero
            let watermarkMs = held?.watermarkMs ?? .min
            guard known <= batch.cursor else { return .behind(known: known) }
            let numbers = try await series.numbers(of: batch.rows)
            // From the watermark on nothing was written yet, so rows can go straight to their places.
            let newFromMs = stagingAll ? Int64.max : watermarkMs
            let newCount = batch.rows.rows.count { $0.minuteMs >= newFromMs }
            if newCount > 0 { try await copy(batch, newFromMs..<Int64.max, numbers, Statement.copyMinute) }
            if newCount < batch.rows.count {
                usesStage = true
                if !hasStage {
                    try await connection.execute(script: Statement.createStage, operation: "create stage")
                }
                try await copy(batch, Int64.min..<newFromMs, numbers, Statement.copyStage)
                _ = try await connection.query(
                    Statement.mergeStage, operation: "merge stage", timeout: .seconds(300))
                if let until = held?.until {
                    try await rollUp.repair(
                        batch.rows, beforeMs: newFromMs, numbers: numbers, partition: batch.partition, until)
                }
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
        rollUp.committed()
        if usesStage { hasStage = true }
        return outcome
    }

    /// How far a partition is, locked where a transaction is open; nil before its first batch.
    private func partitionState(_ partition: Int) async throws -> PartitionRow? {
        let held = try await connection.query(
            Statement.partitionCursor, [.int2(Int16(partition))], operation: "read partition cursor")
        guard held.rowCount > 0 else { return nil }
        return PartitionRow(
            cursor: StreamID(try held.text(0, 1)) ?? .zero, watermarkMs: try held.timestamptzUs(0, 2) / 1_000,
            until: RolledUp(
                hoursMs: try held.timestamptzUs(0, 3) / 1_000, daysMs: try held.timestamptzUs(0, 4) / 1_000))
    }

    /// Copies the rows of `minutesMs`; `numbers` are the series of their origins.
    private func copy(
        _ batch: HistoryBatch, _ minutesMs: Range<Int64>, _ numbers: [Int32], _ statement: String
    ) async throws {
        let partition = Int16(batch.partition)
        _ = try await connection.copyIn(statement, operation: "copy minutes") { writer in
            for index in batch.rows.rows.indices where minutesMs.contains(batch.rows.rows[index].minuteMs) {
                let row = batch.rows.rows[index]
                writer.append(row, of: batch.rows, partition: partition, series: numbers[row.origin])
                if writer.endedRow() { try await writer.send() }
            }
        }
    }

    /// Makes the partitions that days may lack, in a transaction of its own: the lock on weir.minute is short.
    private func addPartitions(_ wanted: Set<Int64>) async throws {
        let missing = wanted.subtracting(days).sorted()
        if missing.isEmpty { return }
        _ = try await connection.query(
            Statement.addPartitions, [.int4Array(missing.map(Int32.init))], operation: "add partitions")
        days.formUnion(missing)
    }

    private static func days(of rows: MinuteRows) -> Set<Int64> {
        var days: Set<Int64> = []
        // Rows of a minute, and minutes of a day, stand side by side.
        var last = Int64.min
        for index in rows.rows.indices {
            let day = day(rows.rows[index].minuteMs)
            if day != last { days.insert(day) }
            last = day
        }
        return days
    }

    private static func day(_ ms: Int64) -> Int64 { StepLadder.floor(ms, 86_400_000) / 86_400_000 }
}
