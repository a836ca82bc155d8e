/// What a transaction sees of others that run at the same time.
package enum PostgresIsolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}

extension PostgresConnection {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws or its task is cancelled.
    ///
    /// - Parameters:
    ///   - isolation: READ COMMITTED unless told.
    ///   - isReadOnly: whether the server is to refuse writes.
    ///   - body: the statements, on this connection; not retried.
    /// - Returns: what `body` returned, once it is committed.
    /// - Throws: what `body` threw; or what COMMIT did: with `mayHaveRun`, nobody knows whether it is committed.
    package nonisolated func withTransaction<Success>(
        isolation: PostgresIsolation = .readCommitted, isReadOnly: Bool = false,
        _ body: () async throws -> Success
    ) async throws -> Success {
        let begin = "BEGIN ISOLATION LEVEL \(isolation.rawValue)\(isReadOnly ? " READ ONLY" : "")"
        try await execute(script: begin, operation: "BEGIN")
        do {
            let success = try await body()
            try await commit()
            return success
        } catch {
            await rollBackIfOpen()
            throw error
        }
    }

    private nonisolated func commit() async throws(PostgresError) {
        let result = try await query("COMMIT", operation: "COMMIT", isPrepared: false)
        guard result.commandTag == "COMMIT" else {
            throw PostgresError(.rejected, "COMMIT", "rolled back, as a statement in it had failed", sqlState: "25P02")
        }
    }
}
