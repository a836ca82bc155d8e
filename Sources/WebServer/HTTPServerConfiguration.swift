package import Wire

/// How an `HTTPServer` treats its clients.
package struct HTTPServerConfiguration: Sendable {
    /// Sizes of heads and bodies.
    package var limits = HTTPLimits()
    /// Connections open at once; default 20000. One more is answered with 503 and closed.
    package var maxConnections = 20_000
    /// From the first byte of a request (or from accepting) to the end of its head; default 10 s. Absolute.
    package var headDeadline = Duration.seconds(10)
    /// From the end of the head to the end of the body; default 60 s. Absolute.
    package var bodyDeadline = Duration.seconds(60)
    /// How long a connection without a request stays open; default 75 s.
    package var idleDeadline = Duration.seconds(75)
    /// How long a client may take no byte of what waits for it; default 30 s. A WebSocket has `silenceDeadline` instead.
    package var stallDeadline = Duration.seconds(30)
    /// How long a closing connection waits for the client to hang up; default 2 s.
    package var lingerDeadline = Duration.seconds(2)
    /// Responses waiting for a client, in bytes, from which on its next requests wait too; default 256 KiB.
    package var maxPendingBytes = 256 * 1024
    /// Bodies shorter than this are not compressed; default 1 KiB.
    package var compressFromBytes = 1_024
    package var webSocket = WebSocketConfiguration()

    package init() {}
}

/// How a server treats its WebSockets.
package struct WebSocketConfiguration: Sendable {
    /// Longer messages from the client, decompressed, close it with 1009; default 64 KiB.
    package var maxMessageBytes = 64 * 1024
    /// How often the server pings; default 15 s.
    package var pingInterval = Duration.seconds(15)
    /// A client that sent nothing and, where something waits for it, took nothing for so long is closed; default 45 s.
    package var silenceDeadline = Duration.seconds(45)
    /// How long the server waits for the answer to its close frame; default 5 s.
    package var closeDeadline = Duration.seconds(5)
    /// The kernel's send buffer, default 64 KiB: the backlog of a slow reader is to be seen here, not lost in the kernel.
    package var sendBufferBytes = 64 * 1024
    /// Whether permessage-deflate is offered to clients that ask for it; default true.
    package var compresses = true
    /// Shorter messages are sent as they are; default 128 bytes, below which the least of a text is found twice.
    package var compressFromBytes = 128
    /// zlib's level, 1 (fast) ... 9 (small); default 4.
    package var compressionLevel = 4

    package init() {}
}
