import Analytics
import TestKit
import Testing
import Wire

@testable import Worker

@Suite("Batch reader")
struct BatchReaderTests {
    private static let nowMs: Int64 = 1_795_428_000_000
    private static let hour: Int64 = 1_795_428_000
    private var reader: BatchReader

    init() {
        let metrics: [MetricDefinition] = [
            .events,
            MetricDefinition(id: MetricID(rawValue: 1), name: "requests", kind: .counter, by: ["service", "status"]),
            MetricDefinition(id: MetricID(rawValue: 2), name: "time", kind: .distribution, value: "http.ms"),
        ]
        reader = BatchReader(
            definitions: Definitions(version: 1, metrics: metrics), series: [], cursor: StreamID(ms: 5, sequence: 1),
            limits: .init())
    }

    private static func entry(_ fields: [(String, String)], id: StreamID? = nil) -> LogEntry {
        LogEntry(
            id: id ?? StreamID(ms: UInt64(nowMs), sequence: 0),
            fields: fields.flatMap { [Array($0.utf8), Array($1.utf8)] })
    }

    private static func batch(_ lines: String...) -> LogEntry {
        entry([("batch", lines.joined(separator: "\n")), ("received", "\(nowMs)")])
    }

    /// Counts of `requests` by labels, and of all events.
    private mutating func counts() -> (byLabels: [String: Int], events: Int) {
        let deltas = reader.take().deltas
        var byLabels: [String: Int] = [:]
        var events = 0
        for delta in deltas {
            events += delta.record[.events]?.count ?? 0
            guard let count = delta.record[MetricID(rawValue: 1)]?.count else { continue }
            let key = reader.aggregator.key(ofSeries: delta.series)
            byLabels[key.labels.labels.map { "\($0.name)=\($0.value)" }.joined(separator: " "), default: 0] += count
        }
        return (byLabels, events)
    }

    @Test mutating func countsLinesOfABatch() {
        reader.read(
            Self.batch(
                #"{"service":"pay","status":200}"#, "", "  \t\r", #"{"service":"pay","status":200.0,"http":{"ms":5}}"#,
                #"{"service":"cart"}"# + "\r", "{}"))
        #expect(!reader.isEmpty)
        #expect(reader.side.eventCount == 4)
        #expect(reader.side.books == [Self.hour: books(foreign: 4, applied: 4)])
        #expect(reader.side.last == StreamID(ms: UInt64(Self.nowMs), sequence: 0))
        let counts = counts()
        #expect(counts.byLabels == ["service=pay status=200": 2, "service=cart": 1, "": 1])
        #expect(counts.events == 4)
        #expect(reader.isEmpty)
    }

    @Test mutating func aPlainEntryIsAnEvent() {
        reader.read(Self.entry([("service", "pay"), ("unheard", "x"), ("status", "200"), ("http.ms", "2.5")]))
        reader.read(Self.entry([("status", "503"), ("ts", "2026-11-23T09:59:00Z"), ("odd", "")]))
        #expect(reader.side.eventCount == 2)
        #expect(reader.side.newestMs == Self.nowMs)
        let deltas = reader.take().deltas
        #expect(Set(deltas.map(\.second)) == [Self.nowMs / 1_000, Self.nowMs / 1_000 - 60])
        #expect(deltas.compactMap { $0.record[MetricID(rawValue: 2)]?.sum } == [2.5])
    }

    @Test mutating func whatWasReadIsTakenOnce() {
        reader.read(Self.batch("{}"))
        let first = reader.take()
        #expect(first.side.eventCount == 1)
        let second = reader.take()
        #expect(second.deltas.isEmpty)
        #expect(second.side.eventCount == 0)
        #expect(second.side.books.isEmpty)
        #expect(second.side.last == first.side.last)
    }

    @Test(
        "a time that is too far off is set aside",
        arguments: [
            (-604_800_000, "applied"), (-604_800_001, "late"), (300_000, "applied"), (300_001, "refused"),
            (0, "applied"),
        ] as [(Int64, String)])
    func judgesTimes(offsetMs: Int64, outcome: String) {
        var reader = reader
        reader.read(Self.batch(#"{"ts":\#(Self.nowMs + offsetMs)}"#))
        let expected =
            switch outcome {
            case "applied": books(foreign: 1, applied: 1)
            case "late": books(foreign: 1, late: 1)
            default: books(foreign: 1, refused: 1)
            }
        #expect(reader.side.books == [Self.hour: expected])
        #expect(reader.side.eventCount == expected.applied)
        #expect(reader.side.refused.count == 1 - expected.applied)
        #expect(reader.take().deltas.isEmpty == (expected.applied == 0))
    }

    @Test mutating func saysWhyAnEventIsRefused() {
        reader.read(
            Self.batch(
                #"{"service":"pay"}"#, "nonsense", #"{"ts":"yesterday"}"#, #"{"ts":true}"#, #"{"service":[1]}"#,
                #"{"ts":1}"#, #"{"ts":\#(Self.nowMs * 2)}"#))
        #expect(
            reader.side.refused.map { "\($0.reason) | \(String(decoding: $0.fields[1], as: UTF8.self))" } == [
                "expected a JSON object, found \"n\" at byte 1 | nonsense",
                "ts is neither RFC 3339 nor milliseconds since 1970 | {\"ts\":\"yesterday\"}",
                "ts is neither RFC 3339 nor milliseconds since 1970 | {\"ts\":true}",
                "the field \"service\" is an array; fields are strings, numbers or booleans | {\"service\":[1]}",
                "late: ts is too far in the past | {\"ts\":1}",
                "ts is more than 5 minutes ahead of its receipt | {\"ts\":\(Self.nowMs * 2)}",
            ])
        #expect(reader.side.refused.allSatisfy { $0.id == StreamID(ms: UInt64(Self.nowMs), sequence: 0) })
        #expect(reader.side.books == [Self.hour: books(foreign: 7, applied: 1, late: 1, refused: 5)])
        #expect(counts().events == 1)
    }

    @Test mutating func saysWhyAPlainEntryIsRefused() {
        reader.read(
            LogEntry(id: StreamID(ms: UInt64(Self.nowMs), sequence: 0), fields: [Array("service".utf8), [0x61, 0xFF]]))
        reader.read(Self.entry([("service", "a"), ("service", "b")]))
        reader.read(Self.entry([("ts", "soon")]))
        #expect(
            reader.side.refused.map(\.reason) == [
                "the field \"service\" is not valid UTF-8", "the field \"service\" appears twice",
                "ts is neither RFC 3339 nor milliseconds since 1970",
            ])
        #expect(reader.side.books == [Self.hour: books(foreign: 3, refused: 3)])
        #expect(counts().events == 0)
    }

    @Test mutating func keepsTheBooksByHourOfReceipt() {
        for (received, lines) in [(Self.nowMs - 1, "{}\n{}"), (Self.nowMs, "{}"), (Self.nowMs + 3_599_999, "{}\n?")] {
            reader.read(Self.entry([("received", "\(received)"), ("batch", lines)]))
        }
        #expect(
            reader.side.books == [
                Self.hour - 3_600: books(foreign: 2, applied: 2),
                Self.hour: books(foreign: 3, applied: 2, refused: 1),
            ])
    }

    @Test mutating func aRefusedEventCanBeTriedAgainUnlessItIsHuge() {
        let long = String(repeating: "x", count: 60_000)
        let tooLong = String(repeating: "y", count: 70_000)
        reader.read(Self.batch(long, tooLong, "{\"a\":\"\(tooLong)\"}"))
        reader.read(Self.entry([("service", "pay"), ("ts", "soon")]))
        reader.read(Self.entry([("service", "pay"), ("blob", String(repeating: "z", count: 10 << 20))]))
        let refused = reader.side.refused
        #expect(refused.map(\.isWhole) == [true, false, false, true, false])
        #expect(
            refused[0].fields.map { String(decoding: $0, as: UTF8.self) } == [
                "batch", long, "received", "\(Self.nowMs)",
            ])
        #expect(refused[3].fields.map { String(decoding: $0, as: UTF8.self) } == ["service", "pay", "ts", "soon"])
        #expect(refused.filter { !$0.isWhole }.allSatisfy { $0.fields.reduce(0) { $0 + $1.count } < 5_000 })
        #expect(refused[4].reason == "the event is longer than 64 KiB")
    }

    @Test mutating func whatFrontsAppendedAndIsNotThereIsMissing() {
        func own(_ lines: String, count: Int, upto: Int) -> LogEntry {
            Self.entry([("batch", lines), ("received", "\(Self.nowMs)"), ("count", "\(count)"), ("upto", "\(upto)")])
        }
        reader.read(own("{}\n{}\n", count: 2, upto: 2))
        #expect(reader.side.books == [Self.hour: books(applied: 2)])
        // An entry with five events was taken off the log, and one of this one's lines with it.
        reader.read(own("{}\n?\n", count: 3, upto: 10))
        #expect(reader.side.books == [Self.hour: books(applied: 3, refused: 1, missing: 6)])
        reader.read(own("{}\n{}\n", count: 1, upto: 11))
        #expect(reader.side.books == [Self.hour: books(foreign: 1, applied: 5, refused: 1, missing: 6)])
        // Somebody else's entry with fields like ours.
        reader.read(own("{}\n", count: 1, upto: 3))
        #expect(reader.side.books == [Self.hour: books(foreign: 2, applied: 6, refused: 1, missing: 6)])
        #expect(reader.side.upto == 11)
    }

    @Test mutating func anIdFromBeyondAllTimesIsNoTrap() {
        reader.read(Self.entry([("service", "pay")], id: StreamID(ms: .max, sequence: .max)))
        reader.read(Self.entry([("batch", "{}")], id: StreamID(ms: .max, sequence: .max)))
        #expect(reader.side.eventCount == 2)
        #expect(reader.side.last == StreamID(ms: .max, sequence: .max))
    }

    @Test("no bytes in an entry make a trap", arguments: Seed.range(60))
    func survivesGarbage(seed: Seed) {
        var rng = SplitMix64(seed)
        var reader = reader
        for _ in 0..<50 {
            let names = ["batch", "received", "ts", "service", "http.ms", "x"].map { Array($0.utf8) }
            let fields = (0..<Int.random(in: 0...5, using: &rng)).flatMap { _ -> [[UInt8]] in
                let noise = (0..<Int.random(in: 0...12, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng)
                }
                return [
                    names.randomElement(using: &rng) ?? noise, Bool.random(using: &rng) ? noise : Array("\n{}\n".utf8),
                ]
            }
            reader.read(
                LogEntry(
                    id: StreamID(ms: rng.next(), sequence: rng.next()),
                    fields: Array(fields.dropLast(.random(in: 0...1, using: &rng)))))
        }
        let applied = reader.side.books.values.reduce(0) { $0 + $1.applied }
        #expect(applied == reader.side.eventCount)
        let others = reader.side.books.values.reduce(0) { $0 + $1.late + $1.refused }
        #expect(others == reader.side.refused.count)
        #expect(reader.take().deltas.reduce(0) { $0 + ($1.record[.events]?.count ?? 0) } == applied)
    }

    private func books(
        foreign: Int = 0, applied: Int = 0, late: Int = 0, refused: Int = 0, missing: Int = 0
    ) -> AppliedBatch.Books {
        var books = AppliedBatch.Books()
        (books.foreign, books.missing) = (foreign, missing)
        (books.applied, books.late, books.refused) = (applied, late, refused)
        return books
    }
}
