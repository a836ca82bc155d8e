import Analytics
import Service
import TestKit
import Testing
import Wire

@Suite("Metric definitions as JSON")
struct MetricDefinitionJSONTests {
    private func read(_ json5: String) throws -> (metrics: [MetricDefinition], problems: [String]) {
        var problems: [MetricDefinitionJSON.Problem] = []
        let value = try JSON5.parse(Array(json5.utf8))
        let metrics = MetricDefinitionJSON.read(value, path: "metrics", problems: &problems)
        return (metrics, problems.map { "\($0.position) \($0.path) \($0.detail)" })
    }

    @Test func readsTheContractsExample() throws {
        let (metrics, problems) = try read(
            """
            [
              { name: "request_count", kind: "counter", by: ["service", "endpoint"] },
              { name: "error_rate", kind: "ratio", match: "status >= 500", by: ["service", "endpoint"] },
              { name: "response_time", kind: "distribution", value: "duration_ms", unit: "ms", by: ["service"],
                where: "status < 500", max_series: 500 },
              { name: "active_users", kind: "unique", value: "user", by: ["service"] },
              { name: "top_endpoints", kind: "top", value: "endpoint", by: ["service"], keep: 50 },
            ]
            """)
        #expect(problems == [])
        #expect(
            metrics.map(\.name) == [
                "request_count", "error_rate", "response_time", "active_users", "top_endpoints",
            ])
        #expect(metrics.map(\.keep) == [1_000, 1_000, 1_000, 1_000, 50])
        #expect(metrics.first?.by == ["service", "endpoint"])
        #expect(metrics.dropFirst().first?.match == (try Condition(parsing: "status >= 500")))
        #expect(metrics[2].value == "duration_ms")
        #expect(metrics[2].unit == "ms")
        #expect(metrics[2].filter == (try Condition(parsing: "status < 500")))
        #expect(metrics[2].maxSeries == 500)
    }

    @Test func saysAllThatIsWrongWithAMetric() throws {
        let (metrics, problems) = try read(
            """
            [{ name: "9x", kind: "guage", value: 5, by: ["a", "a", "b c"], where: "status =", max_series: 0, colour: "red" },
             { kind: "gauge", by: "service" },
             { name: "ok", kind: "counter" }]
            """)
        #expect(metrics.map(\.name) == ["ok"])
        #expect(
            problems == [
                "1:98 metrics[0].colour is unknown; a metric has name, kind, value, unit, by, where, match, max_series "
                    + "and keep",
                "1:10 metrics[0].name must begin with a letter, then letters, digits and _ . -, at most 64",
                "1:22 metrics[0].kind \"guage\" is unknown; it is one of counter, gauge, ratio, distribution, unique, "
                    + "top",
                "1:38 metrics[0].value must be a text", "1:45 metrics[0].by names a field twice",
                "1:45 metrics[0].by \"b c\" is no field name: a letter, then letters, digits and _ . -, at most 64",
                "1:71 metrics[0].where column 8: expected == != < <= > >= or in, found \"=\"; write == to compare in "
                    + "\"status =\"",
                "1:95 metrics[0].max_series must be a whole number from 1 to 1000000",
                "2:2 metrics[1].name is missing", "2:2 metrics[1].value is missing",
                "2:23 metrics[1].by must be a list of field names",
            ])
    }

    @Test(arguments: [
        ("5", "metrics must be a list of metrics, not a number"), ("[5]", "metrics[0] must be an object"),
        ("[{name: 'events', kind: 'counter'}]", "metrics[0].name \"events\" is built in"),
        (
            "[{name: 'a', kind: 'counter'}, {name: 'a', kind: 'ratio', match: 'x == 1'}]",
            "metrics[1].name \"a\" is defined twice"
        ),
        ("[{name: 'a', kind: 'counter', match: 'x == 1'}]", "metrics[0].match belongs to a ratio"),
        ("[{name: 'a', kind: 'ratio', match: 'x == 1', value: 'y'}]", "metrics[0].value a ratio has no value"),
        ("[{name: 'a', kind: 'ratio'}]", "metrics[0].match is missing"),
        ("[{name: 'a'}]", "metrics[0].kind is missing"),
        ("[{name: 'a', kind: 'distribution'}]", "metrics[0].value is missing"),
        ("[{name: 'a', kind: 'unique'}]", "metrics[0].value is missing"),
        ("[{name: 'a', kind: 'top'}]", "metrics[0].value is missing"),
        ("[{name: 'a', kind: 'top', value: 'x', keep: 0}]", "metrics[0].keep must be a whole number from 1 to 10000"),
        ("[{name: 'a', kind: 'counter', keep: 5}]", "metrics[0].keep belongs to a top"),
        ("[{name: 'a', kind: 'counter', retired: true}]", "metrics[0].retired is unknown"),
        ("[{name: 'a', kind: 'counter', id: 5}]", "metrics[0].id is unknown"),
        ("[{name: 'a', kind: 'counter', by: ['overflow']}]", "metrics[0].by \"overflow\" is the label of what is past"),
        (
            "[{name: 'a', kind: 'counter', by: [\(Array(1...17).map { "'f\($0)'" }.joined(separator: ","))]}]",
            "metrics[0].by has more than 16 fields"
        ),
    ])
    func refuses(json5: String, problem: String) throws {
        let problems = try read(json5).problems
        #expect(problems.count == 1)
        #expect(problems.first?.split(separator: " ", maxSplits: 1).last?.hasPrefix(problem) == true, "\(problems)")
    }

    @Test("definitions come back", arguments: Seed.range(60))
    func comesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var metrics: [MetricDefinition] = [.events]
        for number in 1...UInt16.random(in: 1...12, using: &rng) {
            let kind = MetricKind.allCases.randomElement(using: &rng) ?? .counter
            var metric = MetricDefinition(id: MetricID(rawValue: number * 7), name: "m.\(number)-x_", kind: kind)
            if kind == .gauge || kind == .distribution || kind.keepsSets {
                metric.value = "a \"quoted\" \u{2028} field"
            }
            metric.unit = ["", "ms", "µs"].randomElement(using: &rng) ?? ""
            metric.by = ["a", "b.c", "service"].filter { _ in Bool.random(using: &rng) }
            if Bool.random(using: &rng) {
                metric.filter = try Condition(parsing: "path != 'it\\'s \\\\ \"x\"' or a in [1, true]")
            }
            if kind == .ratio { metric.match = try Condition(parsing: "status >= 500") }
            metric.maxSeries = .random(in: 1...1_000_000, using: &rng)
            if kind == .top { metric.keep = .random(in: 1...10_000, using: &rng) }
            metric.isRetired = .random(using: &rng)
            metric.formerGroups = ["", "a,b.c", "service#5"].filter { _ in Bool.random(using: &rng) }
            metrics.append(metric)
        }
        let definitions = Definitions(version: .random(in: 1...1 << 40, using: &rng), metrics: metrics)
        let json = MetricDefinitionJSON.encode(definitions)
        #expect(MetricDefinitionJSON.decode(json) == definitions)
        for _ in 0..<20 { _ = MetricDefinitionJSON.decode(json.damaged(using: &rng)) }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"version":1}"#, #"{"version":"1","metrics":[]}"#,
        #"{"version":1,"metrics":[{"name":"a","kind":"counter"}]}"#,
        #"{"version":1,"metrics":[{"id":70000,"name":"a","kind":"counter"}]}"#,
        #"{"version":1,"metrics":[{"id":1,"name":"a","kind":"unheard"}]}"#,
        #"{"version":1,"metrics":[{"id":1,"name":"a","kind":"counter","later":1}]}"#,
    ])
    func refusesWhatItCannotRead(json: String) { #expect(MetricDefinitionJSON.decode(Array(json.utf8)) == nil) }
}
