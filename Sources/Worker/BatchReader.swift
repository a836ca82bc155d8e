package import Analytics
internal import Wire

/// Turns log entries into what a batch adds: events counted, entries that cannot be counted set aside.
package struct BatchReader: Sendable {
    /// Limits for event times, relative to when an event was received.
    package struct Limits: Sendable {
        /// Older events are refused, ms.
        package var lateMs: Int64 = 7 * 86_400_000
        /// Events further ahead are refused, ms.
        package var futureMs: Int64 = 300_000

        package init() {}
    }

    /// What the entries read so far add, but for the buckets.
    package struct Side: Sendable {
        /// The last entry read.
        package var last: StreamID
        package var newestMs: Int64 = 0
        package var eventCount = 0
        package var refused: [AppliedBatch.Refused] = []
        package var books: [Int64: AppliedBatch.Books] = [:]
    }

    package static let maxRefusedBytes = 4096

    package var aggregator: BatchAggregator
    private let limits: Limits
    private var scanner: EventScanner
    private var event: EventFields
    /// The values of a plain entry, one behind the other, as the event's bytes.
    private var plain: [UInt8] = []
    package private(set) var side: Side

    package init(definitions: Definitions, series: [SeriesKey], cursor: StreamID, limits: Limits) {
        aggregator = BatchAggregator(definitions: definitions)
        for key in series { aggregator.addKnown(key) }
        scanner = EventScanner(table: aggregator.table)
        event = EventFields(slots: aggregator.table.names.count)
        self.limits = limits
        side = Side(last: cursor)
    }

    /// No entry has been read since the last `take`.
    package var isEmpty: Bool { side.books.isEmpty }

    /// What was read since the last call.
    package mutating func take() -> (deltas: [BatchAggregator.Delta], side: Side) {
        defer { side = Side(last: side.last) }
        return (aggregator.take(), side)
    }

    /// Reads one entry; whatever is wrong with it is set aside.
    package mutating func read(_ entry: LogEntry) {
        side.last = entry.id
        let field = { (name: StaticString) -> [UInt8]? in
            var place = 0
            while place + 1 < entry.fields.count {
                if entry.fields[place].elementsEqual(name.description.utf8) { return entry.fields[place + 1] }
                place += 2
            }
            return nil
        }
        if let batch = field("batch") {
            let received = field("received").flatMap { EventTime.parse($0.span, 0..<$0.count) }
            readLines(batch, id: entry.id, receivedMs: received ?? Self.received(entry.id))
        } else {
            readPlain(entry)
        }
    }

    private mutating func readLines(_ lines: [UInt8], id: StreamID, receivedMs: Int64) {
        var start = 0
        while start < lines.count {
            let end = lines[start...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count
            if lines[start..<end].contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) {
                do throws(EventError) {
                    try scanner.scan(lines.span, start..<end, into: &event)
                    count(lines.span, id: id, receivedMs: receivedMs, text: start..<end)
                } catch {
                    refuse(id, receivedMs, error.description, lines[start..<end])
                }
            }
            start = end + 1
        }
    }

    private mutating func readPlain(_ entry: LogEntry) {
        plain.removeAll(keepingCapacity: true)
        event.removeAll()
        let receivedMs = Self.received(entry.id)
        var place = 0
        while place + 1 < entry.fields.count {
            let (name, value) = (entry.fields[place], entry.fields[place + 1])
            if let slot = aggregator.table.slot(of: name.span, 0..<name.count) {
                guard String(validating: value, as: UTF8.self) != nil else {
                    let text = String(decoding: name, as: UTF8.self)
                    return refuse(entry.id, receivedMs, "the field \"\(text)\" is not valid UTF-8", value[...])
                }
                if event.isPresent(slot) {
                    let text = String(decoding: name, as: UTF8.self)
                    return refuse(entry.id, receivedMs, "the field \"\(text)\" appears twice", value[...])
                }
                event.values[slot] = .init(start: plain.count, count: value.count, kind: .string)
                plain.append(contentsOf: value)
            }
            place += 2
        }
        let bytes = plain
        count(bytes.span, id: entry.id, receivedMs: receivedMs, text: 0..<bytes.count)
    }

    /// Counts the event in `event`, if its time allows.
    private mutating func count(_ bytes: Span<UInt8>, id: StreamID, receivedMs: Int64, text: Range<Int>) {
        var atMs = receivedMs
        if event.isPresent(FieldTable.timeSlot) {
            guard let time = EventTime.parse(event, in: bytes) else {
                return refuse(id, receivedMs, "ts is neither RFC 3339 nor milliseconds since 1970", slice(bytes, text))
            }
            atMs = time
        }
        if atMs > receivedMs + limits.futureMs {
            return refuse(id, receivedMs, "ts is more than 5 minutes ahead of its receipt", slice(bytes, text))
        }
        if atMs < receivedMs - limits.lateMs {
            side.refused.append(.init(id: id, reason: "late: ts is too far in the past", bytes: slice(bytes, text)))
            side.books[Self.hour(receivedMs), default: .init()].late += 1
            return
        }
        aggregator.add(event, in: bytes, atMs: atMs)
        side.newestMs = max(side.newestMs, atMs)
        side.eventCount += 1
        side.books[Self.hour(receivedMs), default: .init()].applied += 1
    }

    private mutating func refuse(_ id: StreamID, _ receivedMs: Int64, _ reason: String, _ bytes: some Sequence<UInt8>) {
        side.refused.append(.init(id: id, reason: reason, bytes: Array(bytes.prefix(Self.maxRefusedBytes))))
        side.books[Self.hour(receivedMs), default: .init()].refused += 1
    }

    private func slice(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        range.prefix(Self.maxRefusedBytes).map { bytes[$0] }
    }

    /// An id that somebody made up may be beyond all times.
    private static func received(_ id: StreamID) -> Int64 { Int64(min(id.ms, 999_999_999_999_999)) }

    private static func hour(_ ms: Int64) -> Int64 { ms / 3_600_000 * 3_600 }
}
