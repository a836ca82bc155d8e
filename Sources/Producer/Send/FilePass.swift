internal import Service

/// Reads one file from its beginning to its end, to the moment it begins anew, or until nobody wants more.
struct FilePass {
    enum Result {
        case end
        case stopped
        /// The followed file was truncated or replaced.
        case beginsAnew
    }

    private let reader: LogReader
    private(set) var builder: BatchBuilder
    private var splitter: LineSplitter
    private var line = 1
    private var part = 0
    /// What the ledger has not been told yet.
    private var unreportedLines = 0
    private var offset = 0
    private var reportedOffset = 0
    /// Since when an event waits for its batch to be cut.
    private var waitingSinceNs: UInt64?

    init(reader: LogReader, builder: BatchBuilder) {
        self.reader = reader
        self.builder = builder
        splitter = LineSplitter(maxLineBytes: reader.options.maxLineBytes)
    }

    mutating func read(_ input: borrowing LogInput, part: Int) throws -> Result {
        self.part = part
        splitter = LineSplitter(maxLineBytes: reader.options.maxLineBytes)
        line = 1
        offset = 0
        reportedOffset = 0
        builder.begin(LogPosition(part: part, line: 1, offset: 0))

        let follows = reader.options.follow && input.isRegular
        var buffer = [UInt8](repeating: 0, count: LogReader.chunkBytes)
        var position = 0
        var looksSinceReplaced = 0
        while true {
            if reader.handoff.isStopped { return .stopped }
            if isDue, !cut() { return .stopped }
            if !input.isRegular, !reader.handoff.wakePipe.wait(for: input.descriptor, timeout: untilDue) { continue }
            let count = try input.read(into: &buffer)
            if count > 0 {
                if position == 0, count > 2, buffer[0] == 0x1f, buffer[1] == 0x8b {
                    throw SourceError(detail: "\(input.name) is compressed: zcat it and pipe that into weir send")
                }
                position += count
                guard take(buffer.span.extracting(0..<count)) else { return .stopped }
                continue
            }
            guard follows else { return finish() ? .end : .stopped }
            reader.ledger.withLock { $0.enter(.following) }
            switch input.change(afterReading: position) {
            case .none: break
            case .truncated:
                reader.onNotice(.truncated(file: input.name))
                return cut() ? .beginsAnew : .stopped
            case .replaced:
                // Writers go on with the old file until they are told to open it again: give them a few looks more.
                looksSinceReplaced += 1
                if looksSinceReplaced > 3 {
                    reader.onNotice(.rotated(file: input.name))
                    return finish() ? .beginsAnew : .stopped
                }
            }
            _ = reader.handoff.wakePipe.wait(timeout: min(LogReader.followInterval, untilDue ?? .seconds(1)))
        }
    }

    private mutating func finish() -> Bool {
        // `finish` and the closure both change this value, so the splitter steps aside for the call.
        var splitter = splitter
        defer { self.splitter = splitter }
        let goesOn = splitter.finish { span, piece, end in add(span, piece, end: end) }
        report()
        return goesOn && cut()
    }

    private mutating func take(_ chunk: borrowing Span<UInt8>) -> Bool {
        var splitter = splitter
        self.splitter = LineSplitter(maxLineBytes: 1)
        defer { self.splitter = splitter }
        let goesOn = splitter.feed(chunk) { span, piece, end in add(span, piece, end: end) }
        report()
        if builder.count == 0 {
            waitingSinceNs = nil
        } else if waitingSinceNs == nil {
            waitingSinceNs = reader.time.monotonicNs()
        }
        return goesOn
    }

    /// Takes one line; false where nobody wants more.
    private mutating func add(_ span: borrowing Span<UInt8>, _ piece: LineSplitter.Piece, end: Int) -> Bool {
        defer { line += 1 }
        unreportedLines += 1
        offset = end
        let here = LogPosition(part: part, line: line, offset: 0)
        let next = LogPosition(part: part, line: line + 1, offset: end)
        let options = reader.options
        if part == 0, line < options.fromLine || options.skipLines.contains(where: { $0.contains(line) }) {
            builder.skip(next: next)
            return true
        }
        guard case .line(let range) = piece else {
            builder.skip(next: next)
            bad(here, "longer than \(options.maxLineBytes) bytes")
            return true
        }
        var full: [SourceBatch] = []
        let outcome = builder.add(span.extracting(range), next: next) { full.append($0) }
        if case .bad(let reason) = outcome { bad(here, reason) }
        for batch in full {
            waitingSinceNs = nil
            guard hand(batch) else { return false }
        }
        return true
    }

    private func bad(_ position: LogPosition, _ reason: String) {
        if let told = reader.ledger.withLock({ $0.bad(position, reason) }) { reader.onNotice(.failedLine(told)) }
    }

    // MARK: Batches

    private mutating func report() {
        reader.ledger.withLock { $0.read(lines: unreportedLines, bytes: offset - reportedOffset) }
        unreportedLines = 0
        reportedOffset = offset
    }

    private mutating func hand(_ batch: SourceBatch) -> Bool {
        report()
        reader.ledger.withLock { $0.cut(batch) }
        return reader.handoff.put(batch)
    }

    private mutating func cut() -> Bool {
        waitingSinceNs = nil
        guard let batch = builder.take() else { return true }
        return hand(batch)
    }

    /// How long the waiting events may wait on; nil where none wait.
    private var untilDue: Duration? {
        waitingSinceNs.map { since in
            reader.options.batch.maxDelay - .nanoseconds(reader.time.monotonicNs() - since)
        }
    }

    private var isDue: Bool { untilDue.map { $0 <= .zero } ?? false }
}
