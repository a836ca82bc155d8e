internal import Analytics
internal import Wire

/// Cuts the body of a request into events, checks each, and packs the good ones into stream entries.
struct EventPacker {
    /// How a body is written.
    enum Format {
        /// One JSON object a line.
        case lines
        /// One JSON object, or an array of them.
        case json
    }

    struct Packed {
        var entries: [AppendGroup.Entry] = []
        var accepted = 0
        var rejected = 0
        /// The first of them, with their line or, in an array, their place; counted from 1.
        var errors: [(line: Int, error: String)] = []
    }

    static let maxErrors = 20
    static let maxEventsPerEntry = 500
    static let maxBytesPerEntry = 64 * 1024

    private var scanner: EventScanner
    private var event: EventFields
    private let lateMs: Int64
    private let futureMs: Int64

    /// - Parameters:
    ///   - lateMs: older events are refused.
    ///   - futureMs: events further ahead are refused.
    init(lateMs: Int64, futureMs: Int64 = 300_000) {
        // The time is all that is looked at here; the worker reads the rest.
        let table = FieldTable()
        scanner = EventScanner(table: table)
        event = EventFields(slots: table.names.count)
        self.lateMs = lateMs
        self.futureMs = futureMs
    }

    mutating func pack(_ body: [UInt8], _ format: Format, receivedMs: Int64) -> Packed {
        var packed = Packed()
        let bytes = body.span
        switch format {
        case .lines:
            var start = 0
            var line = 0
            while start < bytes.count {
                var end = start
                while end < bytes.count && bytes[end] != UInt8(ascii: "\n") { end += 1 }
                line += 1
                take(body, start..<end, line, receivedMs, &packed)
                start = end + 1
            }
        case .json:
            var elements = JSONElements(bytes)
            while let element = elements.next(bytes) {
                if !take(body, element, elements.count, receivedMs, &packed), elements.isArray {
                    reject(elements.count, "expected a JSON object before the comma or the end of the array", &packed)
                }
            }
            if let error = elements.error { reject(elements.count + 1, error, &packed) }
        }
        return packed
    }

    /// Checks one event and keeps it where it is good; false where there is none but blanks.
    @discardableResult
    private mutating func take(
        _ body: [UInt8], _ range: Range<Int>, _ line: Int, _ receivedMs: Int64, _ packed: inout Packed
    ) -> Bool {
        let range = Self.trimmed(body.span, range)
        if range.isEmpty { return false }
        if let error = check(body.span, range, receivedMs) {
            reject(line, error, &packed)
        } else {
            add(body[range], &packed)
        }
        return true
    }

    /// Why an event cannot be taken; nil where it can.
    private mutating func check(_ bytes: Span<UInt8>, _ range: Range<Int>, _ receivedMs: Int64) -> String? {
        guard range.count <= Self.maxBytesPerEntry - 1 else {
            return "an event may have at most 64 KiB; this one has \(range.count) bytes"
        }
        do throws(EventError) {
            try scanner.scan(bytes, range, into: &event)
        } catch {
            return error.description
        }
        if event.isPresent(FieldTable.timeSlot) {
            guard let atMs = EventTime.parse(event, in: bytes) else {
                return "ts must be RFC 3339, as in 2026-11-23T10:00:00.123Z, or milliseconds since 1970"
            }
            if atMs > receivedMs + futureMs {
                return "ts is more than \(Self.inWords(futureMs)) ahead of the server's clock"
            }
            if atMs < receivedMs - lateMs {
                return "ts is more than \(Self.inWords(lateMs)) old; older events are not taken"
            }
        }
        return nil
    }

    private func add(_ event: ArraySlice<UInt8>, _ packed: inout Packed) {
        packed.accepted += 1
        let last = packed.entries.count - 1
        if last < 0 || packed.entries[last].eventCount >= Self.maxEventsPerEntry
            || packed.entries[last].ndjson.count + event.count + 1 > Self.maxBytesPerEntry
        {
            packed.entries.append(.init(ndjson: [], eventCount: 0))
        }
        let place = packed.entries.count - 1
        packed.entries[place].eventCount += 1
        let start = packed.entries[place].ndjson.count
        packed.entries[place].ndjson.append(contentsOf: event)
        // Inside an object of an array a line feed may stand between members, where a blank does as well.
        for index in start..<packed.entries[place].ndjson.count
        where packed.entries[place].ndjson[index] == UInt8(ascii: "\n") {
            packed.entries[place].ndjson[index] = UInt8(ascii: " ")
        }
        packed.entries[place].ndjson.append(UInt8(ascii: "\n"))
    }

    private func reject(_ line: Int, _ error: String, _ packed: inout Packed) {
        packed.rejected += 1
        if packed.errors.count < Self.maxErrors { packed.errors.append((line, error)) }
    }

    /// `7 days`, `5 minutes`: the greatest unit in which it is a whole number.
    private static func inWords(_ ms: Int64) -> String {
        for (name, unit) in [("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)] as [(String, Int64)]
        where ms >= unit && ms % unit == 0 {
            return ms == unit ? "1 \(name)" : "\(ms / unit) \(name)s"
        }
        return "\(ms / 1_000) s"
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0D || byte == 0x09 || byte == 0x0A }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end && isBlank(bytes[start]) { start += 1 }
        while end > start && isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }
}
