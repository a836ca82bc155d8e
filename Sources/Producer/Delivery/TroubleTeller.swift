internal import Service

/// Lets through, of what several senders have to say about a server that is away, as much as a person wants to read: the
/// first word, one every half minute, and the good end.
final class TroubleTeller: Sendable {
    static let interval = Duration.seconds(30)

    /// When the last word was let through, while there is trouble.
    private let told = Lock<UInt64?>(nil)

    /// Whether trouble at `nowNs` is worth telling.
    func tellsTrouble(nowNs: UInt64) -> Bool {
        told.withLock { told in
            if let last = told, .nanoseconds(nowNs - last) < Self.interval { return false }
            told = nowNs
            return true
        }
    }

    /// Whether its end is.
    func tellsEnd() -> Bool {
        told.withLock { told in
            defer { told = nil }
            return told != nil
        }
    }
}
