extension PostgresConnection {
    /// Copies into a table what a `COPY … TO STDOUT` of another connection gives, byte for byte: all of it, or nothing.
    ///
    /// - Parameters:
    ///   - sql: `COPY table FROM STDIN (FORMAT …)`.
    ///   - source: the connection that reads; on the same loop.
    ///   - sourceSQL: `COPY (SELECT …) TO STDOUT (FORMAT …)`, with the same columns and format.
    ///   - operation: what errors call it.
    ///   - timeout: for all rows.
    /// - Returns: how many rows were copied.
    /// - Throws: as `query`, of either connection.
    package nonisolated func copyThrough(
        _ sql: String, from source: PostgresConnection, _ sourceSQL: String, operation: StaticString = "COPY",
        timeout: Duration = .seconds(300)
    ) async throws -> Int {
        try await beginCopy(sql, operation, timeout)
        do {
            _ = try await source.copyOut(sourceSQL, operation: operation, timeout: timeout) { rows in
                try await putCopyData(rows)
            }
        } catch {
            await abortCopy()
            throw error
        }
        return try await endCopy()
    }
}
