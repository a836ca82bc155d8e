import Analytics
import Postgres
import PostgresStore
import Reactor
import TestKit

/// A database of a test's own, and a loop with pools to it.
struct DatabaseFixture {
    let loop: EventLoop
    let server: PostgresServer
    let database: String

    /// An empty database, or a copy of the migrated one.
    init(isMigrated: Bool) async throws {
        loop = try EventLoop.start(name: "postgres-store-test")
        server = try await PostgresServer.shared()
        guard isMigrated else {
            database = try await server.createDatabase()
            return
        }
        let template = try await server.template("migrated") { [server] name in
            let loop = try EventLoop.start(name: "migrate")
            defer { loop.stop() }
            let configuration = try PostgresConfiguration(server.url(database: name))
            _ = try await loop.run { try await MigrationRunner(configuration, loop: loop).run() }
        }
        database = try await server.createDatabase(template: template)
    }

    var configuration: PostgresConfiguration {
        get throws { try PostgresConfiguration(server.url(database: database)) }
    }

    /// Runs `body` on the loop with a pool, which is closed afterwards.
    func withPool<Success: Sendable>(
        _ body: @escaping @Sendable (PostgresPool) async throws -> Success
    ) async throws -> Success {
        let configuration = PostgresPoolConfiguration(try configuration)
        return try await loop.run { [loop] in
            let pool = PostgresPool(configuration, loop: loop)
            do {
                let success = try await body(pool)
                await pool.close()
                return success
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    /// Rows of a statement as psql writes them.
    func sql(_ statement: String) async throws -> String { try await server.query(statement, database: database) }
}
