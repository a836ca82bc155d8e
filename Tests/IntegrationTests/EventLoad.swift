import Analytics
import TestKit
import Testing

/// Random events of every kind of metric, and what they must add up to, reckoned one by one.
struct EventLoad {
    static let metrics: [MetricDefinition] = {
        let isFailure = try? Condition(parsing: "status >= 500")
        let isSlow = try? Condition(parsing: "duration_ms > 500 and not (service in ['s2'])")
        let both = ["service", "endpoint"]
        return [
            MetricDefinition(id: .events, name: "requests", kind: .counter, by: both),
            MetricDefinition(
                id: .events, name: "response_time", kind: .distribution, value: "duration_ms", unit: "ms", by: both),
            MetricDefinition(id: .events, name: "bytes", kind: .counter, value: "bytes", by: both),
            MetricDefinition(id: .events, name: "slow", kind: .counter, by: ["service"], filter: isSlow),
            MetricDefinition(id: .events, name: "failures", kind: .ratio, by: ["service"], match: isFailure),
            MetricDefinition(id: .events, name: "load", kind: .gauge, value: "host.load", by: ["service"]),
            MetricDefinition(id: .events, name: "users", kind: .unique, value: "user", by: ["service"]),
            MetricDefinition(id: .events, name: "paths", kind: .top, value: "endpoint", by: ["service"]),
        ]
    }()

    /// The same as a configuration file has them.
    static let configuration = """
        [
          { name: "requests", kind: "counter", by: ["service", "endpoint"] },
          { name: "response_time", kind: "distribution", value: "duration_ms", unit: "ms", by: ["service", "endpoint"] },
          { name: "bytes", kind: "counter", value: "bytes", by: ["service", "endpoint"] },
          { name: "slow", kind: "counter", by: ["service"], where: "duration_ms > 500 and not (service in ['s2'])" },
          { name: "failures", kind: "ratio", by: ["service"], match: "status >= 500" },
          { name: "load", kind: "gauge", value: "host.load", by: ["service"] },
          { name: "users", kind: "unique", value: "user", by: ["service"] },
          { name: "paths", kind: "top", value: "endpoint", by: ["service"] },
        ]
        """

    struct Event {
        let service: String
        let endpoint: String
        let status: Int
        let atMs: Int64
        let durationMs: Double
        let bytes: Int
        let load: Double?
        let user: String?
    }

    private var rng: SplitMix64
    let startMs: Int64
    private(set) var events: [Event] = []
    /// Of the values they can take, how many: more for uniques and items.
    let variety: Int

    var count: Int { events.count }

    init(seed: Seed, startMs: Int64, variety: Int = 50) {
        rng = SplitMix64(seed)
        self.startMs = startMs
        self.variety = variety
    }

    /// The next events as one stream entry.
    mutating func entry(events count: Int) -> AppendGroup.Entry {
        var lines = ""
        for _ in 0..<count {
            let event = next()
            events.append(event)
            lines += Self.line(event)
        }
        return .init(ndjson: Array(lines.utf8), eventCount: count)
    }

    /// The next event as a plain entry of the log: names and values in turn.
    mutating func plain() -> [String] {
        let event = next()
        events.append(event)
        var fields = [
            "ts", "\(event.atMs)", "service", event.service, "endpoint", event.endpoint, "status", "\(event.status)",
            "duration_ms", "\(event.durationMs)", "bytes", "\(event.bytes)",
        ]
        if let load = event.load { fields += ["host.load", "\(load)"] }
        if let user = event.user { fields += ["user", user] }
        return fields
    }

    /// Forgets all but the first events.
    mutating func keep(first count: Int) { events.removeSubrange(count...) }

    /// Takes events that another load has made.
    mutating func add(_ others: [Event]) { events += others }

    private mutating func next() -> Event {
        Event(
            service: "s\(Int.random(in: 0..<3, using: &rng))", endpoint: "/e\(Int.random(in: 0..<5, using: &rng))",
            status: [200, 200, 204, 404, 500, 503].randomElement(using: &rng) ?? 200,
            atMs: startMs + Int64.random(in: 0..<90_000, using: &rng),
            durationMs: Double(Int.random(in: 1..<100_000, using: &rng)) / 100,
            bytes: Int.random(in: 0...1 << 20, using: &rng),
            load: Bool.random(using: &rng) ? Double(Int.random(in: -400...400, using: &rng)) / 4 : nil,
            user: Int.random(in: 0..<4, using: &rng) > 0 ? "u\(Int.random(in: 0..<variety, using: &rng))" : nil)
    }

    private static func line(_ event: Event) -> String {
        var line =
            "{\"ts\":\(event.atMs),\"service\":\"\(event.service)\",\"endpoint\":\"\(event.endpoint)\","
            + "\"status\":\(event.status),\"duration_ms\":\(event.durationMs),\"bytes\":\(event.bytes)"
        if let load = event.load { line += ",\"host\":{\"load\":\(load)}" }
        if let user = event.user { line += ",\"user\":\"\(user)\"" }
        return line + "}\n"
    }

    /// What each metric must hold of each series, over all time.
    var expected: [SeriesKey: [String: Aggregate]] {
        var expected: [SeriesKey: [String: Aggregate]] = [:]
        func change(_ group: String, _ labels: [String: String], _ metric: String, _ body: (inout Aggregate) -> Void) {
            let key = SeriesKey(
                group: group, labels: LabelSet(labels.map { LabelSet.Label(name: $0.key, value: $0.value) }))
            body(&expected[key, default: [:]][metric, default: Aggregate()])
        }
        for event in events {
            let one = ["service": event.service]
            let both = ["service": event.service, "endpoint": event.endpoint]
            change("", [:], "events") { $0.addEvent() }
            change("endpoint,service", both, "requests") { $0.addEvent() }
            change("endpoint,service", both, "response_time") { $0.addToDistribution(event.durationMs) }
            change("endpoint,service", both, "bytes") { $0.addToSum(Double(event.bytes)) }
            if event.durationMs > 500 && event.service != "s2" { change("service", one, "slow") { $0.addEvent() } }
            change("service", one, "failures") { $0.addEvent(hit: event.status >= 500) }
            if let load = event.load { change("service", one, "load") { $0.addToGauge(load, atMs: event.atMs) } }
            if let user = event.user {
                change("service", one, "users") { aggregate in
                    aggregate.addEvent()
                    var registers = aggregate.registers ?? HyperLogLog()
                    registers.insert(Array(user.utf8).span)
                    aggregate.registers = registers
                }
            }
            change("service", one, "paths") { aggregate in
                aggregate.addEvent()
                var items = aggregate.items ?? TopItems()
                items.add(Array(event.endpoint.utf8))
                aggregate.items = items
            }
        }
        return expected
    }
}

/// Equal to the bit but for sums, which depend on the order of addition.
func expectEqual(
    _ actual: [SeriesKey: [String: Aggregate]], _ expected: [SeriesKey: [String: Aggregate]],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(Set(actual.keys) == Set(expected.keys), sourceLocation: sourceLocation)
    for (key, metrics) in expected {
        for (name, wanted) in metrics {
            guard var found = actual[key]?[name] else {
                Issue.record("\(name) of \(key) is missing", sourceLocation: sourceLocation)
                continue
            }
            if let sum = found.sum, let wantedSum = wanted.sum {
                #expect(abs(sum - wantedSum) <= 1e-9 * abs(wantedSum), sourceLocation: sourceLocation)
                found.sum = wantedSum
            }
            #expect(found == wanted, "\(name) of \(key)", sourceLocation: sourceLocation)
        }
    }
}
