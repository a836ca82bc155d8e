/// Makes batches of lines: a line goes in, and now and then a full batch comes out.
struct BatchBuilder: Sendable {
    private let limits: BatchLimits
    private let format: SendOptions.Format
    private var times: TimeMap
    private var parser = CombinedLogParser()
    private var body: [UInt8] = []
    private var lines: [Int] = []
    private var cutCount = 0
    /// The first line of the batch that is being made.
    private var first: LogPosition
    private var next: LogPosition
    /// The range of play times so far.
    private var dueMs: ClosedRange<Int64>?

    /// Makes a builder whose first line stands at `start`.
    init(limits: BatchLimits, format: SendOptions.Format, times: TimeMap, start: LogPosition) {
        self.limits = limits
        self.format = format
        self.times = times
        first = start
        next = start
    }

    /// Events that wait for the batch to be cut.
    var count: Int { lines.count }

    /// Takes the line at the current position, which ends at `end`; `cut` gets the batches that are full now.
    mutating func add(
        _ bytes: borrowing Span<UInt8>, next end: LogPosition, cut: (SourceBatch) -> Void
    ) -> LineOutcome {
        let start = body.count
        let outcome =
            switch format {
            case .ndjson: EventLine.append(bytes, times: &times, into: &body)
            case .combined: parser.parse(bytes, times: &times, into: &body)
            }
        guard case .event(let timeMs) = outcome else {
            next = end
            return outcome
        }
        let covered = dueRange(with: timeMs)
        let isTooLong = covered.map { $0.upperBound - $0.lowerBound > limits.replaySlotMs } ?? false
        if !lines.isEmpty && (body.count > limits.maxBytes || isTooLong) {
            let event = Array(body[start...])
            body.removeSubrange(start...)
            if let batch = take() { cut(batch) }
            body = event
            dueMs = dueRange(with: timeMs)
        } else {
            dueMs = covered
        }
        lines.append(next.line)
        next = end
        if lines.count >= limits.maxEvents || body.count >= limits.maxBytes, let batch = take() { cut(batch) }
        return outcome
    }

    /// Passes over a line without an event.
    mutating func skip(next end: LogPosition) {
        if lines.isEmpty { first = end }
        next = end
    }

    /// The batch as it stands, even if not full; nil where no event waits.
    mutating func take() -> SourceBatch? {
        guard !lines.isEmpty else { return nil }
        cutCount += 1
        let batch = SourceBatch(
            body: body, lines: lines, first: first, next: next, dueMs: dueMs?.upperBound, sequence: String(cutCount))
        body = []
        body.reserveCapacity(batch.body.count + batch.body.count / 8)
        lines = []
        lines.reserveCapacity(batch.lines.count)
        first = next
        dueMs = nil
        return batch
    }

    /// Goes on at the beginning of another part; nothing may be waiting.
    mutating func begin(_ start: LogPosition) {
        precondition(lines.isEmpty, "a batch belongs to one file")
        first = start
        next = start
    }

    private func dueRange(with timeMs: Int64?) -> ClosedRange<Int64>? {
        guard case .replayed = times, let timeMs else { return dueMs }
        guard let dueMs else { return timeMs...timeMs }
        return min(dueMs.lowerBound, timeMs)...max(dueMs.upperBound, timeMs)
    }
}
