internal import Analytics
internal import Postgres

/// Rewrites a closed partition in the order of its series; used by one pass alone, outside transactions.
///
/// Minutes come one after the other, so a page holds a minute of many series, and a series is all over its partition. In order,
/// its rows are neighbours, and the index, made afterwards, has full pages. It is one transaction: lock the partition against
/// writers, fill a new table (through a second connection, which sorts), index it, and put it in the old one's place, which keeps
/// readers waiting for a moment. Whatever ends this in between, the old partition is there as it was.
///
/// Rows are written as frozen: also a transaction that began before sees them, as it would not see what is merely new.
struct PartitionRewriter {
    private struct Partition {
        let resolution: String
        let name: String
        let first: String
        let until: String
        let bytes: Int64

        var parent: String { "weir.\(resolution)" }
        var table: String { "weir.\(quoted(name))" }
        var newName: String { name + "_new" }
        var newTable: String { "weir.\(quoted(newName))" }
        /// The rest of the primary key, after series_id, partition and bucket.
        var version: String { resolution == "minute" ? "generation" : "part" }
    }

    /// So long after a partition's end late events are rare: those that come later land behind.
    static let settling = Duration.seconds(6 * 3_600)
    private static let retryAfter = Duration.seconds(3_600)
    private static let timeout = Duration.seconds(3_600)

    let connection: PostgresConnection
    /// How often the place of the old partition is asked for, about a second apart.
    var attempts = 60

    /// Rewrites the newest partition that is due.
    ///
    /// - Parameters:
    ///   - nowMs: ms since 1970.
    ///   - isDryRun: changes nothing.
    /// - Returns: what became of it; nil where none is due.
    /// - Throws: `PostgresError` where the connection is lost or the task cancelled. Anything else is a reason to postpone.
    func run(nowMs: Int64, isDryRun: Bool) async throws -> RewriteReport? {
        guard let one = try await next(nowMs) else { return nil }
        func report(_ outcome: RewriteReport.Outcome) -> RewriteReport {
            RewriteReport(name: one.name, bytes: one.bytes, outcome: outcome)
        }
        if isDryRun { return report(.planned) }
        do {
            // Not in vain: whoever reads for long now will most likely still do so when the copy is made.
            try await connection.withTransaction { try await lock(one, attempts: min(3, attempts)) }
            let (rows, bytes) = try await rewrite(one, nowMs)
            return report(.rewritten(rows: rows, bytes: bytes))
        } catch let error as PostgresError where error.code != .cancelled {
            let reason = Self.reason(error, one)
            _ = try await connection.query(
                Statement.recordRewriteProblem,
                [.text(one.resolution), .text(one.name), .timestamptz(us: nowMs * 1_000), .text(reason)],
                operation: "record rewriting")
            return report(.postponed(reason: reason))
        }
    }

    private func next(_ nowMs: Int64) async throws -> Partition? {
        let found = try await connection.query(
            Statement.nextRewrite,
            [
                .timestamptz(us: nowMs * 1_000), .float8(Double(Self.settling.components.seconds)),
                .float8(Double(Self.retryAfter.components.seconds)),
            ], operation: "find partition to rewrite")
        if found.rowCount == 0 { return nil }
        return Partition(
            resolution: try found.text(0, 0), name: try found.text(0, 1), first: try found.text(0, 2),
            until: try found.text(0, 3), bytes: Int64(try found.integer(0, 4)))
    }

    private func rewrite(_ one: Partition, _ nowMs: Int64) async throws -> (rows: Int, bytes: Int64) {
        let clock = ContinuousClock()
        let began = clock.now
        return try await connection.withTransaction {
            // No pass writes now, as this one holds the lock; but people may.
            try await connection.execute(
                script: """
                    SET LOCAL lock_timeout = '5s';
                    LOCK TABLE ONLY \(one.table) IN SHARE MODE;
                    SET LOCAL lock_timeout = 0;
                    CREATE TABLE \(one.newTable) (
                        LIKE \(one.parent) INCLUDING ALL EXCLUDING INDEXES,
                        CONSTRAINT rewritten_within CHECK (bucket >= '\(one.first)' AND bucket < '\(one.until)')
                    )
                    """, operation: "make table to rewrite into")
            let rows = try await copy(one)
            try await connection.execute(
                script: """
                    ALTER TABLE \(one.newTable) ADD CONSTRAINT \(quoted(one.newName + "_pkey"))
                        PRIMARY KEY (series_id, partition, bucket, \(one.version)) WITH (fillfactor = 100);
                    ANALYZE \(one.newTable)
                    """, operation: "index rewritten partition", timeout: Self.timeout)
            let grants = try await connection.query(
                Statement.rewriteGrants, [.text(one.table), .text(one.newTable)], operation: "read privileges")
            for row in 0..<grants.rowCount {
                try await connection.execute(script: try grants.text(row, 0), operation: "grant")
            }
            try await lock(one, attempts: attempts)
            try await connection.execute(
                script: """
                    DROP TABLE \(one.table);
                    ALTER TABLE \(one.newTable) RENAME TO \(quoted(one.name));
                    ALTER INDEX weir.\(quoted(one.newName + "_pkey")) RENAME TO \(quoted(one.name + "_pkey"));
                    ALTER TABLE \(one.parent) ATTACH PARTITION \(one.table) FOR VALUES FROM ('\(one.first)') TO ('\(one.until)');
                    ALTER TABLE \(one.table) DROP CONSTRAINT rewritten_within
                    """, operation: "put rewritten partition in place")
            let recorded = try await connection.query(
                Statement.recordRewrite,
                [
                    .text(one.resolution), .text(one.name), .timestamptz(us: nowMs * 1_000),
                    .float8((clock.now - began) / .seconds(1)), .int8(Int64(rows)), .int8(one.bytes), .text(one.table),
                ], operation: "record rewriting")
            return (rows, Int64(try recorded.integer(0, 0)))
        }
    }

    /// Fills the new table. Reading and sorting is another connection's, whose locks end with it, before the place is taken.
    private func copy(_ one: Partition) async throws -> Int {
        try await PostgresConnection.withConnection(connection.configuration, loop: connection.loop) { source in
            try await source.execute(script: "SET work_mem = '64MB'", operation: "set work_mem")
            return try await connection.copyThrough(
                "COPY \(one.newTable) FROM STDIN (FORMAT binary, FREEZE)", from: source,
                """
                COPY (
                    SELECT * FROM \(one.parent) WHERE bucket >= '\(one.first)' AND bucket < '\(one.until)'
                    ORDER BY series_id, bucket, partition, \(one.version)
                ) TO STDOUT (FORMAT binary)
                """, operation: "copy partition", timeout: Self.timeout)
        }
    }

    /// Takes the place of a partition, inside the transaction: from then on readers wait. Where somebody reads, those who come
    /// after us would wait for them, too; so we do not stand in line for longer than 0.1 s, and ask again.
    private func lock(_ one: Partition, attempts: Int) async throws {
        var attempt = 1
        while try await !isLocked(one, isLast: attempt == attempts) {
            attempt += 1
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Asks once; false where somebody else has it, which the last time is an error.
    private func isLocked(_ one: Partition, isLast: Bool) async throws -> Bool {
        try await connection.execute(script: "SAVEPOINT place", operation: "set savepoint")
        do {
            try await connection.execute(
                script: """
                    SET LOCAL lock_timeout = '100ms';
                    LOCK TABLE ONLY \(one.parent) IN ACCESS EXCLUSIVE MODE;
                    LOCK TABLE ONLY \(one.table) IN ACCESS EXCLUSIVE MODE
                    """, operation: "lock partition")
            return true
        } catch {
            guard error.sqlState == "55P03", !isLast else { throw error }
        }
        try await connection.execute(script: "ROLLBACK TO SAVEPOINT place", operation: "roll back")
        return false
    }

    private static func reason(_ error: PostgresError, _ one: Partition) -> String {
        switch error.sqlState {
        case "55P03": "\(one.parent) was read or written all the time"
        case "2BP01":
            "something hangs on \(one.table): \(error.detail ?? error.message); have it read \(one.parent) instead"
        case "53100": "no room for a copy: \(error.message)"
        default: "\(error.operation): \(error.message)"
        }
    }
}

private func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
