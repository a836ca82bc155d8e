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
                take(bytes, start..<end, line, receivedMs, &packed)
                start = end + 1
            }
        case .json:
            var elements = JSONElements(bytes)
            while let element = elements.next(bytes) { take(bytes, element, elements.count, receivedMs, &packed) }
            if let error = elements.error { reject(elements.count + 1, error, &packed) }
        }
        return packed
    }

    private mutating func take(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ line: Int, _ receivedMs: Int64, _ packed: inout Packed
    ) {
        let range = Self.trimmed(bytes, range)
        if range.isEmpty { return }
        guard range.count <= Self.maxBytesPerEntry - 1 else {
            return reject(line, "an event may have at most 64 KiB; this one has \(range.count) bytes", &packed)
        }
        do throws(EventError) {
            try scanner.scan(bytes, range, into: &event)
        } catch {
            return reject(line, error.description, &packed)
        }
        if event.isPresent(FieldTable.timeSlot) {
            guard let atMs = EventTime.parse(event, in: bytes) else {
                let hint = "as in 2026-11-23T10:00:00.123Z"
                return reject(line, "ts must be RFC 3339, \(hint), or milliseconds since 1970", &packed)
            }
            if atMs > receivedMs + futureMs {
                return reject(line, "ts is more than 5 minutes ahead of the server's clock", &packed)
            }
            if atMs < receivedMs - lateMs {
                return reject(line, "ts is too old: events are taken for \(lateMs / 3_600_000) hours", &packed)
            }
        }
        add(bytes, range, &packed)
    }

    private func add(_ bytes: Span<UInt8>, _ range: Range<Int>, _ packed: inout Packed) {
        packed.accepted += 1
        let last = packed.entries.count - 1
        if last < 0 || packed.entries[last].eventCount >= Self.maxEventsPerEntry
            || packed.entries[last].ndjson.count + range.count + 1 > Self.maxBytesPerEntry
        {
            packed.entries.append(.init(ndjson: [], eventCount: 0))
        }
        let place = packed.entries.count - 1
        packed.entries[place].eventCount += 1
        for index in range {
            // Inside an object of an array a line feed may stand between members, where a blank does as well.
            let byte = bytes[index]
            packed.entries[place].ndjson.append(byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte)
        }
        packed.entries[place].ndjson.append(UInt8(ascii: "\n"))
    }

    private func reject(_ line: Int, _ error: String, _ packed: inout Packed) {
        packed.rejected += 1
        if packed.errors.count < Self.maxErrors { packed.errors.append((line, error)) }
    }

    private static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0D || byte == 0x09 || byte == 0x0A }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end && isBlank(bytes[start]) { start += 1 }
        while end > start && isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }
}
