internal import Analytics

/// NDJSON events on their way through: found out when they happened, and given another time.
///
/// Only what is needed for that is looked at. A line that is no JSON object goes on as it is, so that the server, which
/// checks everything, is the one to refuse it.
package enum EventLine {
    /// Appends `line` to `output` with a line feed, its `ts` mapped.
    ///
    /// An event without a readable `ts` is not changed: the server gives it the time of receipt, or refuses it.
    package static func append(
        _ line: borrowing Span<UInt8>, times: inout TimeMap, into output: inout [UInt8]
    ) -> LineOutcome {
        var start = 0
        var end = line.count
        while start < end, isBlank(line[start]) { start += 1 }
        while end > start, isBlank(line[end - 1]) { end -= 1 }
        guard start < end else { return .blank }
        var time: Int64?
        if !times.keepsTimes, let found = timestamp(of: line), let foundMs = found.timeMs {
            let mapped = times.map(foundMs)
            for index in start..<found.range.lowerBound { output.append(line[index]) }
            output.append(decimal: mapped)
            start = found.range.upperBound
            time = mapped
        }
        for index in start..<end { output.append(line[index]) }
        output.append(UInt8(ascii: "\n"))
        return .event(timeMs: time)
    }

    /// The event's `ts` in milliseconds since 1970, nil where it has none that can be read.
    package static func timeMs(of line: borrowing Span<UInt8>) -> Int64? { timestamp(of: line)?.timeMs }

    /// Where the value of the object's own `ts` stands, and what it says.
    private static func timestamp(of line: borrowing Span<UInt8>) -> (range: Range<Int>, timeMs: Int64?)? {
        var next = skipBlanks(line, 0)
        guard next < line.count, line[next] == UInt8(ascii: "{") else { return nil }
        next = skipBlanks(line, next + 1)
        while next < line.count, line[next] == quote {
            guard let keyEnd = endOfString(line, next) else { return nil }
            let isTime =
                keyEnd - next == 4 && line[next + 1] == UInt8(ascii: "t") && line[next + 2] == UInt8(ascii: "s")
            next = skipBlanks(line, keyEnd)
            guard next < line.count, line[next] == UInt8(ascii: ":") else { return nil }
            next = skipBlanks(line, next + 1)
            guard let end = endOfValue(line, next) else { return nil }
            if isTime { return (next..<end, time(line, next..<end)) }
            next = skipBlanks(line, end)
            guard next < line.count, line[next] == UInt8(ascii: ",") else { return nil }
            next = skipBlanks(line, next + 1)
        }
        return nil
    }

    private static func time(_ line: borrowing Span<UInt8>, _ range: Range<Int>) -> Int64? {
        guard !range.isEmpty else { return nil }
        let isText = line[range.lowerBound] == quote
        return EventTime.parse(copy line, isText ? (range.lowerBound + 1)..<(range.upperBound - 1) : range)
    }

    private static func endOfValue(_ line: borrowing Span<UInt8>, _ start: Int) -> Int? {
        var depth = 0
        var index = start
        while index < line.count {
            switch line[index] {
            case quote:
                guard let end = endOfString(line, index) else { return nil }
                index = end
                if depth == 0 { return index }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ",") where depth == 0: return index
            case let byte where depth == 0 && isBlank(byte): return index
            default: break
            }
            index += 1
        }
        return nil
    }

    /// The index behind the closing quote of the string that opens at `start`.
    private static func endOfString(_ line: borrowing Span<UInt8>, _ start: Int) -> Int? {
        var index = start + 1
        while index < line.count {
            if line[index] == quote { return index + 1 }
            index += line[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private static func skipBlanks(_ line: borrowing Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < line.count, isBlank(line[index]) { index += 1 }
        return index
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    private static let quote = UInt8(ascii: "\"")
}
