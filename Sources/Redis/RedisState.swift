/// Whether a client has its connection.
package enum RedisState: Sendable, Equatable {
    /// With the reason: why it was lost, or why the last attempt failed.
    case disconnected(RedisError)
    /// With the connection's number; it grows with every connection.
    case connected(epoch: UInt64)
}

/// One connection of a client, for work that must not mix what it read on different ones.
///
/// Its calls fail with `.disconnected` (and `mayHaveRun` false) once the client has another connection: then the caller
/// discards what it holds and begins anew with `RedisClient.session`.
package struct RedisSession: Sendable {
    /// The connection's number.
    package let epoch: UInt64
    let client: RedisClient

    /// As `RedisClient.send`, on this connection only.
    package func send(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        try await client.send(command, timeout: timeout, epoch: epoch)
    }

    /// As `RedisClient.pipeline`, on this connection only.
    package func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await client.pipeline(commands, timeout: timeout, epoch: epoch)
    }
}
