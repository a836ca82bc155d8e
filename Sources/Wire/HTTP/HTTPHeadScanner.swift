/// Finds the end of a message's head, and goes on where it stopped when more bytes have come.
struct HTTPHeadScanner {
    private var scanned = 0
    private var lineStart = 0
    /// Where the start line ends, once it has.
    private(set) var startLineEnd: Int?

    /// The length of the head with its empty last line, or nil where `bytes` (all received of it so far) do not hold it yet.
    mutating func end(in bytes: Span<UInt8>) -> Int? {
        while let newline = bytes.firstIndex(of: ASCII.lf, from: scanned) {
            scanned = newline + 1
            let length = newline - lineStart
            lineStart = newline + 1
            if length == 0 || length == 1 && bytes[newline - 1] == ASCII.cr { return newline + 1 }
            if startLineEnd == nil { startLineEnd = newline }
        }
        scanned = bytes.count
        return nil
    }
}

/// Splits a complete head into its start line and fields.
///
/// Strict where leniency lets two parsers see different messages: lines end in CRLF, names are tokens with the colon right
/// after them, no line is folded, values hold no control characters.
struct HTTPHeadLines {
    let startLine: Range<Int>
    private(set) var slices: [HTTPFields.Slice] = []

    init(_ bytes: [UInt8], maxFields: Int) throws(HTTPParseError) {
        var line = try HTTPHeadLines.line(bytes, from: 0)
        startLine = line
        slices.reserveCapacity(16)
        while true {
            line = try HTTPHeadLines.line(bytes, from: line.upperBound + 2)
            if line.isEmpty { return }
            guard slices.count < maxFields else { throw HTTPParseError(.headTooLarge, "Too many header fields.") }
            slices.append(try HTTPHeadLines.field(bytes, line))
        }
    }

    private static func line(_ bytes: [UInt8], from start: Int) throws(HTTPParseError) -> Range<Int> {
        var index = start
        while index < bytes.count, bytes[index] != ASCII.cr, bytes[index] != ASCII.lf { index += 1 }
        guard index + 1 < bytes.count, bytes[index] == ASCII.cr, bytes[index + 1] == ASCII.lf else {
            throw HTTPParseError(.badRequest, "Lines of the head must end in CR LF.")
        }
        return start..<index
    }

    private static func field(_ bytes: [UInt8], _ line: Range<Int>) throws(HTTPParseError) -> HTTPFields.Slice {
        var colon = line.lowerBound
        while colon < line.upperBound, ASCII.isToken(bytes[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == ASCII.colon else {
            throw HTTPParseError(.badRequest, "A header field has no valid name, or no colon right after it.")
        }
        let value = ASCII.trimmed(bytes, colon + 1..<line.upperBound)
        for index in value where !ASCII.isFieldText(bytes[index]) {
            throw HTTPParseError(.badRequest, "A header field holds a control character.")
        }
        return HTTPFields.Slice(name: line.lowerBound..<colon, value: value)
    }
}

extension Span<UInt8> {
    /// The first place of `byte` at or after `start`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        var index = start
        while index < count {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }
}
