import Analytics
import Service
import Testing

@testable import Bench

@Suite("Questions of a bench")
struct QuestionTests {
    private let metrics = [
        FrontCatalog.Metric(name: "events", kind: .counter, by: []),
        FrontCatalog.Metric(name: "time", kind: .distribution, by: ["service", "endpoint"]),
        FrontCatalog.Metric(name: "best", kind: .top, by: ["service"]),
    ]
    private let series = [
        ["service": "a,b", "endpoint": "/x*"], ["service": "a,b", "endpoint": "/y"],
        ["service": "!c\\", "endpoint": "/x*"],
    ]

    private func catalog(_ metric: Int = 1) -> FrontCatalog {
        FrontCatalog(metrics: metrics, metric: metrics[metric], series: metric == 1 ? series : [[:]])
    }

    @Test("each preset asks for what its name says, and only for the labels that are meant")
    func presets() {
        let one = "/api/v1/query?metric=time&agg=p99"
        #expect(
            QuestionPreset.fiveMinutes.questions(catalog()) == [
                Question(
                    "5m",
                    targets: [
                        one + "&from=-5m&step=1s&label.endpoint=%2Fx%5C%2A&label.service=a%5C%2Cb",
                        one + "&from=-5m&step=1s&label.endpoint=%2Fy&label.service=a%5C%2Cb",
                        one + "&from=-5m&step=1s&label.endpoint=%2Fx%5C%2A&label.service=%5C%21c%5C%5C",
                    ])
            ])
        #expect(
            QuestionPreset.hour.questions(catalog()) == [
                Question("1h", targets: [one + "&from=-1h&step=10s&by=service"])
            ])
        #expect(
            QuestionPreset.thirtyDays.questions(catalog()) == [
                Question("30d", targets: [one + "&from=-30d&step=1h&by=service"])
            ])
        #expect(QuestionPreset.thirtyDaysOfOne.questions(catalog())[0].targets.count == 2)
        #expect(
            QuestionPreset.hour.questions(catalog(0)) == [
                Question("1h", targets: ["/api/v1/query?metric=events&from=-1h&step=10s"])
            ])
        #expect(QuestionPreset.healthz.questions(catalog()) == [Question("healthz", targets: ["/healthz"])])
    }

    @Test("an escaped value matches itself and no other", arguments: ["a,b", "/x*", "!c\\", "a", "*", "\\*", "ü b"])
    func escapesLabels(value: String) {
        var filter = LabelFilter()
        filter.add(label: "name", patterns: QuestionPreset.exact(value))
        for other in ["a,b", "/x*", "!c\\", "a", "b", "*", "\\*", "ü b", "", "/xy"] {
            #expect(filter.matches(LabelSet([.init(name: "name", value: other)])) == (other == value))
        }
    }

    @Test("a file gives the forms of a question")
    func readsFiles() {
        #expect(Question("@f", lines: "/a?b=c\n# more\n\n/d\n") == Question("@f", targets: ["/a?b=c", "/d"]))
        #expect(Question("@f", lines: "# none\n") == nil && Question("@f", lines: "/a\nb") == nil)
        #expect(Question("@f", lines: "/a b") == nil)
    }

    @Test("the dashboard asks every metric over every range, in the shares that are told")
    func dashboardMix() {
        let questions = QuestionPreset.dashboard.questions(catalog())
        let total = questions.reduce(0) { $0 + $1.weight }
        for (range, weight) in QuestionPreset.dashboardRanges {
            let named = questions.filter { $0.name == range }
            #expect(100 * named.reduce(0) { $0 + $1.weight } == weight * total)
            #expect(named[0].targets.count == metrics.count)
            let targets = named.flatMap { (question: Question) -> [String] in question.targets }
            #expect(targets.allSatisfy { $0.contains("from=-\(range)") })
        }
        #expect(questions[0].targets[0] == "/api/v1/query?metric=events&agg=rate&from=-5m")
        #expect(questions[0].targets[1] == "/api/v1/query?metric=time&agg=p50%2Cp99&by=service&from=-5m")
        #expect(questions[0].targets[2] == "/api/v1/top?metric=best&from=-5m&k=10")
        // Two values of the first label, for the two metrics that have it.
        #expect(questions[1].targets.count == 4 && 3 * questions[1].weight == questions[0].weight)
    }

    @Test("a catalog is read from the API's answers")
    func readsCatalog() throws {
        let metrics = try JSON5.parse(
            Array(
                """
                {"metrics":[{"name":"events","kind":"counter","unit":"","by":[]},
                {"name":"time","kind":"distribution","by":["service","endpoint"],"series":3},{"name":"new","kind":"later"}]}
                """.utf8))
        #expect(FrontCatalog.metrics(metrics) == Array(self.metrics.prefix(2)))
        #expect(FrontCatalog.preferred(of: self.metrics)?.name == "time")
        let series = try JSON5.parse(
            Array(#"{"metric":"time","series":[{"labels":{"service":"a"},"last_seen":null},{"labels":{}}]}"#.utf8))
        #expect(FrontCatalog.series(series) == [["service": "a"], [:]])
        #expect(FrontCatalog.series(metrics) == nil && FrontCatalog.metrics(series) == nil)
        #expect(FrontCatalog.seriesTarget(of: "a/b") == "/api/v1/metrics/a%2Fb/series")
    }
}
