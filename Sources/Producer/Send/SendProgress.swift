/// How far `weir send` is, at one moment.
package struct SendProgress: Sendable, Equatable {
    /// What the reader is at.
    package enum Phase: Sendable, Equatable {
        /// First pass of `--shift-to-now`.
        case lookingForNewestTime
        case sending
        /// At the end of a growing file.
        case following
    }

    package var phase = Phase.sending
    /// Lines read, bad and blank ones included.
    package var lines = 0
    /// Events that the server has taken.
    package var accepted = 0
    /// Events that the server has refused for good.
    package var rejected = 0
    /// Lines of which no event could be made.
    package var bad = 0
    /// Bytes read of the files.
    package var bytes = 0
    /// The files' sizes together; nil where nobody knows (standard input, `--follow`).
    package var totalBytes: Int?
    /// Since the start, on a clock that does not jump.
    package var elapsed: Duration = .zero
    /// What the server's absence looks like, while it lasts.
    package var trouble: String?

    /// Nothing yet.
    package init() {}

    /// Events accepted per second since the start.
    package var rate: Double {
        let seconds = elapsed / .seconds(1)
        return seconds > 0 ? Double(accepted) / seconds : 0
    }

    /// Time to go at the pace so far; nil where nobody knows.
    package var remaining: Duration? {
        guard phase == .sending, let totalBytes, bytes > 0, trouble == nil else { return nil }
        return elapsed * (Double(max(0, totalBytes - bytes)) / Double(bytes))
    }
}
