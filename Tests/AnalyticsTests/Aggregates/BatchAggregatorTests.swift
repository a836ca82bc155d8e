import Analytics
import TestKit
import Testing

@Suite("Batch aggregator")
struct BatchAggregatorTests {
    private let definitions: Definitions

    init() throws {
        func metric(_ id: UInt16, _ kind: MetricKind, value: String? = nil, by: [String] = []) -> MetricDefinition {
            MetricDefinition(id: MetricID(rawValue: id), name: "m\(id)", kind: kind, value: value, by: by)
        }
        var filtered = metric(2, .counter, value: "bytes", by: ["zone", "service"])
        filtered.filter = try Condition(parsing: "status < 400")
        var ratio = metric(3, .ratio, by: ["service", "zone"])
        ratio.match = try Condition(parsing: "status >= 500")
        var few = metric(6, .counter, by: ["user"])
        few.maxSeries = 3
        definitions = Definitions(
            version: 1,
            metrics: [
                .events, metric(1, .counter, by: ["service", "zone"]), filtered, ratio,
                metric(4, .gauge, value: "bytes"),
                metric(5, .distribution, value: "ms", by: ["service"]), few,
            ])
    }

    private func events(_ count: Int, using rng: inout SplitMix64) -> [(atMs: Int64, values: [String: Written])] {
        (0..<count).map { _ in
            var values: [String: Written] = [:]
            let choices: [String: [Written?]] = [
                "service": ["pay", "cart", "", nil], "zone": ["eu", .number("7"), .number("7.0"), nil],
                "status": [.number("200"), "404", .number("503"), "none", nil],
                "bytes": [.number("\(Double.summable(using: &rng))"), "12.5", "many", .bool(true), nil],
                "ms": [.number("\(Double.summable(using: &rng))"), nil], "user": ["u1", "u2", "u3", "u4", "u5", nil],
            ]
            for (name, some) in choices.sorted(by: { $0.key < $1.key }) {
                if let value = some.randomElement(using: &rng) ?? nil { values[name] = value }
            }
            return (.random(in: -3_000...9_999, using: &rng), values)
        }
    }

    private func add(_ events: [(atMs: Int64, values: [String: Written])], to aggregator: inout BatchAggregator) {
        for event in events {
            let written = TestEvent(event.values, table: aggregator.table)
            aggregator.add(written.fields, in: written.bytes.span, atMs: event.atMs)
        }
    }

    private func byKey(_ deltas: [BatchAggregator.Delta], _ aggregator: BatchAggregator) -> [NaiveFold.Place: Record] {
        deltas.reduce(into: [:]) { records, delta in
            let place = NaiveFold.Place(key: aggregator.key(ofSeries: delta.series), second: delta.second)
            records[place, default: Record()].merge(delta.record)
        }
    }

    @Test("counts as a naive dictionary does", arguments: Seed.range(60))
    func agreesWithANaiveFold(seed: Seed) {
        var rng = SplitMix64(seed)
        let events = events(.random(in: 1...120, using: &rng), using: &rng)
        var aggregator = BatchAggregator(definitions: definitions)
        add(events, to: &aggregator)
        #expect(!aggregator.isEmpty)
        let deltas = aggregator.take()
        #expect(aggregator.isEmpty)
        for (a, b) in zip(deltas, deltas.dropFirst()) { #expect((a.series, a.second) < (b.series, b.second)) }
        var naive = NaiveFold(definitions: definitions)
        for event in events { naive.add(event.values, atMs: event.atMs) }
        #expect(byKey(deltas, aggregator) == naive.records)
    }

    @Test("cutting events into batches changes nothing, nor does starting anew in between", arguments: Seed.range(40))
    func batchesAddUp(seed: Seed) {
        var rng = SplitMix64(seed)
        let events = events(80, using: &rng)
        var whole = BatchAggregator(definitions: definitions)
        add(events, to: &whole)
        let expected = byKey(whole.take(), whole)

        var found: [NaiveFold.Place: Record] = [:]
        var aggregator = BatchAggregator(definitions: definitions)
        var start = 0
        while start < events.count {
            let end = min(start + .random(in: 1...30, using: &rng), events.count)
            add(Array(events[start..<end]), to: &aggregator)
            found.merge(byKey(aggregator.take(), aggregator)) { a, b in
                var both = a
                both.merge(b)
                return both
            }
            let keys = (0..<aggregator.seriesCount).map { aggregator.key(ofSeries: $0) }
            #expect(Set(keys).count == keys.count)
            if Bool.random(using: &rng) {
                aggregator = BatchAggregator(definitions: definitions)
                for key in keys { aggregator.addKnown(key) }
                #expect((0..<aggregator.seriesCount).map { aggregator.key(ofSeries: $0) } == keys)
            }
            start = end
        }
        #expect(found == expected)
    }

    @Test func pastTheLimitEventsCountAsOverflow() {
        var aggregator = BatchAggregator(definitions: definitions)
        for user in ["u1", "u2", "u3", "u4", "u5", "u1"] {
            add([(0, ["user": .string(user)])], to: &aggregator)
        }
        let counts = byKey(aggregator.take(), aggregator).compactMap { place, record in
            record[MetricID(rawValue: 6)].map { (place.key.labels, $0.count) }
        }
        let user = { (name: String) in LabelSet([.init(name: "user", value: name)]) }
        #expect(
            Dictionary(uniqueKeysWithValues: counts) == [user("u1"): 2, user("u2"): 1, user("u3"): 1, .overflow: 2])
    }

    @Test func keepsTheNumbersOfSeriesThatNoMetricUsesAnyMore() {
        var aggregator = BatchAggregator(definitions: definitions)
        aggregator.addKnown(SeriesKey(group: "gone", labels: LabelSet([.init(name: "gone", value: "x")])))
        let known = SeriesKey(group: "service", labels: LabelSet([.init(name: "service", value: "pay")]))
        aggregator.addKnown(known)
        #expect(aggregator.seriesCount == 2)
        add([(1_000, ["service": "pay", "ms": .number("5")])], to: &aggregator)
        let deltas = aggregator.take()
        #expect(deltas.first?.series == 1)
        #expect(aggregator.key(ofSeries: 1) == known)
        #expect(aggregator.seriesCount > 2)
    }

    @Test(
        "long labels are cut between characters",
        arguments: [
            (String(repeating: "a", count: 1_024), String(repeating: "a", count: 1_024)),
            (String(repeating: "a", count: 1_025), String(repeating: "a", count: 1_024)),
            (String(repeating: "a", count: 1_023) + "é!", String(repeating: "a", count: 1_023)),
            (String(repeating: "a", count: 1_022) + "é!", String(repeating: "a", count: 1_022) + "é"),
            (String(repeating: "a", count: 1_021) + "😀", String(repeating: "a", count: 1_021)),
            (String(repeating: "😀", count: 4_000), String(repeating: "😀", count: 256)),
        ])
    func cutsLongLabels(written: String, label: String) {
        var aggregator = BatchAggregator(definitions: definitions)
        add([(0, ["user": .string(written)]), (0, ["user": .escaped(label)])], to: &aggregator)
        let keys = (0..<aggregator.seriesCount).map { aggregator.key(ofSeries: $0) }
        #expect(keys.filter { $0.group == "user#3" }.map(\.labels) == [LabelSet([.init(name: "user", value: label)])])
    }

    @Test func putsASubstituteWherePostgresHasNoCharacter() {
        var aggregator = BatchAggregator(definitions: definitions)
        add([(0, ["user": "\0a\0"])], to: &aggregator)
        let keys = (0..<aggregator.seriesCount).map { aggregator.key(ofSeries: $0) }
        #expect(keys.last?.labels["user"] == "\u{1A}a\u{1A}")
    }

    @Test func hasRoomForMoreGroupsThanAByteCounts() {
        let many = (0..<300).map {
            MetricDefinition(id: MetricID(rawValue: $0), name: "m\($0)", kind: .counter, by: ["f\($0)"])
        }
        var aggregator = BatchAggregator(definitions: Definitions(version: 1, metrics: many))
        add([(0, ["f299": "x"])], to: &aggregator)
        #expect(aggregator.take().count == 300)
        #expect(
            aggregator.key(ofSeries: 299)
                == SeriesKey(group: "f299", labels: LabelSet([.init(name: "f299", value: "x")])))
    }
}

/// The same count, as plainly as it can be written: texts in dictionaries.
private struct NaiveFold {
    struct Place: Hashable {
        let key: SeriesKey
        let second: Int64
    }

    let definitions: Definitions
    var records: [Place: Record] = [:]
    private var series: [String: Set<LabelSet>] = [:]

    init(definitions: Definitions) { self.definitions = definitions }

    mutating func add(_ values: [String: Written], atMs: Int64) {
        for group in definitions.groups {
            var labels = LabelSet(
                group.by.compactMap { name in Self.text(values[name]).map { .init(name: name, value: $0) } })
            var added = Record()
            for metric in definitions.metrics where metric.group == group {
                added.merge(Self.count(values, metric, atMs), into: metric.id)
            }
            if added.isEmpty { continue }
            if !series[group.name, default: []].contains(labels) {
                if series[group.name, default: []].count >= group.maxSeries { labels = .overflow }
                series[group.name, default: []].insert(labels)
            }
            let second = Int64((Double(atMs) / 1_000).rounded(.down))
            records[Place(key: SeriesKey(group: group.name, labels: labels), second: second), default: Record()].merge(
                added)
        }
    }

    private static func count(_ values: [String: Written], _ metric: MetricDefinition, _ atMs: Int64) -> Aggregate {
        var aggregate = Aggregate()
        let status = number(values["status"])
        if metric.filter != nil && !(status.map { $0 < 400 } ?? false) { return aggregate }
        if metric.kind == .ratio {
            if values["status"] != nil { aggregate.addEvent(hit: status.map { $0 >= 500 } ?? false) }
            return aggregate
        }
        guard let field = metric.value else {
            aggregate.addEvent()
            return aggregate
        }
        guard let value = number(values[field]) else { return aggregate }
        switch metric.kind {
        case .gauge: aggregate.addToGauge(value, atMs: atMs)
        case .distribution: aggregate.addToDistribution(value)
        default: aggregate.addToSum(value)
        }
        return aggregate
    }

    private static func text(_ written: Written?) -> String? {
        switch written {
        case .string(let text), .escaped(let text): text
        case .number(let text): Double(text).map(canonicalText)
        case .bool(let flag): "\(flag)"
        case nil: nil
        }
    }

    private static func number(_ written: Written?) -> Double? {
        switch written {
        case .string(let text), .escaped(let text), .number(let text): Double(text)
        case .bool, nil: nil
        }
    }
}
