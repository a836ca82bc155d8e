package import Analytics
package import Postgres
package import Reactor
internal import Wire

/// Where the compaction writes history.
package struct PostgresHistoryWriter: HistoryWriting {
    private let configuration: PostgresConfiguration
    private let loop: EventLoop

    package init(_ configuration: PostgresConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    package func beginPass() async throws(StoreError) -> (any HistoryPass)? {
        do {
            // A connection of its own: the lock is the session's, and ends with it whatever happens to this process.
            let connection = try await PostgresConnection.connect(configuration, loop: loop)
            let isFree = try await connection.query(
                "SELECT pg_try_advisory_lock($1)", [.int8(Int64(AdvisoryLock.compaction))], operation: "lock"
            ).bool(0, 0)
            guard isFree else {
                await connection.close()
                return nil
            }
            try await connection.execute(script: Statement("compaction.stage").text, operation: "compaction.stage")
            return PostgresHistoryPass(connection)
        } catch {
            throw StoreError(postgres: error)
        }
    }
}

/// One pass, on its own connection; its calls follow each other.
actor PostgresHistoryPass: HistoryPass {
    private struct SeriesName: Hashable {
        let metric: String
        let labels: LabelSet
    }

    private static let copy = """
        COPY weir_staged_minute (bucket, generation, version, n, hits, sum, min, max, last_value, last_at, series_id, \
        partition, sketch) FROM STDIN (FORMAT binary)
        """

    private let connection: PostgresConnection
    /// Numbers of series that are committed.
    private var ids: [SeriesName: Int32] = [:]
    /// Days (since 1970) whose partition is committed.
    private var days: Set<Int64> = []

    init(_ connection: PostgresConnection) { self.connection = connection }

    func write(_ rows: [MinuteRow], cursors: [Int: StreamID]) async throws(StoreError) -> HistoryWriteOutcome {
        do {
            return try await connection.withTransaction { try await writeInside(rows, cursors) }
        } catch {
            // Nothing of a transaction that failed can be relied on.
            ids = [:]
            days = []
            throw StoreError(postgres: error)
        }
    }

    func preparePartitions(fromMs: Int64, days count: Int) async throws(StoreError) {
        let first = Self.day(fromMs)
        do {
            for day in first..<first + Int64(count) { try await ensurePartition(day) }
        } catch {
            throw StoreError(postgres: error)
        }
    }

    func finish(atMs: Int64, seconds: Double, rows: Int) async throws(StoreError) {
        do {
            _ = try await connection.query(
                Statement("compaction.succeeded").text,
                [.timestamptz(us: atMs * 1_000), .float8(seconds), .int8(Int64(rows))],
                operation: "compaction.succeeded")
        } catch {
            throw StoreError(error)
        }
    }

    func end() async { await connection.close() }

    private func writeInside(_ rows: [MinuteRow], _ cursors: [Int: StreamID]) async throws -> HistoryWriteOutcome {
        for (partition, cursor) in cursors.sorted(by: { $0.key < $1.key }) {
            let known = try await connection.query(
                Statement("compaction.cursor").text, [.int2(Int16(partition))], operation: "compaction.cursor")
            guard known.rowCount > 0, try known.integer(0, 0) > cursor.packed else { continue }
            return .behind(partition: partition, known: StreamID(try known.text(0, 1)) ?? .zero)
        }
        for day in Set(rows.map { Self.day($0.minuteMs) }).sorted() { try await ensurePartition(day) }
        try await ensureSeries(rows)
        _ = try await connection.copyIn(Self.copy, operation: "compaction.copy") { writer in
            for row in rows {
                try await write(row, to: &writer)
            }
        }
        _ = try await connection.query(
            Statement("compaction.merge").text, operation: "compaction.merge", timeout: .seconds(300))
        for (partition, cursor) in cursors {
            _ = try await connection.query(
                Statement("compaction.set_cursor").text,
                [.int2(Int16(partition)), .int8(cursor.packed), .text(cursor.description)],
                operation: "compaction.set_cursor")
        }
        return .written
    }

    private func write(_ row: MinuteRow, to writer: inout CopyWriter) async throws {
        guard let id = ids[SeriesName(metric: row.metric, labels: row.labels)] else {
            throw StoreError(
                .incompatible, store: "postgres", operation: "compaction.copy", detail: "a series has no number")
        }
        let aggregate = row.aggregate
        writer.beginRow(columns: 13)
        writer.timestamptz(us: row.minuteMs * 1_000)
        writer.int8(row.generation.packed)
        writer.int8(row.version.packed)
        writer.int8(Int64(aggregate.count))
        if aggregate.hits > 0 { writer.int8(Int64(aggregate.hits)) } else { writer.null() }
        if let sum = aggregate.sum { writer.float8(sum) } else { writer.null() }
        if let range = aggregate.range {
            writer.float8(range.lowerBound)
            writer.float8(range.upperBound)
        } else {
            writer.null()
            writer.null()
        }
        if let last = aggregate.last {
            writer.float8(last.value)
            writer.timestamptz(us: last.atMs * 1_000)
        } else {
            writer.null()
            writer.null()
        }
        writer.int4(id)
        writer.int2(Int16(row.partition))
        if aggregate.sketch.isEmpty {
            writer.null()
        } else {
            var sketch: [UInt8] = []
            SketchCodec.append(aggregate.sketch, to: &sketch)
            writer.bytea(sketch)
        }
        try await writer.endRow()
    }

    private func ensureSeries(_ rows: [MinuteRow]) async throws {
        var missing: Set<SeriesName> = []
        for row in rows {
            let name = SeriesName(metric: row.metric, labels: row.labels)
            if ids[name] == nil { missing.insert(name) }
        }
        if missing.isEmpty { return }
        let names = Array(missing)
        let parameters: [PostgresParameter] = [
            .textArray(names.map(\.metric)),
            .textArray(
                names.map { name in
                    var json: [UInt8] = []
                    SeriesKeyJSON.append(name.labels, to: &json)
                    return String(decoding: json, as: UTF8.self)
                }),
        ]
        _ = try await connection.query(
            Statement("compaction.add_series").text, parameters, operation: "compaction.add_series")
        let numbers = try await connection.query(
            Statement("compaction.series_ids").text, parameters, operation: "compaction.series_ids")
        guard numbers.rowCount == names.count else {
            throw StoreError(
                .incompatible, store: "postgres", operation: "compaction.series_ids",
                detail: "\(names.count - numbers.rowCount) series were not found after they were added")
        }
        for (row, name) in names.enumerated() { ids[name] = Int32(try numbers.integer(row, 0)) }
    }

    /// Makes the partition of a day where it is missing: `weir.minute_2026_11_23`, from midnight to midnight UTC.
    private func ensurePartition(_ day: Int64) async throws {
        guard !days.contains(day) else { return }
        let name = Self.date(day).split(separator: "-").joined(separator: "_")
        try await connection.execute(
            script: """
                CREATE TABLE IF NOT EXISTS weir.minute_\(name) PARTITION OF weir.minute
                FOR VALUES FROM ('\(Self.date(day)) 00:00:00+00') TO ('\(Self.date(day + 1)) 00:00:00+00')
                """, operation: "compaction.partition")
        days.insert(day)
    }

    private static func day(_ ms: Int64) -> Int64 { StepLadder.floor(ms, 86_400_000) / 86_400_000 }

    /// `2026-11-23`.
    private static func date(_ day: Int64) -> String { EventTime.dateText(daysSince1970: Int(day)) }
}
