package import Analytics
internal import Assets
package import Postgres
package import Reactor

/// Brings a database to the schema of this program: `sql/migrations/` in order, then `sql/functions/`.
///
/// Each migration is one transaction that holds an advisory lock and looks anew at what is applied, so any number of runners
/// may work at once, also through a connection pooler.
package struct MigrationRunner: Sendable {
    /// A file of `sql/functions/`: statements that may be run again and again (`CREATE OR REPLACE`).
    package struct FunctionFile: Sendable, Equatable {
        package let name: String
        package let script: String

        package init(name: String, script: String) {
            self.name = name
            self.script = script
        }
    }

    /// What a run did.
    package struct Report: Sendable, Equatable {
        /// Names of the migrations that this run applied.
        package var applied: [String] = []
        /// Names of the function files that this run installed, as they were new or changed.
        package var installed: [String] = []
        /// The number of the schema's last migration.
        package var version = 0

        package init() {}
    }

    /// The migrations that are built in.
    package static let builtInMigrations: [Migration] = Asset.under("sql/migrations/").map { asset in
        guard let migration = Migration(fileName: asset.name, script: asset.text) else {
            preconditionFailure("\(asset.path) begins with its number")
        }
        return migration
    }
    /// The function files that are built in.
    package static let builtInFunctions = Asset.under("sql/functions/").map {
        FunctionFile(name: String($0.name), script: $0.text)
    }

    private let configuration: PostgresConfiguration
    private let loop: EventLoop
    private let migrations: [Migration]
    private let functions: [FunctionFile]
    /// For one statement, or for waiting until another runner is done with one migration.
    private let timeout: Duration

    package init(
        _ configuration: PostgresConfiguration, loop: EventLoop, migrations: [Migration] = builtInMigrations,
        functions: [FunctionFile] = builtInFunctions, timeout: Duration = .seconds(600)
    ) {
        self.configuration = configuration
        self.loop = loop
        self.migrations = migrations
        self.functions = functions
        self.timeout = timeout
    }

    /// Applies what is missing.
    ///
    /// - Parameter onApplied: told of each file when it is committed, for people who watch.
    /// - Returns: what was done; nothing where the database was up to date.
    /// - Throws: `.incompatible` where the database is newer or an applied file was changed; `.rejected` with the file's name
    ///   and PostgreSQL's words where one fails, which leaves those before it applied; `.unavailable`, `.timedOut`.
    package func run(onApplied: (String) -> Void = { _ in }) async throws(StoreError) -> Report {
        try await connected { connection in
            var report = Report()
            while let name = try await applyNext(on: connection, &report) {
                report.applied.append(name)
                onApplied(name)
            }
            report.installed = try await installFunctions(on: connection)
            for name in report.installed { onApplied(name) }
            return report
        }
    }

    /// How many migrations are missing; nothing is changed.
    ///
    /// - Throws: as `run`.
    package func missing() async throws(StoreError) -> Int {
        try await connected { connection in
            guard try await exists("weir.migration", on: connection) else { return migrations.count }
            return try await plan(on: connection).missing.count
        }
    }

    /// What `run` would apply on this connection; nothing is changed.
    ///
    /// - Throws: as `run`.
    func missingFiles(on connection: PostgresConnection) async throws(StoreError) -> [String] {
        try await mapping {
            guard try await exists("weir.migration", on: connection) else { return migrations.map(\.name) }
            let missing = try await plan(on: connection).missing.map(\.name)
            guard missing.isEmpty else { return missing }
            return try await changedFunctions(on: connection).map(\.file.name)
        }
    }

    private func connected<Success>(
        _ body: (PostgresConnection) async throws -> Success
    ) async throws(StoreError) -> Success {
        try await mapping {
            try await PostgresConnection.withConnection(configuration, loop: loop, body)
        }
    }

    /// Applies the first that is missing and returns its name; nil where there is none.
    private func applyNext(on connection: PostgresConnection, _ report: inout Report) async throws -> String? {
        let (name, version) = try await connection.withTransaction { () -> (String?, Int) in
            try await lock(connection)
            try await createRecord(on: connection)
            let (missing, digests) = try await plan(on: connection)
            guard let next = missing.first else { return (nil, migrations.count) }
            try await run(next.script, of: next.name, on: connection)
            _ = try await connection.query(
                Statement.recordMigration,
                [.int4(Int32(next.number)), .text(next.name), .bytea(digests[next.number - 1])],
                operation: "record migration")
            return (next.name, next.number)
        }
        report.version = version
        return name
    }

    private func installFunctions(on connection: PostgresConnection) async throws -> [String] {
        try await connection.withTransaction {
            try await lock(connection)
            var names: [String] = []
            for (function, digest) in try await changedFunctions(on: connection) {
                try await run(function.script, of: function.name, on: connection)
                _ = try await connection.query(
                    Statement.recordFunction, [.text(function.name), .bytea(digest)], operation: "record function")
                names.append(function.name)
            }
            return names
        }
    }

    /// The function files that the database does not have, or has otherwise.
    private func changedFunctions(
        on connection: PostgresConnection
    ) async throws -> [(file: FunctionFile, digest: [UInt8])] {
        let digests = try await digests(of: functions.map(\.script), on: connection)
        let installed = try await connection.query(
            Statement.installedFunctions, operation: "read installed functions")
        var known: [String: [UInt8]] = [:]
        for row in 0..<installed.rowCount { known[try installed.text(row, 0)] = try installed.bytea(row, 1) }
        return zip(functions, digests).filter { known[$0.name] != $1 }.map { (file: $0, digest: $1) }
    }

    // MARK: One transaction

    private func lock(_ connection: PostgresConnection) async throws(PostgresError) {
        _ = try await connection.query(
            "SELECT pg_advisory_xact_lock($1)", [.int8(AdvisoryLock.migration.rawValue)],
            operation: "wait for another migration", timeout: timeout)
    }

    private func createRecord(on connection: PostgresConnection) async throws(PostgresError) {
        if try await exists("weir.migration", on: connection) { return }
        // IF NOT EXISTS would need the right to create schemas even where an administrator has made ours.
        let schema = try await connection.query(
            "SELECT to_regnamespace('weir') IS NOT NULL", operation: "look for schema weir")
        if try !schema.bool(0, 0) {
            try await connection.execute(script: "CREATE SCHEMA weir", operation: "create schema weir")
        }
        try await connection.execute(script: Statement.createMigrationRecord, operation: "create migration record")
    }

    private func exists(_ table: String, on connection: PostgresConnection) async throws(PostgresError) -> Bool {
        try await connection.query(
            "SELECT to_regclass($1) IS NOT NULL", [.text(table)], operation: "look for a table"
        ).bool(0, 0)
    }

    private func plan(
        on connection: PostgresConnection
    ) async throws -> (missing: ArraySlice<Migration>, digests: [[UInt8]]) {
        let digests = try await digests(of: migrations.map(\.script), on: connection)
        let rows = try await connection.query(Statement.appliedMigrations, operation: "read migration record")
        var applied: [MigrationPlan.Applied] = []
        for row in 0..<rows.rowCount {
            applied.append(
                .init(
                    number: Int(try rows.integer(row, 0)), name: try rows.text(row, 1), digest: try rows.bytea(row, 2)))
        }
        return (try MigrationPlan.missing(migrations, digests: digests, applied: applied), digests)
    }

    private func digests(
        of scripts: [String], on connection: PostgresConnection
    ) async throws(PostgresError) -> [[UInt8]] {
        let rows = try await connection.query(
            Statement.digests, [.byteaArray(scripts.map { [UInt8]($0.utf8) })], operation: "digest files")
        var digests: [[UInt8]] = []
        for row in 0..<rows.rowCount { digests.append(try rows.bytea(row, 0)) }
        return digests
    }

    private func run(
        _ script: String, of file: String, on connection: PostgresConnection
    ) async throws(StoreError) {
        do throws(PostgresError) {
            try await connection.execute(script: script, operation: "migrate", timeout: timeout)
        } catch {
            let mapped = StoreError(error)
            throw StoreError(
                mapped.code, store: "postgres", operation: "migrate", detail: "\(file): \(mapped.detail)",
                mayHaveRun: mapped.mayHaveRun)
        }
    }
}
