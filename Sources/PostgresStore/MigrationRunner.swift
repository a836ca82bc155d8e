internal import Analytics
internal import Assets
package import Postgres
package import Reactor

/// Brings the database up to date: applies what is new of `sql/migrations/`, then (re)makes `sql/functions/`.
///
/// Each migration runs in a transaction of its own and is recorded with the SHA-256 of its file. Two runners at once are
/// safe: the second waits for the lock and then finds nothing to do.
package struct MigrationRunner: Sendable {
    /// Why a database cannot be migrated.
    package struct MigrationError: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    private struct Migration {
        let number: Int
        let name: String
        let asset: Asset
    }

    private let configuration: PostgresConfiguration
    private let loop: EventLoop

    package init(_ configuration: PostgresConfiguration, loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    /// Applies what is missing and returns the names of the migrations that were applied, in order.
    ///
    /// - Throws: `MigrationError` where a file was changed after it was applied, one is missing, or the database is newer
    ///   than this program; `PostgresError` from the server.
    package func run() async throws -> [String] {
        let connection = try await PostgresConnection.connect(configuration, loop: loop)
        do {
            let applied = try await migrate(connection)
            await connection.close()
            return applied
        } catch {
            await connection.close()
            throw error
        }
    }

    private func migrate(_ connection: PostgresConnection) async throws -> [String] {
        // Held until the connection is closed.
        _ = try await connection.query(
            "SELECT pg_advisory_lock($1)", [.int8(Int64(AdvisoryLock.migration))], operation: "lock",
            timeout: .seconds(600))
        try await connection.execute(
            script: """
                CREATE SCHEMA IF NOT EXISTS weir;
                CREATE TABLE IF NOT EXISTS weir.migration (
                    number     integer NOT NULL,
                    name       text NOT NULL,
                    sha256     bytea NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now(),
                    CONSTRAINT migration_pkey PRIMARY KEY (number)
                )
                """, operation: "weir.migration")
        let migrations = try Self.builtIn()
        let known = try await recorded(connection)
        if let newest = known.keys.max(), newest > migrations.count {
            throw MigrationError(
                description: "the database has migration \(newest), which this program does not know: it is of a newer "
                    + "version; upgrade the program")
        }
        var applied: [String] = []
        for migration in migrations {
            let digest = try await digest(migration.asset.bytes, connection)
            if let before = known[migration.number] {
                guard before == digest else {
                    throw MigrationError(
                        description: "\(migration.name) was changed after it was applied; bring its old text back and "
                            + "put the change into a new migration")
                }
            } else {
                guard migration.number == 1 || known[migration.number - 1] != nil || !applied.isEmpty else {
                    throw MigrationError(
                        description: "migration \(migration.number - 1) was never applied, but later ones were")
                }
                try await apply(migration, digest, connection)
                applied.append(migration.name)
            }
        }
        try await connection.withTransaction {
            for function in Asset.under("sql/functions/") {
                try await connection.execute(script: function.text, operation: "functions")
            }
        }
        return applied
    }

    private func apply(
        _ migration: Migration, _ digest: [UInt8], _ connection: PostgresConnection
    ) async throws {
        try await connection.withTransaction {
            try await connection.execute(script: migration.asset.text, operation: "migration", timeout: .seconds(600))
            _ = try await connection.query(
                "INSERT INTO weir.migration (number, name, sha256) VALUES ($1, $2, $3)",
                [.int4(Int32(migration.number)), .text(migration.name), .bytea(digest)], operation: "migration")
        }
    }

    private func recorded(_ connection: PostgresConnection) async throws -> [Int: [UInt8]] {
        let rows = try await connection.query("SELECT number, sha256 FROM weir.migration", operation: "weir.migration")
        var known: [Int: [UInt8]] = [:]
        for row in 0..<rows.rowCount { known[Int(try rows.integer(row, 0))] = try rows.bytea(row, 1) }
        return known
    }

    private func digest(_ bytes: [UInt8], _ connection: PostgresConnection) async throws -> [UInt8] {
        try await connection.query("SELECT sha256($1)", [.bytea(bytes)], operation: "sha256").bytea(0, 0)
    }

    /// The files by number, which must be 1, 2, 3 …
    private static func builtIn() throws -> [Migration] {
        try Asset.under("sql/migrations/").enumerated().map { index, asset in
            guard let number = Int(asset.name.prefix(4)), number == index + 1 else {
                throw MigrationError(description: "the built-in migrations have a gap before \(asset.name)")
            }
            return Migration(number: number, name: String(asset.name), asset: asset)
        }
    }
}
