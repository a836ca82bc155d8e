internal import WebServer

/// Snapshots that were encoded a moment ago, for others who ask before anything has changed: after a restart of a front all
/// of its clients come back at once.
struct RecentSnapshots {
    /// All that a snapshot says follows from these.
    struct Key: Hashable {
        let request: SubscriptionRequest
        let position: LivePosition
        let sequence: Int
        let from: Int64
        let to: Int64
        let newestMs: Int64
        let degraded: [String]
    }

    /// They are an aid, not a store: past this all are forgotten.
    private static let maxBytes = 8 << 20
    private var messages: [Key: SharedMessage] = [:]
    private var bytes = 0

    mutating func message(_ key: Key, made: () -> SharedMessage) -> SharedMessage {
        if let known = messages[key] { return known }
        let message = made()
        if bytes + message.payload.count > Self.maxBytes { removeAll() }
        bytes += message.payload.count
        messages[key] = message
        return message
    }

    mutating func removeAll() {
        messages.removeAll()
        bytes = 0
    }
}
