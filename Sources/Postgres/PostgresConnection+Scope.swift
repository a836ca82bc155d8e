package import Reactor

extension PostgresConnection {
    /// Connects, runs `body`, and closes the connection whatever comes of it.
    ///
    /// - Throws: what `body` threw, or as `connect`.
    package nonisolated static func withConnection<Success>(
        _ configuration: PostgresConfiguration, loop: EventLoop,
        _ body: (PostgresConnection) async throws -> Success
    ) async throws -> Success {
        let connection = try await connect(configuration, loop: loop)
        do {
            let success = try await body(connection)
            await connection.close()
            return success
        } catch {
            await connection.close()
            throw error
        }
    }
}
