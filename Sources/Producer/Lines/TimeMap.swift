/// Where on the time line an event goes: as logged, moved, or played from now on.
package enum TimeMap: Sendable, Equatable {
    /// Events keep their times.
    case asLogged
    /// All times move by the same distance, later if positive.
    case shifted(byMs: Int64)
    /// The first time seen becomes `startMs`, and the rest follow `speed` times as fast as they happened.
    case replayed(speed: Double, startMs: Int64, originMs: Int64?)

    /// The time that an event logged at `loggedMs` gets.
    package mutating func map(_ loggedMs: Int64) -> Int64 {
        switch self {
        case .asLogged: return loggedMs
        case .shifted(let byMs): return loggedMs &+ byMs
        case .replayed(let speed, let startMs, let originMs):
            guard let originMs else {
                self = .replayed(speed: speed, startMs: startMs, originMs: loggedMs)
                return startMs
            }
            return startMs + Int64((Double(loggedMs - originMs) / speed).rounded())
        }
    }

    var keepsTimes: Bool { self == .asLogged }
}

/// What became of one line.
package enum LineOutcome: Sendable, Equatable {
    /// An event was appended to the output, with a line feed; its mapped time, nil where the server is to give it one.
    case event(timeMs: Int64?)
    /// Nothing but blanks: no event, and nothing to complain about.
    case blank
    /// No event could be made of it.
    case bad(String)
}
