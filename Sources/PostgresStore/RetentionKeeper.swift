internal import Analytics
internal import Postgres

/// Drops partitions that are older than is kept; used by one pass alone, outside transactions.
///
/// First it is written down that a partition goes, with the number of its events; from then on no front reads it and the audit
/// counts it as dropped. Then it is detached, which waits for readers and keeps nobody else waiting, and dropped. Whatever ends
/// this in between, the next pass goes on.
struct RetentionKeeper {
    private struct Held {
        let resolution: HistoryResolution
        let name: String
        let bounds: Range<Int64>
        let bytes: Int64
    }

    private static let detachTimeout = Duration.seconds(60)

    let connection: PostgresConnection

    /// - Parameters:
    ///   - times: as configured.
    ///   - nowMs: ms since 1970.
    ///   - changedFromMs: the oldest minute that Redis has not settled; nil where there is none.
    ///   - isDryRun: changes nothing.
    /// - Returns: what went, and what is about to.
    /// - Throws: `PostgresError`; what was decided by then is dropped by the next pass.
    func run(
        _ times: RetentionTimes, nowMs: Int64, changedFromMs: Int64?, isDryRun: Bool
    ) async throws -> RetentionReport {
        var report = RetentionReport()
        let states = try await states()
        let partitions = try await partitions()
        let rolledUp = try await connection.query(Statement.retentionRolledUp, operation: "read roll-ups")
        let hoursMs = rolledUp.isNull(0, 0) ? .min : try rolledUp.timestamptzUs(0, 0) / 1_000
        let daysMs = rolledUp.isNull(0, 1) ? .min : try rolledUp.timestamptzUs(0, 1) / 1_000
        for resolution in HistoryResolution.allCases {
            let before = states[resolution]
            let after = (before ?? RetentionState()).seeing(times[resolution], nowMs: nowMs)
            if after != before && !isDryRun { try await record(resolution, after) }
            // What is not rolled up, or may still change, stays.
            let limitMs: Int64 =
                switch resolution {
                case .minute: min(hoursMs, changedFromMs ?? .max)
                case .hour: min(daysMs, changedFromMs ?? .max)
                case .day: .max
                }
            func due(_ keep: Int64) -> [Held] {
                partitions.filter {
                    $0.resolution == resolution && $0.bounds.upperBound <= min(nowMs - keep * 1_000, limitMs)
                }
            }
            let dropped = after.keep.map(due) ?? []
            report.dropped += dropped.map { .init(name: $0.name, bytes: $0.bytes) }
            if let asked = after.asked, let effectiveAtMs = after.effectiveAtMs {
                let more = due(asked).filter { one in !dropped.contains { $0.name == one.name } }
                if !more.isEmpty {
                    report.notices.append(
                        .init(
                            resolution: resolution, keep: asked, effectiveAtMs: effectiveAtMs,
                            partitions: more.map { .init(name: $0.name, bytes: $0.bytes) }))
                }
            }
            if !isDryRun { for one in dropped { try await decide(one) } }
        }
        if !isDryRun { try await dropDecided() }
        return report
    }

    private func states() async throws -> [HistoryResolution: RetentionState] {
        let rows = try await connection.query(Statement.retentionState, operation: "read retention")
        var states: [HistoryResolution: RetentionState] = [:]
        for row in 0..<rows.rowCount {
            guard let resolution = HistoryResolution(rawValue: try rows.text(row, 0)) else { continue }
            states[resolution] = RetentionState(
                keep: rows.isNull(row, 1) ? nil : Int64(try rows.integer(row, 1)),
                asked: rows.isNull(row, 2) ? nil : Int64(try rows.integer(row, 2)),
                askedAtMs: rows.isNull(row, 3) ? nil : try rows.timestamptzUs(row, 3) / 1_000)
        }
        return states
    }

    private func partitions() async throws -> [Held] {
        let rows = try await connection.query(Statement.retentionPartitions, operation: "read partitions")
        var partitions: [Held] = []
        for row in 0..<rows.rowCount {
            guard let resolution = HistoryResolution(rawValue: try rows.text(row, 0)), !rows.isNull(row, 2),
                !rows.isNull(row, 3)
            else {
                continue
            }
            partitions.append(
                Held(
                    resolution: resolution, name: try rows.text(row, 1),
                    bounds: try rows.timestamptzUs(row, 2) / 1_000..<(try rows.timestamptzUs(row, 3) / 1_000),
                    bytes: Int64(try rows.integer(row, 4))))
        }
        return partitions
    }

    private func record(_ resolution: HistoryResolution, _ state: RetentionState) async throws {
        _ = try await connection.query(
            Statement.recordRetention,
            [
                .text(resolution.rawValue), state.keep.map { .int8($0) } ?? .null,
                state.asked.map { .int8($0) } ?? .null,
                state.askedAtMs.map { .timestamptz(us: $0 * 1_000) } ?? .null,
            ], operation: "record retention")
    }

    private func decide(_ one: Held) async throws {
        let first = PostgresParameter.timestamptz(us: one.bounds.lowerBound * 1_000)
        let until = PostgresParameter.timestamptz(us: one.bounds.upperBound * 1_000)
        try await connection.withTransaction {
            if one.resolution == .minute {
                _ = try await connection.query(
                    Statement.keepCount, [first, until], operation: "count what is dropped", timeout: .seconds(300))
            }
            _ = try await connection.query(
                Statement.dropLabels, [.text(one.resolution.rawValue), first, until],
                operation: "drop label roll-ups", timeout: .seconds(300))
            _ = try await connection.query(
                Statement.decideDrop, [.text(one.resolution.rawValue), .text(one.name), first, until],
                operation: "decide what is dropped")
        }
    }

    /// Drops what this pass, or one before it that was cut off, has decided to drop.
    func dropDecided() async throws {
        let decided = try await connection.query(Statement.decidedDrops, operation: "read what is dropped")
        for row in 0..<decided.rowCount {
            let table = "weir.\(Self.quoted(try decided.text(row, 1)))"
            if !decided.isNull(row, 2) {
                let parent = "weir.\(Self.quoted(try decided.text(row, 2)))"
                let how = try decided.bool(row, 3) ? "FINALIZE" : "CONCURRENTLY"
                _ = try await connection.query(
                    "ALTER TABLE \(parent) DETACH PARTITION \(table) \(how)", operation: "detach partition",
                    timeout: Self.detachTimeout)
            }
            if try decided.bool(row, 4) {
                _ = try await connection.query("DROP TABLE \(table)", operation: "drop partition")
            }
            _ = try await connection.query(
                Statement.forgetDrop, [.int4(Int32(try decided.integer(row, 0)))], operation: "forget partition")
        }
    }

    private static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
}
