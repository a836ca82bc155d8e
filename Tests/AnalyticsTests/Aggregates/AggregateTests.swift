import Analytics
import TestKit
import Testing

@Suite("Aggregate")
struct AggregateTests {
    @Test("merging is commutative, associative and has an identity, for every kind", arguments: Seed.range(200))
    func obeysTheLaws(seed: Seed) {
        var rng = SplitMix64(seed)
        let kind = Int.random(in: 0...4, using: &rng)
        let parts = (0..<12).map { _ in Aggregate.random(kind: kind, using: &rng) }
        let whole = Aggregate.merging(parts)
        #expect(whole.count == 12)
        #expect(Aggregate.merging(parts.shuffled(using: &rng)) == whole)
        let cut = Int.random(in: 0...12, using: &rng)
        #expect(Aggregate.merging([.merging(parts[..<cut]), .merging(parts[cut...])]) == whole)
        var same = whole
        same.merge(Aggregate())
        #expect(same == whole)
    }

    @Test func keepsTheLatestAndOfEqualTimesTheGreatest() {
        var aggregate = Aggregate()
        aggregate.addToGauge(5, atMs: 20)
        aggregate.addToGauge(9, atMs: 10)
        #expect(aggregate.last == .init(atMs: 20, value: 5))
        aggregate.addToGauge(7, atMs: 20)
        aggregate.addToGauge(6, atMs: 20)
        #expect(aggregate.last == .init(atMs: 20, value: 7))
        #expect(aggregate.range == 5...9)
        #expect(aggregate.sum == 27)
        #expect(aggregate.count == 4)
    }

    @Test("a sum stays a number, whatever is added", arguments: Seed.range(50))
    func sumsStayFinite(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let great = Double.greatestFiniteMagnitude
        let parts = (0..<20).map { _ -> Aggregate in
            var part = Aggregate()
            for _ in 0..<3 { part.addToDistribution(Bool.random(using: &rng) ? great : -great) }
            return part
        }
        let whole = Aggregate.merging(parts)
        #expect(try #require(whole.sum).isFinite)
        #expect(try #require(whole.value(.mean, seconds: 1)).isFinite)
        #expect(try #require(whole.value(.quantile(percent: 50), seconds: 1)).isFinite)
    }
}

@Suite("Record")
struct RecordTests {
    @Test("a record is the merge of its metrics, in whatever order they come", arguments: Seed.range(100))
    func keepsMetricsApart(seed: Seed) {
        var rng = SplitMix64(seed)
        let parts = (0..<30).map { _ -> (MetricID, Aggregate) in
            let id = UInt16.random(in: 0..<6, using: &rng)
            return (MetricID(rawValue: id), Aggregate.random(kind: Int(id) % 5, using: &rng))
        }
        var whole = Record()
        for (id, aggregate) in parts { whole.merge(aggregate, into: id) }
        var (left, right) = (Record(), Record())
        for (id, aggregate) in parts.shuffled(using: &rng) {
            if Bool.random(using: &rng) { left.merge(aggregate, into: id) } else { right.merge(aggregate, into: id) }
        }
        left.merge(right)
        #expect(left == whole)
        #expect(whole.sections.map(\.metric) == Set(parts.map(\.0)).sorted())
        for id in Set(parts.map(\.0)) {
            #expect(whole[id] == Aggregate.merging(parts.filter { $0.0 == id }.map(\.1)))
        }
    }

    @Test func nothingCountedLeavesNoSection() {
        var record = Record()
        record.merge(Aggregate(), into: .events)
        #expect(record.isEmpty)
        #expect(record[.events] == nil)
    }
}
