extension PostgresConnection {
    /// Copies rows into a table: all of them, or none where `body` or the server fails.
    ///
    /// - Parameters:
    ///   - sql: `COPY table (columns) FROM STDIN (FORMAT binary)`.
    ///   - operation: what errors call it.
    ///   - timeout: from the first row to the server's word; 5 min unless told.
    ///   - body: writes the rows.
    /// - Returns: how many rows were copied.
    /// - Throws: what `body` threw; or `.rejected` and the like, as `query`.
    package nonisolated func copyIn(
        _ sql: String, operation: StaticString = "COPY", timeout: Duration = .seconds(300),
        _ body: (inout CopyWriter) async throws -> Void
    ) async throws -> Int {
        try await beginCopy(sql, operation, timeout)
        do {
            var writer = CopyWriter(self)
            try await body(&writer)
            try await writer.finish()
        } catch {
            await abortCopy()
            throw error
        }
        return try await endCopy()
    }

    /// Reads what a `COPY … TO STDOUT` gives, in the format that it names, piece by piece as the server sends it.
    ///
    /// - Parameters:
    ///   - sql: `COPY (SELECT …) TO STDOUT (FORMAT csv)` or the like.
    ///   - operation: what errors call it.
    ///   - timeout: from the first piece to the last; 5 min unless told.
    ///   - body: takes one or more whole rows, in about 64 KiB; the server waits while it is busy.
    /// - Returns: how many rows were copied.
    /// - Throws: what `body` threw, or as `query`.
    package nonisolated func copyOut(
        _ sql: String, operation: StaticString = "COPY", timeout: Duration = .seconds(300),
        _ body: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        try await beginCopy(sql, operation, timeout)
        do {
            while let rows = try await nextCopyData() { try await body(rows) }
        } catch {
            await abortCopy()
            throw error
        }
        return try await endCopy()
    }
}
