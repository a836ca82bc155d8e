/// Cuts a stream of bytes into lines, however the bytes arrive, in bounded memory.
///
/// A line ends at a line feed; a carriage return before it is no part of the line. Of a line longer than the limit only the
/// length is kept.
package struct LineSplitter: Sendable {
    /// What the splitter hands out, without its line end.
    package enum Piece: Sendable, Equatable {
        /// Where the line's bytes are in the span that comes with it.
        case line(Range<Int>)
        case tooLong
    }

    /// Longer lines are reported as `tooLong`, in bytes without the line end.
    package let maxLineBytes: Int
    /// Bytes of the stream up to the end of the last line handed out.
    package private(set) var offset: Int
    private var rest: [UInt8] = []
    /// Bytes of the unfinished line that were thrown away because it is too long already.
    private var discarded = 0

    /// - Parameters:
    ///   - maxLineBytes: at least 1.
    ///   - offset: where in its file the stream begins.
    package init(maxLineBytes: Int, offset: Int = 0) {
        precondition(maxLineBytes > 0, "a line needs room")
        self.maxLineBytes = maxLineBytes
        self.offset = offset
    }

    /// Whether bytes wait for the rest of their line.
    package var hasUnfinishedLine: Bool { !rest.isEmpty || discarded > 0 }

    /// Takes more bytes and calls `body` for each line that is complete now, with the offset behind it.
    ///
    /// When `body` returns false, which is also what this returns then, the bytes behind that line are forgotten.
    package mutating func feed(
        _ chunk: borrowing Span<UInt8>, _ body: (borrowing Span<UInt8>, Piece, _ end: Int) -> Bool
    ) -> Bool {
        var start = 0
        for index in 0..<chunk.count where chunk[index] == UInt8(ascii: "\n") {
            guard deliver(chunk, start..<index, lineFeed: 1, body) else { return false }
            start = index + 1
        }
        keep(chunk, start..<chunk.count)
        return true
    }

    /// Hands out what has no line feed at the end of the stream.
    package mutating func finish(_ body: (borrowing Span<UInt8>, Piece, _ end: Int) -> Bool) -> Bool {
        guard hasUnfinishedLine else { return true }
        let none: [UInt8] = []
        return deliver(none.span, 0..<0, lineFeed: 0, body)
    }

    private mutating func deliver(
        _ chunk: borrowing Span<UInt8>, _ range: Range<Int>, lineFeed: Int,
        _ body: (borrowing Span<UInt8>, Piece, _ end: Int) -> Bool
    ) -> Bool {
        if !hasUnfinishedLine {
            offset += range.count + lineFeed
            let line = Self.withoutCarriageReturn(chunk, range)
            return body(chunk, line.count > maxLineBytes ? .tooLong : .line(line), offset)
        }
        offset += discarded + rest.count + range.count + lineFeed
        keep(chunk, range)
        defer {
            rest.removeAll(keepingCapacity: true)
            discarded = 0
        }
        let line = Self.withoutCarriageReturn(rest.span, 0..<rest.count)
        return body(rest.span, discarded > 0 || line.count > maxLineBytes ? .tooLong : .line(line), offset)
    }

    private mutating func keep(_ chunk: borrowing Span<UInt8>, _ range: Range<Int>) {
        // One byte more than allowed may wait: it may be a carriage return.
        if discarded > 0 || rest.count + range.count > maxLineBytes + 1 {
            discarded += rest.count + range.count
            rest.removeAll(keepingCapacity: true)
        } else {
            for index in range { rest.append(chunk[index]) }
        }
    }

    private static func withoutCarriageReturn(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        guard let last = range.last, bytes[last] == UInt8(ascii: "\r") else { return range }
        return range.lowerBound..<last
    }
}
