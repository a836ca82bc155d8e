/// Decides when the batch that is being gathered goes out: at once when it is quiet, at intervals under load.
///
/// ```
/// quiet        an event ──▶ applied at once
/// steady load  │10 ms│10 ms│10 ms│ …          batches begin at most every 10 ms, so that each carries more
/// overloaded   │ twice what a call takes, at most 100 ms │ …
/// ```
/// A batch that is full goes out as soon as the one before is done. Pure: the caller tells the time and waits.
struct BatchPacer: Sendable {
    /// Between the starts of two batches while Redis keeps up.
    static let usualNs: UInt64 = 10_000_000
    /// Between the starts of two batches while it does not.
    static let longestNs: UInt64 = 100_000_000

    private var lastStartNs: UInt64 = 0
    private var windowNs = usualNs

    /// When a batch that is not full goes out; in the past for at once.
    var dueNs: UInt64 { lastStartNs &+ windowNs }

    /// A batch goes out now.
    mutating func begin(nowNs: UInt64) { lastStartNs = nowNs }

    /// The batch that went out last has been applied. `isBehind` says that the log has more than was read of it.
    mutating func end(nowNs: UInt64, isBehind: Bool) {
        let tookNs = nowNs &- lastStartNs
        if isBehind {
            windowNs = Self.longestNs
        } else {
            windowNs = min(max(Self.usualNs, tookNs * 2), Self.longestNs)
        }
    }
}
