package import Analytics
package import Postgres
package import Reactor
package import Service

/// Asks a PostgreSQL what it is and how it is set up, changing nothing.
///
/// Each call makes a connection of its own: fit for a command that asks once.
package struct PostgresExaminer: Sendable {
    private let configuration: PostgresConfiguration
    private let loop: EventLoop
    private let time: TimeSource

    /// Nothing is asked yet.
    package init(_ configuration: PostgresConfiguration, loop: EventLoop, time: TimeSource = .system) {
        self.configuration = configuration
        self.loop = loop
        self.time = time
    }

    /// All there is to know.
    ///
    /// - Throws: `StoreError` where it does not answer, or does not let us in.
    package func facts() async throws(StoreError) -> PostgresFacts {
        try await connected { connection in
            var facts = try await server(connection)
            let rights = try await connection.query(Statement.doctorRights, operation: "read rights")
            facts.rights.usesSchema = try rights.bool(0, 1)
            facts.rights.createsTables = try rights.bool(0, 2)
            facts.rights.unreadable = try rights.textArray(0, 3)
            facts.rights.unwritable = try rights.textArray(0, 4)
            facts.rights.foreign = try rights.textArray(0, 5)
            guard try rights.bool(0, 0) else { return facts }
            // What the role may not read cannot be looked at further.
            guard facts.rights.usesSchema, facts.rights.unreadable.isEmpty else {
                facts.schema = .hidden
                return facts
            }
            facts.schema = try await schema(connection)
            if case .current = facts.schema { facts.history = try await history(connection) }
            return facts
        }
    }

    /// How far each partition of the event stream was compacted.
    package func cursors() async throws(StoreError) -> [PostgresFacts.History.Cursor] {
        try await connected { try await cursors($0) }
    }

    private func server(_ connection: PostgresConnection) async throws -> PostgresFacts {
        let beforeMs = time.wallMs()
        // Prepared ones would be two round trips, and the clock is read in between.
        let row = try await connection.query(Statement.doctorServer, operation: "read version", isPrepared: false)
        let afterMs = time.wallMs()
        var facts = PostgresFacts(
            version: try row.text(0, 0), versionNumber: Int(try row.integer(0, 1)), isReadOnly: try row.bool(0, 3),
            encoding: try row.text(0, 4),
            clock: ClockReading(storeMs: try row.timestamptzUs(0, 2) / 1_000, beforeMs: beforeMs, afterMs: afterMs),
            schema: .none)
        facts.rights.role = try row.text(0, 5)
        return facts
    }

    private func schema(_ connection: PostgresConnection) async throws -> PostgresFacts.Schema {
        do {
            let missing = try await MigrationRunner(configuration, loop: loop).missingFiles(on: connection)
            let count = MigrationRunner.builtInMigrations.count
            if missing.isEmpty { return .current(migration: count) }
            return missing.count < count ? .behind(missing) : .none
        } catch  where error.code == .incompatible {
            return .refused(error.detail)
        }
    }

    private func history(_ connection: PostgresConnection) async throws -> PostgresFacts.History {
        var history = PostgresFacts.History()
        let last = try await connection.query(Statement.lastCompaction, operation: "read last compaction")
        if last.rowCount > 0 {
            history.compaction = LastCompaction(
                atMs: try last.timestamptzUs(0, 0) / 1_000, seconds: try last.float8(0, 1),
                rows: Int(try last.integer(0, 2)),
                watermarkMs: last.isNull(0, 3) ? nil : try last.timestamptzUs(0, 3) / 1_000)
        }
        history.cursors = try await cursors(connection)
        let nowMs = time.wallMs()
        let rows = try await connection.query(
            Statement.doctorPartitions, [.timestamptz(us: nowMs * 1_000)], operation: "read partitions")
        history.heldUntilMs = try rows.heldUntilMs(nowMs: nowMs)
        return history
    }

    private func cursors(_ connection: PostgresConnection) async throws -> [PostgresFacts.History.Cursor] {
        let rows = try await connection.query(Statement.doctorCursors, operation: "read partition cursors")
        var cursors: [PostgresFacts.History.Cursor] = []
        for row in 0..<rows.rowCount {
            cursors.append(
                .init(
                    partition: Int(try rows.integer(row, 0)), cursor: StreamID(try rows.text(row, 1)) ?? .zero,
                    watermarkMs: try rows.timestamptzUs(row, 2) / 1_000))
        }
        return cursors
    }

    private func connected<Success>(
        _ body: (PostgresConnection) async throws -> Success
    ) async throws(StoreError) -> Success {
        try await mapping {
            try await PostgresConnection.withConnection(configuration, loop: loop, body)
        }
    }
}
