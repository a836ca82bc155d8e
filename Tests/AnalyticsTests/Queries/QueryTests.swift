import Analytics
import Testing

@Suite("Query")
struct QueryTests {
    let metric = MetricDefinition(
        id: MetricID(rawValue: 3), name: "response_time", kind: .distribution, value: "duration_ms", unit: "ms",
        by: ["service", "endpoint"])
    /// 2026-11-23T10:00:07.500Z
    let nowMs: Int64 = 1_795_428_007_500

    @Test func hasTheContractsDefaults() throws {
        let query = try ask { _ in }
        #expect(query.aggregations == [.p50] && query.by == [] && query.limit == 100 && !query.fillsZero)
        #expect(query.stepMs == 5_000, "15 min in about 300 points")
        #expect(query.fromMs == nowMs - 900_000 - 2_500 && query.toMs == nowMs + 2_500, "whole steps, outwards")
    }

    @Test func takesEveryWayToSayATime() throws {
        for (text, expected) in [
            ("now", nowMs), ("-90s", nowMs - 90_000), ("-1h", nowMs - 3_600_000), ("-2d", nowMs - 172_800_000),
            ("1795427000000", 1_795_427_000_000), ("2026-11-23T09:00:00Z", 1_795_424_400_000),
            ("2026-11-23T10:00:00+01:00", 1_795_424_400_000),
        ] {
            #expect(TimeExpression.parse(text, nowMs: nowMs) == expected, "\(text)")
        }
        for text in ["", "-", "-5", "-5w", "yesterday", "now-5m", "+5m", "-1.5h", "2026-11-23"] {
            #expect(TimeExpression.parse(text, nowMs: nowMs) == nil, "'\(text)' is no time")
        }
    }

    @Test(
        arguments: [("1s", 1_000), ("3s", 5_000), ("45s", 60_000), ("7m", 600_000), ("1d", 86_400_000)]
            as [(String, Int64)])
    func stepsRiseToTheLadder(text: String, stepMs: Int64) throws {
        #expect(
            try ask {
                $0.step = text; $0.from = "-2h"
            }.stepMs == stepMs)
    }

    @Test(
        arguments: [
            ("-5m", 1_000), ("-1h", 20_000), ("-6h", 120_000), ("-1d", 300_000), ("-30d", 10_800_000),
        ] as [(String, Int64)])
    func autoAimsAt300Points(from: String, stepMs: Int64) throws {
        #expect(
            try ask {
                $0.from = from; $0.step = "auto"
            }.stepMs == stepMs)
    }

    @Test func everyStepOfTheLadderDividesADay() {
        for step in StepLadder.all { #expect(86_400_000 % step == 0) }
        #expect(StepLadder.all == StepLadder.all.sorted())
        #expect(StepLadder.floor(-1, 1_000) == -1_000 && StepLadder.ceiling(1, 1_000) == 1_000)
    }

    @Test func namesTheParameterThatIsWrong() {
        let wrong: [(String, (inout Query.Texts) -> Void)] = [
            ("agg", { $0.aggregations = "p50,ratio" }), ("agg", { $0.aggregations = "" }),
            ("agg", { $0.aggregations = "p101" }), ("by", { $0.by = "service,host" }),
            ("label.host", { $0.filter.add(label: "host", patterns: "a") }), ("from", { $0.from = "soon" }),
            ("from", { $0.from = "now" }), ("from", { $0.from = "-99999d" }),
            ("to", { $0.to = "later" }), ("step", { $0.step = "10" }), ("step", { $0.step = "500ms" }),
            ("step", { $0.step = "2d" }),
            (
                "step",
                {
                    $0.step = "1s"; $0.from = "-7d"
                }
            ),
            (
                "from",
                {
                    $0.from = "0"; $0.to = "2099-01-01T00:00:00Z"
                }
            ), ("limit", { $0.limit = "0" }),
            ("limit", { $0.limit = "1001" }), ("limit", { $0.limit = "ten" }), ("fill", { $0.fill = "null" }),
            (
                "fill",
                {
                    $0.fill = "zero"; $0.step = "1s"; $0.from = "-3h"; $0.limit = "1000"
                }
            ),
        ]
        for (parameter, change) in wrong {
            #expect("\(parameter) is refused") { try ask(change) } throws: { error in
                (error as? QueryError)?.parameter == parameter
            }
        }
    }

    @Test func saysWhichStepWouldDo() throws {
        var least = ""
        do {
            _ = try ask {
                $0.step = "1s"; $0.from = "-7d"
            }
        } catch { least = error.detail }
        #expect(least.contains("at least 60s"))
        #expect(
            try ask {
                $0.step = "60s"; $0.from = "-7d"
            }.stepMs == 60_000)
    }

    @Test func namesAggregationsAndLabelsOnce() throws {
        let query = try ask {
            $0.aggregations = "p99,mean,p99,p99.9"; $0.by = "service,endpoint,service"
        }
        #expect(query.aggregations == [.p99, .mean, .quantile(percent: 99.9)])
        #expect(query.by == ["endpoint", "service"])
    }

    @Test func risingKeepsWholeSteps() throws {
        let fine = try ask {
            $0.from = "-5m"; $0.step = "1s"
        }
        let coarse = fine.rising(toStep: 60_000)
        #expect(coarse.stepMs == 60_000 && coarse.fromMs % 60_000 == 0 && coarse.toMs % 60_000 == 0)
        #expect(coarse.fromMs <= fine.fromMs && coarse.toMs >= fine.toMs)
        #expect(coarse.rising(toStep: 1_000) == coarse)
    }

    private func ask(_ change: (inout Query.Texts) -> Void) throws(QueryError) -> Query {
        var texts = Query.Texts()
        change(&texts)
        return try Query(metric: metric, texts, nowMs: nowMs)
    }
}
