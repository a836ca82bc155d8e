/// How much of a message a parser takes before it refuses.
package struct HTTPLimits: Sendable {
    /// Start line and fields together, in bytes; 256...65536, default 32 KiB. Longer ones are answered with 431 (a longer
    /// request line with 414).
    package var maxHeadBytes = 32 * 1024
    /// Number of fields; default 100; more are answered with 431.
    package var maxFields = 100
    /// Body in bytes, as sent and as decompressed; default 8 MiB; longer ones are answered with 413.
    package var maxBodyBytes = 8 * 1024 * 1024

    package init() {}
}

/// Why a message cannot be accepted; the status is what a server answers before it closes the connection.
package struct HTTPParseError: Error, Hashable, Sendable {
    package let status: HTTPStatus
    /// One sentence for the person who sent it; holds nothing of the message itself.
    package let reason: String

    package init(_ status: HTTPStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
