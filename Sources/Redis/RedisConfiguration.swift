/// How a `RedisClient` behaves.
package struct RedisConfiguration: Sendable {
    /// Whom to call.
    package var url: RedisURL
    /// What `CLIENT LIST` shows; no spaces.
    package var clientName = "weir"
    /// For the look-up of the name, the connection and the handshake together. Default 2 s.
    package var connectTimeout = Duration.seconds(2)
    /// How long a command may take from the call to its reply, unless the call says otherwise. Default 2 s.
    package var commandTimeout = Duration.seconds(2)
    /// Whether commands wait (up to their deadline) for a connection, instead of failing at once. Default no.
    package var waitsForConnection = false
    /// Commands sent and not yet answered, or waiting for a connection; more are refused as `.overloaded`. Default 20,000.
    package var maxPendingCommands = 20_000
    /// Bytes of commands not yet handed to the system; more are refused as `.overloaded`. Default 64 MiB.
    package var maxPendingBytes = 64 << 20
    /// The pause before the next attempt to connect is a random part of a span that begins here and doubles. Default 50 ms.
    package var firstBackoff = Duration.milliseconds(50)
    /// The greatest such span. Default 5 s.
    package var maxBackoff = Duration.seconds(5)

    package init(url: RedisURL) { self.url = url }
}
