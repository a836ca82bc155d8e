import Analytics
import Testing

@Suite("Aggregation")
struct AggregationTests {
    @Test(arguments: [
        "count", "sum", "rate", "mean", "min", "max", "last", "ratio", "p0", "p50", "p90", "p99", "p99.9", "p99.99",
        "p100",
        "p0.0001", "p33.333",
    ])
    func readsItsOwnName(name: String) throws { #expect(try #require(Aggregation(name)).name == name) }

    @Test(arguments: [("p050", "p50"), ("p99.90", "p99.9"), ("p50.0", "p50")])
    func namesOneQuantileOneWay(name: String, canonical: String) throws {
        #expect(try #require(Aggregation(name)).name == canonical)
    }

    @Test(arguments: [
        "", "p", "P50", "p-1", "p+1", "p.5", "p99.", "p100.1", "p101", "p1e1", "p0x10", "p5 ", "p1.2.3", "p٥", "p½",
        "p0.00001",
        "counts", "Count", "median", "pinf", "pnan", "p1\u{301}",
    ])
    func refusesOtherNames(name: String) { #expect(Aggregation(name) == nil) }

    @Test func readsWhatAKindKeeps() {
        var counter = Aggregate()
        counter.addEvent()
        counter.addEvent()
        #expect(counter.value(.count, seconds: 10) == 2)
        #expect(counter.value(.sum, seconds: 10) == 2)
        #expect(counter.value(.rate, seconds: 10) == 0.2)
        #expect(counter.value(.mean, seconds: 10) == nil)

        var bytes = Aggregate()
        bytes.addToSum(30)
        bytes.addToSum(50)
        #expect(bytes.value(.sum, seconds: 10) == 80)
        #expect(bytes.value(.rate, seconds: 10) == 8)
        #expect(bytes.value(.min, seconds: 10) == nil)

        var ratio = Aggregate()
        for hit in [true, false, false, false] { ratio.addEvent(hit: hit) }
        #expect(ratio.value(.ratio, seconds: 1) == 0.25)

        var times = Aggregate()
        for value in [1.0, 2, 3, 1_000] { times.addToDistribution(value) }
        #expect(times.value(.rate, seconds: 2) == 2)
        #expect(times.value(.mean, seconds: 2) == 251.5)
        #expect(times.value(.last, seconds: 2) == nil)
        #expect(Aggregate().value(.count, seconds: 1) == nil)
    }

    @Test func quantilesNeverLeaveTheRangeOfTheValues() {
        var aggregate = Aggregate()
        aggregate.addToDistribution(100)
        #expect(aggregate.value(.p50, seconds: 1) == 100)
        aggregate.addToDistribution(101)
        for percent in [0.0, 50, 100] {
            #expect(aggregate.value(.quantile(percent: percent), seconds: 1).map { (100...101).contains($0) } == true)
        }
    }
}
