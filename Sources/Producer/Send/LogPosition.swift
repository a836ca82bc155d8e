/// A place between two lines of what is sent.
package struct LogPosition: Sendable, Comparable, Hashable {
    /// Files read before, counting a rotated or truncated file once for each time it began anew.
    package var part: Int
    /// The line that comes next, counted from 1.
    package var line: Int
    /// Where that line begins, in bytes.
    package var offset: Int

    package static func < (left: LogPosition, right: LogPosition) -> Bool {
        (left.part, left.line) < (right.part, right.line)
    }
}

/// Lines on their way from a file to the server.
struct SourceBatch: Sendable, Equatable {
    /// NDJSON.
    var body: [UInt8]
    /// The number, in its file, of the line behind each event.
    var lines: [Int]
    /// The first line covered, an event or not.
    var first: LogPosition
    /// The line after the last one covered.
    var next: LogPosition
    /// In a replay, when the batch is due, in milliseconds since 1970.
    var dueMs: Int64?
    /// Part of the idempotency key: tells the batches of one run apart.
    var sequence: String

    /// Two batches of half as many events; nil where there is but one.
    func halves() -> (SourceBatch, SourceBatch)? {
        guard lines.count > 1 else { return nil }
        let middle = lines.count / 2
        var end = 0
        for _ in 0..<middle { end = (body[end...].firstIndex(of: UInt8(ascii: "\n")) ?? body.count - 1) + 1 }
        // Where the second half begins in the file is not known any more, and only its line matters.
        let border = LogPosition(part: first.part, line: lines[middle], offset: first.offset)
        return (
            SourceBatch(
                body: Array(body[..<end]), lines: Array(lines[..<middle]), first: first, next: border, dueMs: dueMs,
                sequence: sequence + "a"),
            SourceBatch(
                body: Array(body[end...]), lines: Array(lines[middle...]), first: border, next: next, dueMs: dueMs,
                sequence: sequence + "b")
        )
    }
}
