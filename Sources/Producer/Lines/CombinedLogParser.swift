/// Turns lines of an Apache or nginx access log, combined or common, into NDJSON events.
///
/// ```
/// 192.0.2.7 - ann [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 5120 "https://example.org/" "Mozilla/5.0"
/// remote_addr user ts                           method path protocol status bytes referer           user_agent
/// ```
///
/// An address and a time make an event; whatever else is missing, `-` or unreadable is left away. `path` is the request
/// target exactly as logged, query and escapes included, so that it agrees with `awk '{print $7}'`. In the other quoted
/// fields escapes are undone, except those of bytes that do not make UTF-8, which stay as logged. A request line that is
/// not one goes whole into `request`.
package struct CombinedLogParser: Sendable {
    private var unescaped: [UInt8] = []

    package init() {}

    /// Appends the event in `line` to `output`, with a line feed, or nothing if there is none.
    package mutating func parse(
        _ line: borrowing Span<UInt8>, times: inout TimeMap, into output: inout [UInt8]
    ) -> LineOutcome {
        if Self.isBlank(line) { return .blank }
        guard let address = Self.address(of: line) else { return .bad("no address at the start of the line") }
        guard let found = Self.findTime(in: line, after: address) else {
            return .bad("no readable time such as [17/May/2015:10:05:03 +0000]")
        }
        let time = times.map(found.timeMs)
        output.append(literal: "{\"ts\":")
        output.append(decimal: time)
        output.append(literal: ",\"remote_addr\":")
        output.append(jsonString: line, 0..<address)
        appendUser(line, between: address, and: found.start - 2, to: &output)
        appendTail(line, from: found.start + AccessLogTime.length + 1, to: &output)
        output.append(literal: "}\n")
        return .event(timeMs: time)
    }

    /// The time of a line as logged, nil where it has none.
    package static func timeMs(of line: borrowing Span<UInt8>) -> Int64? {
        guard let address = address(of: line) else { return nil }
        return findTime(in: line, after: address)?.timeMs
    }

    // MARK: Before the request

    private static func isBlank(_ line: borrowing Span<UInt8>) -> Bool {
        for index in 0..<line.count where line[index] != space && line[index] != 0x09 { return false }
        return true
    }

    /// Where the address ends.
    private static func address(of line: borrowing Span<UInt8>) -> Int? {
        let end = index(of: space, in: line, from: 0)
        return end > 0 && end < line.count && line[0] != UInt8(ascii: "[") ? end : nil
    }

    /// The first ` [time]` at or after `start`; user names may hold spaces and brackets.
    private static func findTime(
        in line: borrowing Span<UInt8>, after start: Int
    ) -> (start: Int, timeMs: Int64)? {
        var blank = start
        while blank + 2 + AccessLogTime.length < line.count {
            let first = blank + 2
            if line[blank + 1] == UInt8(ascii: "["),
                line[first + AccessLogTime.length] == UInt8(ascii: "]"),
                let time = AccessLogTime.parse(line, at: first)
            {
                return (first, time)
            }
            blank = index(of: space, in: line, from: blank + 1)
        }
        return nil
    }

    /// The user stands between ident and time: `addr ident user [time]`.
    private mutating func appendUser(
        _ line: borrowing Span<UInt8>, between start: Int, and end: Int, to output: inout [UInt8]
    ) {
        let ident = Self.index(of: space, in: line, from: start + 1)
        guard ident < end else { return }
        append(",\"user\":", line, (ident + 1)..<end, to: &output)
    }

    // MARK: The request and what follows it

    private mutating func appendTail(_ line: borrowing Span<UInt8>, from start: Int, to output: inout [UInt8]) {
        var next = Self.skipSpaces(line, from: start)
        guard next < line.count, line[next] == quote else { return }
        var request: Range<Int>
        (request, next) = Self.quoted(line, from: next)
        if let end = Self.endOfUnclosedRequest(line, request, next: next) {
            (request, next) = (request.lowerBound..<end, end)
        }
        appendRequest(line, request, to: &output)
        for name in [",\"status\":", ",\"bytes\":"] as [StaticString] {
            next = Self.skipSpaces(line, from: next)
            let end = Self.index(of: space, in: line, from: next)
            guard next < line.count, line[next] != quote else { break }
            Self.appendNumber(name, line, next..<end, to: &output)
            next = end
        }
        for name in [",\"referer\":", ",\"user_agent\":"] as [StaticString] {
            next = Self.skipSpaces(line, from: next)
            guard next < line.count, line[next] == quote else { return }
            let value: Range<Int>
            (value, next) = Self.quoted(line, from: next)
            append(name, line, value, to: &output)
        }
    }

    /// `METHOD target PROTOCOL`, `METHOD target` (HTTP/0.9), `-`, or anything a scanner of ports may have sent.
    private mutating func appendRequest(
        _ line: borrowing Span<UInt8>, _ request: Range<Int>, to output: inout [UInt8]
    ) {
        let methodEnd = min(Self.index(of: space, in: line, from: request.lowerBound), request.upperBound)
        let method = request.lowerBound..<methodEnd
        let targetStart = Self.skipSpaces(line, from: methodEnd)
        guard Self.isMethod(line, method), targetStart < request.upperBound else {
            append(",\"request\":", line, request, to: &output)
            return
        }
        var end = request.upperBound
        while line[end - 1] == space { end -= 1 }
        var target = targetStart..<end
        var version: Range<Int>?
        if let blank = Self.lastIndex(of: space, in: line, target), Self.isVersion(line, (blank + 1)..<end) {
            version = (blank + 1)..<end
            var targetEnd = blank
            while targetEnd > targetStart, line[targetEnd - 1] == space { targetEnd -= 1 }
            target = targetStart..<targetEnd
        }
        output.append(literal: ",\"method\":")
        output.append(jsonString: line, method)
        output.append(literal: ",\"path\":")
        output.append(jsonString: line, target)
        if let version {
            output.append(literal: ",\"protocol\":")
            output.append(jsonString: line, version)
        }
    }

    /// Where a request ends whose closing quote is missing, so that the quote found belongs to a later field:
    /// `"GET / HTTP/1.1 200 5 "-" "agent"`. Nil where the quote found is the right one.
    private static func endOfUnclosedRequest(
        _ line: borrowing Span<UInt8>, _ request: Range<Int>, next: Int
    ) -> Int? {
        let status = skipSpaces(line, from: next)
        if status < line.count, isDigit(line[status]) { return nil }
        if index(of: space, in: line, from: status) == status + 1, line[status] == UInt8(ascii: "-") { return nil }
        var blank = index(of: space, in: line, from: request.lowerBound)
        while blank < request.upperBound {
            let end = min(index(of: space, in: line, from: blank + 1), request.upperBound)
            if isVersion(line, (blank + 1)..<end), end + 3 < request.upperBound, isDigit(line[end + 1]),
                isDigit(line[end + 2]), isDigit(line[end + 3])
            {
                return end
            }
            blank = end
        }
        return nil
    }

    private static func appendNumber(
        _ name: StaticString, _ line: borrowing Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]
    ) {
        var start = range.lowerBound
        for index in range where !isDigit(line[index]) { return }
        // Nineteen digits may pass 2^63; a log has no such number, and the server would refuse the event.
        guard !range.isEmpty, range.count <= 18 else { return }
        while start + 1 < range.upperBound, line[start] == UInt8(ascii: "0") { start += 1 }
        output.append(literal: name)
        for index in start..<range.upperBound { output.append(line[index]) }
    }

    /// Appends a text field with its escapes undone; nothing where it is empty or `-`.
    private mutating func append(
        _ name: StaticString, _ line: borrowing Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]
    ) {
        if range.isEmpty || range.count == 1 && line[range.lowerBound] == UInt8(ascii: "-") { return }
        output.append(literal: name)
        guard LogEscapes.occur(in: line, range) else {
            output.append(jsonString: line, range)
            return
        }
        LogEscapes.undo(line, range, into: &unescaped)
        output.append(jsonString: unescaped.span, 0..<unescaped.count)
    }

    // MARK: Bytes

    private static func index(of byte: UInt8, in line: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < line.count, line[index] != byte { index += 1 }
        return index
    }

    private static func lastIndex(of byte: UInt8, in line: borrowing Span<UInt8>, _ range: Range<Int>) -> Int? {
        var index = range.upperBound
        while index > range.lowerBound {
            index -= 1
            if line[index] == byte { return index }
        }
        return nil
    }

    private static func skipSpaces(_ line: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < line.count, line[index] == space { index += 1 }
        return index
    }

    /// The inside of the quotes that open at `start`, and where to go on; to the end of the line if they never close.
    private static func quoted(_ line: borrowing Span<UInt8>, from start: Int) -> (inside: Range<Int>, next: Int) {
        var index = start + 1
        while index < line.count, line[index] != quote {
            index += line[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        let end = min(index, line.count)
        return ((start + 1)..<end, min(end + 1, line.count))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isMethod(_ line: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range {
            let letter = line[index] & 0xdf
            guard letter >= UInt8(ascii: "A") && letter <= UInt8(ascii: "Z") || line[index] == UInt8(ascii: "-") else {
                return false
            }
        }
        return !range.isEmpty && line[range.lowerBound] != UInt8(ascii: "-")
    }

    private static func isVersion(_ line: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        let first = range.lowerBound
        return range.count >= 6 && line[first] == UInt8(ascii: "H") && line[first + 1] == UInt8(ascii: "T")
            && line[first + 2] == UInt8(ascii: "T") && line[first + 3] == UInt8(ascii: "P")
            && line[first + 4] == UInt8(ascii: "/") && isDigit(line[first + 5])
    }
}

private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
