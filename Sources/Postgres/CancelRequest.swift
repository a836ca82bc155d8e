internal import CPostgres

/// What it takes to ask the server, by a connection of its own, to cancel a connection's statement.
// Safety: made on the loop's thread, then used by one other; libpq made this copy of the address for just that, and it
// changes nothing of the connection. The thread sanitizer would see a second user.
final class CancelRequest: @unchecked Sendable {
    private let raw: OpaquePointer

    init?(_ link: PostgresLink) {
        guard let raw = PQgetCancel(link.raw) else { return nil }
        self.raw = raw
    }

    deinit { PQfreeCancel(raw) }

    /// Blocks until the server has taken the request; nothing is known of whether it came in time.
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        PQcancel(raw, &message, CInt(message.count))
    }
}
