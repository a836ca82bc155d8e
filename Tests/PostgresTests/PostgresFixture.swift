import Reactor
import TestKit
import Testing

@testable import Postgres

/// A loop and a way to the tests' PostgreSQL.
struct PostgresFixture {
    let loop: EventLoop

    init() throws { loop = try EventLoop.start(name: "postgres-test") }

    /// Runs `body` on the loop with a connection to `server`, the shared one unless told.
    func withConnection(
        to server: PostgresServer? = nil, _ change: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (PostgresConnection) async throws -> Void
    ) async throws {
        let configuration = try await configuration(server, change)
        defer { loop.stop() }
        try await loop.run { [loop] in
            try await PostgresConnection.withConnection(configuration, loop: loop, body)
        }
    }

    /// Runs `body` on the loop with a pool.
    func withPool(
        to server: PostgresServer? = nil, _ change: (inout PostgresPoolConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (PostgresPool) async throws -> Void
    ) async throws {
        var configuration = PostgresPoolConfiguration(try await configuration(server))
        configuration.firstBackoff = .milliseconds(5)
        configuration.maxBackoff = .milliseconds(50)
        configuration.leaseTimeout = .seconds(20)
        change(&configuration)
        let fixed = configuration
        defer { loop.stop() }
        try await loop.run { [loop] in
            let pool = PostgresPool(fixed, loop: loop)
            do { try await body(pool) } catch {
                await pool.close()
                throw error
            }
            await pool.close()
        }
    }

    private func configuration(
        _ server: PostgresServer?, _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws -> PostgresConfiguration {
        let chosen: PostgresServer
        if let server { chosen = server } else { chosen = try await PostgresServer.shared() }
        var configuration = try PostgresConfiguration(chosen.url())
        change(&configuration)
        return configuration
    }
}

/// Runs `body` and returns the error that it must throw.
func failure(_ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) async -> PostgresError?
{
    do {
        try await body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("another error was thrown: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}
