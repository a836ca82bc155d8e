/// Decides when events are made, so that they flow evenly and never come in a burst after a standstill.
struct GeneratorPace: Sendable {
    enum Step: Sendable, Equatable {
        /// Nothing is due for so long.
        case wait(ms: Int64)
        /// Make the events up to this time.
        case make(untilMs: Int64)
        /// Leave out what was due before this time, then ask again.
        case leaveOut(untilMs: Int64)
        /// The clock was set back: go on from this time, then ask again.
        case restart(atMs: Int64)
    }

    /// More than this is not made up for.
    static let maxBacklogMs: Int64 = 1000
    /// The most events in one batch.
    static let maxEvents = 5000

    /// The time from one batch to the next: 100 ms, less at high rates, never below 10.
    let intervalMs: Int64
    /// Events are made up to here.
    private(set) var doneMs: Int64

    init(rate: Double, startMs: Int64) {
        intervalMs = Int64(min(100, max(10, 2_000_000 / rate)))
        doneMs = startMs
    }

    /// What to do at `nowMs`, which jumps when the host's clock is set.
    func step(nowMs: Int64) -> Step {
        if nowMs < doneMs - Self.maxBacklogMs { return .restart(atMs: nowMs) }
        let due = doneMs + intervalMs
        if nowMs < due { return .wait(ms: due - nowMs) }
        return nowMs - doneMs > Self.maxBacklogMs + intervalMs
            ? .leaveOut(untilMs: nowMs - Self.maxBacklogMs) : .make(untilMs: nowMs)
    }

    /// Notes that what was due up to `ms` is made or left out, or that it counts from there again.
    mutating func done(untilMs ms: Int64) { doneMs = ms }
}
