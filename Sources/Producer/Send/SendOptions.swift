/// What `weir send` is told to do.
package struct SendOptions: Sendable {
    /// How the lines are written.
    package enum Format: String, Sendable, CaseIterable {
        /// Events as the ingest API takes them, one JSON object a line.
        case ndjson
        /// The access log of Apache and nginx, combined or common.
        case combined
    }

    /// What happens to the events' times.
    package enum TimeChange: Sendable, Equatable {
        case none
        /// All times move so that the newest is now (`--shift-to-now`).
        case shiftToNow
        /// All times move by so many milliseconds (`--shift-by`), which is how an interrupted `shiftToNow` goes on.
        case shift(byMs: Int64)
        /// Played from now on, so many times as fast as it happened (`--replay`).
        case replay(speed: Double)
    }

    /// In this order; `-` is standard input, and so is an empty list.
    package var files: [String] = []
    package var format: Format = .ndjson
    /// Goes on when the file's end is reached: the file may grow, be cut to nothing, or be replaced.
    package var follow = false
    package var timeChange: TimeChange = .none
    /// The first line of the first file to send, counted from 1.
    package var fromLine = 1
    /// Lines of the first file that are in already.
    package var skipLines: [ClosedRange<Int>] = []
    /// Batches under way at the same time.
    package var inFlight = 3
    package var batch = BatchLimits()
    package var retry = RetryPolicy()
    /// A longer line is a bad line.
    package var maxLineBytes = 64 << 10
    /// What is read where a file is `-`.
    package var standardInput: Int32 = 0

    /// Everything at its default: NDJSON from standard input.
    package init() {}

    /// What does not go together, each with what to do; empty where all is well.
    package var problems: [String] {
        var problems: [String] = []
        let usesStandardInput = files.isEmpty || files.contains("-")
        if files.count(where: { $0 == "-" }) > 1 { problems.append("standard input (-) can be read only once") }
        if follow && files.count > 1 { problems.append("--follow takes one file: run one weir send for each") }
        if timeChange == .shiftToNow && usesStandardInput {
            problems.append(
                "--shift-to-now must know the newest time before it sends the first line, so it needs files: "
                    + "standard input cannot be read twice")
        }
        if follow, timeChange != .none { problems.append("--follow sends new lines as they come: their times stay") }
        if case .replay(let speed) = timeChange, !(speed > 0 && speed.isFinite) {
            problems.append("--replay takes a speed above 0, such as 60")
        }
        if fromLine < 1 { problems.append("--from-line counts from 1") }
        if inFlight < 1 || inFlight > 16 { problems.append("1 to 16 batches can be under way") }
        return problems
    }
}

/// When a batch is full.
package struct BatchLimits: Sendable {
    package var maxEvents = 2000
    package var maxBytes = 1 << 20
    /// How long the first line waits for company while no more lines come.
    package var maxDelay: Duration = .milliseconds(250)
    /// In a replay, how much play time one batch may cover, in milliseconds.
    package var replaySlotMs: Int64 = 100

    /// The default limits: 2,000 events, 1 MiB, 250 ms.
    package init() {}
}
