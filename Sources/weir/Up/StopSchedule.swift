import Service

/// By when each process must have ended, counted from the moment the first was asked to: who is quick leaves his time to the
/// next, and all together keep the promise of ten seconds.
final class StopSchedule: Sendable {
    private let begun = Lock<ContinuousClock.Instant?>(nil)

    /// How long a process may still take that must be gone `end` after the beginning; the first to ask begins.
    func timeLeft(until end: Duration) -> Duration {
        let start = begun.withLock { begun in
            let start = begun ?? .now
            begun = start
            return start
        }
        return max(.milliseconds(100), end - (.now - start))
    }
}
