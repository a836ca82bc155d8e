import Analytics
import TestKit
import Wire

/// A minute of a day that all these tests use: 2026-11-23 10:00 UTC.
let tenOClock: Int64 = 1_795_428_000_000

/// A value of any size and sign, now and then zero.
func anyValue(_ random: inout SplitMix64) -> Double {
    switch Int.random(in: 0..<12, using: &random) {
    case 0: 0
    case 1: -.greatestFiniteMagnitude
    case 2: .greatestFiniteMagnitude
    case 3: .leastNonzeroMagnitude
    case 4: -Double.random(in: 0...1e-300, using: &random)
    case 5...7: -Double.random(in: 0...1_000, using: &random)
    default: Double.random(in: 0...1_000, using: &random)
    }
}

/// What a metric of `kind` keeps of some random events.
func anyAggregate(_ kind: MetricKind, _ random: inout SplitMix64) -> Aggregate {
    var aggregate = Aggregate()
    for _ in 0..<Int.random(in: 1...40, using: &random) {
        let value = Double.random(in: -100...1_000, using: &random)
        switch kind {
        case .counter: if Bool.random(using: &random) { aggregate.addEvent() } else { aggregate.addToSum(value) }
        case .gauge:
            aggregate.addToGauge(value, atMs: tenOClock + Int64.random(in: 0..<60_000, using: &random))
        case .ratio: aggregate.addEvent(hit: Int.random(in: 0..<3, using: &random) == 0)
        case .distribution: aggregate.addToDistribution(value)
        case .unique:
            aggregate.addEvent()
            var registers = aggregate.registers ?? HyperLogLog()
            registers.insert(Array("\(value)".utf8).span)
            aggregate.registers = registers
        case .top:
            aggregate.addEvent()
            var items = aggregate.items ?? TopItems()
            let item = ["/pay", "", "a\"b\\c", "é😀", "e\u{301}", "\u{1}"].randomElement(using: &random) ?? ""
            items.add(Array(item.utf8), count: Int.random(in: 1...1 << 40, using: &random))
            aggregate.items = items
        }
    }
    return aggregate
}

/// A row of version and generation `version`, unless told.
func row(
    _ metric: String = "m", kind: MetricKind = .counter, labels: [String: String] = [:], minute: Int64 = tenOClock,
    generation: UInt64? = nil, version: UInt64 = 1, count: Int = 1
) -> MinuteRow {
    var aggregate = Aggregate()
    for _ in 0..<count { aggregate.addEvent() }
    return row(metric, kind, labels, minute, generation ?? version, version, aggregate)
}

func row(
    _ metric: String, _ kind: MetricKind, _ labels: [String: String], _ minute: Int64, _ generation: UInt64,
    _ version: UInt64, _ aggregate: Aggregate
) -> MinuteRow {
    let labels = LabelSet(labels.map { .init(name: $0.key, value: $0.value) })
    return MinuteRow(
        metric: metric, kind: kind, labels: labels, slot: slot(metric, labels), minuteMs: minute,
        generation: StreamID(ms: generation, sequence: 0),
        version: StreamID(ms: version, sequence: 0),
        aggregate: aggregate)
}

/// A slot for each metric and label set, by their bytes (FNV-1a).
private func slot(_ metric: String, _ labels: LabelSet) -> MinuteRows.Slot {
    var hash: UInt32 = 2_166_136_261
    for text in [metric] + labels.labels.flatMap({ [$0.name, $0.value] }) {
        for byte in text.utf8 + [0xFF] { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    }
    return MinuteRows.Slot(partition: 0, series: Int(hash), metric: .events)
}

extension HistoryBatch {
    /// A batch of rows that are told one by one.
    init(partition: Int, cursor: StreamID = .zero, watermarkMs: Int64 = 0, rows: [MinuteRow]) {
        self.init(partition: partition, cursor: cursor, watermarkMs: watermarkMs, rows: MinuteRows(rows))
    }
}

/// What a partition counted for one metric and label set in one minute.
struct MinuteRow: Equatable, Sendable {
    let metric: String
    let kind: MetricKind
    let labels: LabelSet
    let slot: MinuteRows.Slot
    /// Start of the minute, ms since 1970.
    let minuteMs: Int64
    let generation: StreamID
    let version: StreamID
    let aggregate: Aggregate
}

extension MinuteRows {
    /// The same rows, one by one.
    init(_ rows: [MinuteRow]) {
        self.init()
        for row in rows {
            let origin = add(Origin(slot: row.slot, metric: row.metric, kind: row.kind, labels: row.labels))
            append(
                row.aggregate, origin: origin, minuteMs: row.minuteMs, generation: row.generation,
                version: row.version)
        }
    }
}
