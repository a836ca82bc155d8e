package import Analytics
internal import Glibc
internal import Wire

/// Turns log entries into what a batch adds: events counted, entries that cannot be counted set aside, and the books of both.
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
        /// Events that fronts had put on the log up to it.
        package var upto: Int
        package var newestMs: Int64 = 0
        package var eventCount = 0
        package var entryCount = 0
        package var refused: [AppliedBatch.Refused] = []
        var refusedBytes = 0
        package var books: [Int64: AppliedBatch.Books] = [:]
    }

    /// Longer events are refused, as fronts do.
    package static let maxEventBytes = 64 << 10
    private static let tooLong = "the event is longer than 64 KiB"
    /// What a refused entry is kept of, at most: more is cut, and cannot be tried again.
    private static let maxRefusedBytes = 64 << 10
    private static let maxRefusedFields = 1_000
    private static let cutBytes = 4 << 10
    /// Of one batch so many refused events, and so many bytes of them, are kept, as in Redis; beyond that they are only counted.
    private static let maxRefusedKept = 10_000
    private static let maxRefusedBytesKept = 16 << 20
    /// A batch with so many refused events goes out.
    private static let manyRefused = 500

    private static let batchField = Array("batch".utf8)
    private static let receivedField = Array("received".utf8)
    private static let countField = Array("count".utf8)
    private static let uptoField = Array("upto".utf8)

    package var aggregator: BatchAggregator
    private let limits: Limits
    private var scanner: EventScanner
    private var event: EventFields
    /// The values of a plain entry, one behind the other, as the event's bytes.
    private var plain: [UInt8] = []
    /// Of the entry at hand: all its events are of one hour of receipt.
    private var tally = AppliedBatch.Books()
    package private(set) var side: Side

    package init(
        definitions: Definitions, series: [SeriesKey], cursor: StreamID, upto: Int = 0, limits: Limits
    ) {
        aggregator = BatchAggregator(definitions: definitions)
        for key in series { aggregator.addKnown(key) }
        scanner = EventScanner(table: aggregator.table)
        event = EventFields(slots: aggregator.table.names.count)
        self.limits = limits
        side = Side(last: cursor, upto: upto)
    }

    /// So much has been refused that the batch is big enough.
    var hasManyRefused: Bool { side.refused.count >= Self.manyRefused || side.refusedBytes >= 1 << 20 }

    /// No entry has been read since the last `take`.
    package var isEmpty: Bool { side.entryCount == 0 }

    /// What was read since the last call.
    package mutating func take() -> (
        deltas: [BatchAggregator.Delta], sets: [MinuteSets.Delta], side: Side
    ) {
        defer { side = Side(last: side.last, upto: side.upto) }
        return (aggregator.take(), aggregator.takeSets(), side)
    }

    /// Reads one entry; whatever is wrong with it is set aside.
    package mutating func read(_ entry: LogEntry) {
        side.last = entry.id
        side.entryCount += 1
        let batch = entry.value(of: Self.batchField)
        let received =
            batch == nil ? nil : entry.value(of: Self.receivedField).flatMap { EventTime.parse($0.span, 0..<$0.count) }
        let receivedMs = received ?? Self.received(entry.id)
        tally = .init()
        if let batch {
            readLines(batch, id: entry.id, receivedMs: receivedMs)
        } else {
            readPlain(entry)
        }
        keepBooks(of: entry)
        side.books[Self.hour(receivedMs), default: .init()].add(tally)
    }

    /// Sees whether the log has all that fronts have put there: their entries carry the running total of their events.
    private mutating func keepBooks(of entry: LogEntry) {
        let events = tally.applied + tally.late + tally.refused
        let upto = entry.value(of: Self.uptoField).flatMap(Self.integer)
        let count = entry.value(of: Self.countField).flatMap(Self.integer)
        guard let upto, let count, count >= 0, upto - count >= side.upto else {
            tally.foreign += events
            return
        }
        // What lies between the entries of fronts has been taken off the log; so has a line that does not stand in its entry.
        tally.missing += upto - count - side.upto + max(count - events, 0)
        tally.foreign += max(events - count, 0)
        side.upto = upto
    }

    private mutating func readLines(_ lines: [UInt8], id: StreamID, receivedMs: Int64) {
        var start = 0
        while start < lines.count {
            let end = Self.lineEnd(lines, from: start)
            let first = lines[start..<end].first { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }
            if first != nil {
                let line = start..<end
                let original = {
                    [Self.batchField, Array(lines[line]), Self.receivedField, Array("\(receivedMs)".utf8)]
                }
                guard line.count <= Self.maxEventBytes else {
                    refuse(id, receivedMs, Self.tooLong, original())
                    start = end + 1
                    continue
                }
                do throws(EventError) {
                    try scanner.scan(lines.span, line, into: &event)
                    count(lines.span, id: id, receivedMs: receivedMs, original: original)
                } catch {
                    refuse(id, receivedMs, error.description, original())
                }
            }
            start = end + 1
        }
    }

    /// Where the line that begins at `start` ends.
    private static func lineEnd(_ lines: [UInt8], from start: Int) -> Int {
        unsafe lines.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, 0x0A, bytes.count - start)
            else { return bytes.count }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    private mutating func readPlain(_ entry: LogEntry) {
        plain.removeAll(keepingCapacity: true)
        event.removeAll()
        let receivedMs = Self.received(entry.id)
        guard entry.byteCount <= Self.maxEventBytes else {
            return refuse(entry.id, receivedMs, Self.tooLong, entry.fields)
        }
        var place = 0
        while place + 1 < entry.fields.count {
            let (name, value) = (entry.fields[place], entry.fields[place + 1])
            if let slot = aggregator.table.slot(of: name.span, 0..<name.count) {
                guard String(validating: value, as: UTF8.self) != nil else {
                    let text = String(decoding: name, as: UTF8.self)
                    return refuse(entry.id, receivedMs, "the field \"\(text)\" is not valid UTF-8", entry.fields)
                }
                if event.isPresent(slot) {
                    let text = String(decoding: name, as: UTF8.self)
                    return refuse(entry.id, receivedMs, "the field \"\(text)\" appears twice", entry.fields)
                }
                event.values[slot] = .init(start: plain.count, count: value.count, kind: .string)
                plain.append(contentsOf: value)
            }
            place += 2
        }
        let bytes = plain
        count(bytes.span, id: entry.id, receivedMs: receivedMs) { entry.fields }
    }

    /// Counts the event in `event`, if its time allows.
    private mutating func count(
        _ bytes: Span<UInt8>, id: StreamID, receivedMs: Int64, original: () -> [[UInt8]]
    ) {
        var atMs = receivedMs
        if event.isPresent(FieldTable.timeSlot) {
            guard let time = EventTime.parse(event, in: bytes) else {
                return refuse(id, receivedMs, "ts is neither RFC 3339 nor milliseconds since 1970", original())
            }
            atMs = time
        }
        if atMs > receivedMs + limits.futureMs {
            return refuse(id, receivedMs, "ts is more than 5 minutes ahead of its receipt", original())
        }
        if atMs < receivedMs - limits.lateMs {
            tally.late += 1
            setAside(id, receivedMs, "late: ts is too far in the past", original())
            return
        }
        aggregator.add(event, in: bytes, atMs: atMs)
        side.newestMs = max(side.newestMs, atMs)
        side.eventCount += 1
        tally.applied += 1
    }

    private mutating func refuse(_ id: StreamID, _ receivedMs: Int64, _ reason: String, _ original: [[UInt8]]) {
        tally.refused += 1
        setAside(id, receivedMs, reason, original)
    }

    private mutating func setAside(_ id: StreamID, _ receivedMs: Int64, _ reason: String, _ original: [[UInt8]]) {
        guard side.refused.count < Self.maxRefusedKept, side.refusedBytes < Self.maxRefusedBytesKept else { return }
        let isWhole =
            original.count <= Self.maxRefusedFields * 2
            && original.reduce(0) { $0 + $1.count } <= Self.maxRefusedBytes
        let fields = isWhole ? original : [Array("start".utf8), Self.start(of: original)]
        side.refusedBytes += fields.reduce(0) { $0 + $1.count }
        side.refused.append(.init(id: id, reason: reason, receivedMs: receivedMs, fields: fields, isWhole: isWhole))
    }

    /// The first bytes of an entry that is too long to be kept, for people to recognize it by.
    private static func start(of fields: [[UInt8]]) -> [UInt8] {
        var start: [UInt8] = []
        for field in fields where start.count < cutBytes {
            start += field.prefix(cutBytes - start.count)
            start.append(UInt8(ascii: " "))
        }
        return start
    }

    /// An id that somebody made up may be beyond all times.
    private static func received(_ id: StreamID) -> Int64 { Int64(min(id.ms, 999_999_999_999_999)) }

    private static func hour(_ ms: Int64) -> Int64 { ms / 3_600_000 * 3_600 }

    private static func integer(_ text: [UInt8]) -> Int? { Int(String(decoding: text, as: UTF8.self)) }
}

extension AppliedBatch.Books {
    fileprivate mutating func add(_ other: Self) {
        foreign += other.foreign
        applied += other.applied
        late += other.late
        refused += other.refused
        missing += other.missing
    }
}

extension LogEntry {
    /// Bytes of all names and values.
    var byteCount: Int { fields.reduce(0) { $0 + $1.count } }

    /// The value of a field; nil where the entry has none of this name.
    func value(of name: [UInt8]) -> [UInt8]? {
        var place = 0
        while place + 1 < fields.count {
            if fields[place].elementsEqual(name) { return fields[place + 1] }
            place += 2
        }
        return nil
    }
}
