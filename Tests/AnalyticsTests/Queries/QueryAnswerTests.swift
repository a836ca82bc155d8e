import Analytics
import Testing

@Suite("Query answer")
struct QueryAnswerTests {
    let metric = MetricDefinition(
        id: MetricID(rawValue: 1), name: "requests", kind: .counter, by: ["service", "endpoint"])

    @Test func groupsSeriesAndMergesSteps() throws {
        let query = try ask { $0.by = "service" }
        var found = GroupedBuckets(query)
        for (endpoint, second) in [("/a", 0), ("/b", 3), ("/a", 9), ("/a", 10)] {
            let place = found.place(of: labels(["service": "x", "endpoint": endpoint]))
            found.merge(events(1), at: place, bucketMs: Int64(second) * 1_000)
        }
        let answer = QueryAnswer(query, found, tiers: ["redis"], asOfMs: 5, degraded: [])
        #expect(answer.series.map(\.labels) == [labels(["service": "x"])])
        #expect(answer.series[0].times == [0, 10_000] && answer.series[0].values == [[3, 1]])
    }

    @Test func eventsPastTheLimitOfSeriesCountInTheWholeAndStandAloneInGroups() throws {
        for (by, expected) in [("", [LabelSet.none]), ("service", [.overflow, labels(["service": "x"])])] {
            let query = try ask { $0.by = by }
            var found = GroupedBuckets(query)
            found.merge(events(3), at: found.place(of: .overflow), bucketMs: 0)
            found.merge(events(2), at: found.place(of: labels(["service": "x", "endpoint": "/"])), bucketMs: 0)
            let answer = QueryAnswer(query, found, tiers: [], asOfMs: 0, degraded: [])
            #expect(answer.series.map(\.labels) == expected)
            #expect(answer.series.reduce(0) { $0 + ($1.values[0][0] ?? 0) } == 5)
        }
    }

    @Test func heaviestComeFirstAndTheRestIsSaidToBeThere() throws {
        let query = try ask {
            $0.by = "service"; $0.limit = "2"
        }
        var found = GroupedBuckets(query)
        for (service, count) in [("a", 1), ("b", 7), ("d", 3), ("c", 3)] {
            found.merge(events(count), at: found.place(of: labels(["service": service])), bucketMs: 0)
        }
        let answer = QueryAnswer(query, found, tiers: [], asOfMs: 0, degraded: [])
        #expect(answer.series.map(\.labels) == [labels(["service": "b"]), labels(["service": "c"])])
        #expect(answer.isTruncated)
    }

    @Test func fillsCountsAndRatesOnly() throws {
        var query = try ask {
            $0.aggregations = "count,rate,sum"; $0.fill = "zero"
        }
        query.toMs = 30_000
        var found = GroupedBuckets(query)
        found.merge(events(20), at: found.place(of: .none), bucketMs: 10_000)
        let series = QueryAnswer(query, found, tiers: [], asOfMs: 0, degraded: []).series[0]
        #expect(series.times == [0, 10_000, 20_000])
        #expect(series.values == [[0, 20, 0], [0, 2, 0], [nil, 20, nil]])
    }

    @Test func theWholeIsFilledWhereThereWasNoEventAtAll() throws {
        func answer(
            by: String = "", aggregations: String = "count,sum", degraded: [String] = []
        ) throws -> [QueryAnswer.Series] {
            let query = try ask {
                ($0.aggregations, $0.fill, $0.by, $0.to) = (aggregations, "zero", by, "30000")
            }
            return QueryAnswer(query, GroupedBuckets(query), tiers: [], asOfMs: 0, degraded: degraded).series
        }
        let whole = try answer()
        #expect(whole.map(\.labels) == [.none] && whole[0].times == [0, 10_000, 20_000])
        #expect(whole[0].values == [[0, 0, 0], [nil, nil, nil]])
        #expect(try answer(by: "service").isEmpty, "which services there would be, nobody knows")
        #expect(try answer(aggregations: "sum").isEmpty, "a sum of nothing is not filled")
        #expect(try answer(degraded: ["redis"]).isEmpty, "nobody knows that there was no event")
    }

    @Test func nothingFoundIsAnAnswerWithoutSeries() throws {
        let query = try ask { _ in }
        var found = GroupedBuckets(query)
        _ = found.place(of: .none)
        #expect(found.isEmpty && found == GroupedBuckets(query))
        let answer = QueryAnswer(query, found, tiers: [], asOfMs: 0, degraded: [])
        #expect(answer.series.isEmpty && !answer.isTruncated)
    }

    private func ask(_ change: (inout Query.Texts) -> Void) throws -> Query {
        var texts = Query.Texts()
        (texts.from, texts.to, texts.step) = ("0", "60000", "10s")
        change(&texts)
        return try Query(metric: metric, texts, nowMs: 60_000)
    }

    private func events(_ count: Int) -> Aggregate {
        var aggregate = Aggregate()
        for _ in 0..<count { aggregate.addEvent() }
        return aggregate
    }

    private func labels(_ values: [String: String]) -> LabelSet {
        LabelSet(values.map { .init(name: $0.key, value: $0.value) })
    }
}
