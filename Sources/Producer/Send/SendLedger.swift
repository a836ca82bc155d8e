internal import Service

/// Where a run that ended early is to go on.
package struct ResumePoint: Sendable, Equatable {
    /// The file, and those that were to follow it.
    package let files: [String]
    /// The first line whose event was not answered with "accepted", counted from 1.
    package let line: Int
    /// Where that line begins, in bytes.
    package let offset: Int
    /// Later lines of that file that are in already.
    package let skip: [ClosedRange<Int>]
    /// By how much times were moved, for `--shift-by`; nil where they were not.
    package let shiftMs: Int64?

    /// The flags and files with which `weir send` goes on: `--from-line 4001 --skip-lines 6001-8000 access.log`.
    package var arguments: [String] {
        var arguments = ["--from-line", String(line)]
        if !skip.isEmpty {
            arguments += ["--skip-lines", skip.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")]
        }
        if let shiftMs { arguments += ["--shift-by", String(shiftMs)] }
        return arguments + files
    }
}

/// A line that did not become a counted event.
package struct FailedLine: Sendable, Equatable {
    package let file: String
    /// Counted from 1.
    package let line: Int
    package let reason: String
}

/// The books of one run: what was read, what is under way, what is done. For the reader's thread and the senders' tasks.
struct SendLedger: Sendable {
    /// So many failed lines are told one by one.
    static let toldLines = 20

    private(set) var progress = SendProgress()
    private(set) var failedLines: [FailedLine] = []
    /// By how much times were moved.
    private(set) var shiftMs: Int64?
    /// The file of each part, in order.
    private var parts: [String] = []
    /// Batches cut and not accepted yet.
    private var outstanding: [LogPosition: LogPosition] = [:]
    /// Batches accepted while an earlier one is outstanding.
    private var ahead: [LogPosition: LogPosition] = [:]
    private var cut = LogPosition(part: 0, line: 1, offset: 0)

    // MARK: The reader

    mutating func begin(part: Int, file: String, at position: LogPosition) {
        if part == parts.count { parts.append(file) }
        cut = position
    }

    /// Whether every batch that was cut is answered.
    var isSettled: Bool { outstanding.isEmpty }

    mutating func enter(_ phase: SendProgress.Phase) { progress.phase = phase }

    mutating func expect(totalBytes: Int?) { progress.totalBytes = totalBytes }

    mutating func shift(byMs: Int64) { shiftMs = byMs }

    mutating func read(lines: Int, bytes: Int) {
        progress.lines += lines
        progress.bytes += bytes
    }

    /// - Returns: the failure if it is among those to be told.
    mutating func bad(_ position: LogPosition, _ reason: String) -> FailedLine? {
        progress.bad += 1
        return tell(position, reason)
    }

    mutating func cut(_ batch: SourceBatch) {
        outstanding[batch.first] = batch.next
        cut = batch.next
    }

    // MARK: The senders

    /// - Returns: the failures among those to be told.
    mutating func answered(_ batch: SourceBatch, _ answer: IngestAnswer) -> [FailedLine] {
        progress.accepted += answer.accepted
        progress.rejected += answer.rejected
        close(batch)
        return answer.errors.compactMap { error in
            guard batch.lines.indices.contains(error.line - 1) else { return nil }
            return tell(
                LogPosition(part: batch.first.part, line: batch.lines[error.line - 1], offset: 0), error.reason)
        }
    }

    /// Books a batch that is sent in two halves instead.
    mutating func halved(_ batch: SourceBatch, _ first: SourceBatch, _ second: SourceBatch) {
        outstanding[batch.first] = nil
        outstanding[first.first] = first.next
        outstanding[second.first] = second.next
    }

    mutating func trouble(_ detail: String?) { progress.trouble = detail }

    /// The first place from which on not everything is in; `isWhole` says that the reader has come to its end.
    func resumePoint(files: [String], isWhole: Bool) -> ResumePoint? {
        let start: LogPosition
        if let oldest = outstanding.keys.min() {
            start = oldest
        } else if isWhole {
            return nil
        } else {
            start = cut
        }
        let file = start.part < parts.count ? parts[start.part] : files.first ?? "-"
        // A followed file is one name with many parts; otherwise part n is file n.
        let rest = files.count > 1 ? Array(files.dropFirst(start.part)) : [file]
        var skip: [ClosedRange<Int>] = []
        for (first, next) in ahead.sorted(by: { $0.key < $1.key })
        where first > start && first.part == start.part && next.part == start.part && next.line > first.line {
            if let last = skip.last, last.upperBound + 1 == first.line {
                skip[skip.count - 1] = last.lowerBound...(next.line - 1)
            } else {
                skip.append(first.line...(next.line - 1))
            }
        }
        return ResumePoint(files: rest, line: start.line, offset: start.offset, skip: skip, shiftMs: shiftMs)
    }

    private mutating func close(_ batch: SourceBatch) {
        outstanding[batch.first] = nil
        ahead[batch.first] = batch.next
        guard let oldest = outstanding.keys.min() else {
            ahead.removeAll(keepingCapacity: true)
            return
        }
        ahead = ahead.filter { $0.key > oldest }
    }

    private mutating func tell(_ position: LogPosition, _ reason: String) -> FailedLine? {
        guard failedLines.count < Self.toldLines else { return nil }
        let file = position.part < parts.count ? parts[position.part] : "-"
        let line = FailedLine(file: file, line: position.line, reason: reason)
        failedLines.append(line)
        return line
    }
}
