internal import Service

/// Why the lines of a source cannot be read, in words for the user.
package struct SourceError: Error, Sendable, Equatable {
    package let detail: String
}

/// Reads files or standard input, makes batches, and hands them over; the work of one thread.
///
/// Memory is bounded: one chunk, one line, one batch, and what the handoff holds. While the handoff is full nothing is read.
struct LogReader: Sendable {
    static let chunkBytes = 256 << 10
    /// How often the end of a growing file is looked at.
    static let followInterval = Duration.milliseconds(100)

    let options: SendOptions
    let handoff: Handoff<SourceBatch>
    let ledger: Lock<SendLedger>
    let time: TimeSource
    let onNotice: @Sendable (SendNotice) -> Void

    /// Reads everything; returns at the end of the last file, or soon after the takers have stopped.
    func run() throws(SourceError) {
        do {
            let files = options.files.isEmpty ? ["-"] : options.files
            if !options.follow { expect(files) }
            let times = try times(files)
            if handoff.isStopped { return }
            let start = LogPosition(part: 0, line: 1, offset: 0)
            var builder = BatchBuilder(limits: options.batch, format: options.format, times: times, start: start)
            var part = 0
            for file in files {
                guard try read(file, part: &part, builder: &builder) else { return }
                part += 1
                if part < files.count { waitUntilSettled() }
            }
        } catch let error as SystemError {
            throw SourceError(detail: error.description)
        } catch let error as SourceError {
            throw error
        } catch {
            throw SourceError(detail: "\(error)")
        }
    }

    /// Waits until all of a file is answered, so that an early end leaves one file to go on with, not several.
    private func waitUntilSettled() {
        while !handoff.isStopped, !ledger.withLock({ $0.isSettled }) { _ = handoff.wakePipe.wait() }
    }

    private func expect(_ files: [String]) {
        let sizes = files.map { $0 == "-" ? nil : LogInput.size(ofFile: $0) }
        let known = sizes.compactMap(\.self)
        ledger.withLock { $0.expect(totalBytes: known.count == sizes.count ? known.reduce(0, +) : nil) }
    }

    // MARK: Times

    private func times(_ files: [String]) throws -> TimeMap {
        switch options.timeChange {
        case .none: return .asLogged
        case .shift(let byMs):
            ledger.withLock { $0.shift(byMs: byMs) }
            return .shifted(byMs: byMs)
        case .replay(let speed): return .replayed(speed: speed, startMs: time.wallMs(), originMs: nil)
        case .shiftToNow:
            guard let newestMs = try newestTime(files) else { return .asLogged }
            let byMs = time.wallMs() - newestMs
            ledger.withLock { $0.shift(byMs: byMs) }
            onNotice(.shifted(byMs: byMs))
            return .shifted(byMs: byMs)
        }
    }

    /// The newest time in all files. Logs are not quite in order, so the last line alone would not do: what follows it in
    /// time would land in the future, where the server refuses it.
    private func newestTime(_ files: [String]) throws -> Int64? {
        ledger.withLock { $0.enter(.lookingForNewestTime) }
        defer { ledger.withLock { $0.enter(.sending) } }
        var newest: Int64?
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        for file in files {
            let input = try LogInput(path: file, standardInput: options.standardInput)
            guard input.isRegular else {
                throw SourceError(
                    detail: "--shift-to-now reads its files twice, and \(input.name) can be read only once")
            }
            var splitter = LineSplitter(maxLineBytes: options.maxLineBytes)
            let look = { (span: borrowing Span<UInt8>, piece: LineSplitter.Piece, _: Int) -> Bool in
                guard case .line(let range) = piece else { return true }
                let line = span.extracting(range)
                let found =
                    options.format == .combined ? CombinedLogParser.timeMs(of: line) : EventLine.timeMs(of: line)
                if let found { newest = max(newest ?? found, found) }
                return true
            }
            while !handoff.isStopped {
                let count = try input.read(into: &buffer)
                if count == 0 { break }
                _ = splitter.feed(buffer.span.extracting(0..<count), look)
            }
            _ = splitter.finish(look)
        }
        return newest
    }

    // MARK: Lines

    /// Reads one file to its end, or for ever where it is followed; false once the takers have stopped.
    private func read(_ file: String, part: inout Int, builder: inout BatchBuilder) throws -> Bool {
        var pass = FilePass(reader: self, builder: builder)
        defer { builder = pass.builder }
        while true {
            let start = LogPosition(part: part, line: 1, offset: 0)
            ledger.withLock { $0.begin(part: part, file: file, at: start) }
            let input = try LogInput(path: file, standardInput: options.standardInput)
            switch try pass.read(input, part: part) {
            case .end: return true
            case .stopped: return false
            case .beginsAnew: part += 1
            }
        }
    }
}
