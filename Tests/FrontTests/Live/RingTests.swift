import Analytics
import TestKit
import Testing
import Wire

@testable import Front

@Suite("Ring") struct RingTests {
    static let metric = MetricID(rawValue: 1)

    private func record(_ value: Double) -> [UInt8] {
        var aggregate = Aggregate()
        aggregate.addToDistribution(value)
        var record = Record()
        record.merge(aggregate, into: Self.metric)
        return RecordCodec.encode(record)
    }

    @Test(arguments: Seed.range(20)) func holdsWhatWasAddedAndIsNotTooOld(seed: Seed) {
        var random = SplitMix64(seed)
        var ring = Ring(start: 10_000)
        var naive: [Int: [Int64: Aggregate]] = [:]
        for _ in 0..<3_000 {
            let line = Int.random(in: 0..<4, using: &random)
            switch Int.random(in: 0..<60, using: &random) {
            case 0: ring.advance(to: ring.start + Int64.random(in: 0...60, using: &random))
            case 1 where seed.value % 5 == 0:
                ring.advance(to: ring.start + Int64.random(in: 900...2000, using: &random))
            case 2:
                ring.drop(line: line)
                naive[line] = nil
            default:
                let second = ring.start + Int64.random(in: -20...1030, using: &random)
                let value = Double.random(in: 1...1e6, using: &random)
                #expect(ring.add(record(value), line: line, second: second) == (ring.start..<ring.end).contains(second))
                if (ring.start..<ring.end).contains(second) {
                    naive[line, default: [:]][second, default: Aggregate()].addToDistribution(value)
                }
            }
        }
        for line in 0..<4 {
            var held: [Int64: Int] = [:]
            ring.forEachAggregate(of: Self.metric, line: line, from: ring.start, to: ring.end) { held[$0] = $1.count }
            #expect(held == (naive[line] ?? [:]).filter { $0.key >= ring.start }.mapValues(\.count))
        }
        ring.advance(to: ring.start + 5_000)
        #expect(ring.byteCount == 0)
    }

    @Test(arguments: Seed.range(10)) func secondsThatAreOverStillChange(seed: Seed) {
        var random = SplitMix64(seed)
        var ring = Ring(start: 1_000)
        var naive: [Int64: Aggregate] = [:]
        // Nearly in order, as events come: most for the newest second, some for those before, some in gaps.
        for second in Int64(1_000)..<2_600 {
            ring.advance(to: second - 512)
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let late = Bool.random(using: &random) ? 0 : Int64.random(in: 0...90, using: &random)
                let (value, at) = (Double.random(in: 1...1e6, using: &random), max(second - late, ring.start))
                let isHeld = ring.add(record(value), line: 0, second: at)
                #expect(isHeld)
                naive[at, default: Aggregate()].addToDistribution(value)
            }
            guard second % 100 == 0 else { continue }
            var held: [Int64: Sketch] = [:]
            ring.forEachAggregate(of: Self.metric, line: 0, from: ring.start, to: ring.end) { held[$0] = $1.sketch }
            #expect(held == naive.filter { $0.key >= ring.start }.mapValues(\.sketch))
        }
        ring.drop(line: 0)
        #expect(ring.byteCount == 0)
    }

    @Test func aGrownRecordIsFolded() {
        var ring = Ring(start: 0)
        for _ in 0..<10_000 { _ = ring.add(record(12.5), line: 0, second: 5) }
        #expect(ring.byteCount < 700)
        var count = 0
        ring.forEachAggregate(of: Self.metric, line: 0, from: 0, to: 10) { count += $1.count }
        #expect(count == 10_000)
    }

    @Test func pastItsLimitTheOldestSecondsGo() {
        var ring = Ring(start: 0, maxBytes: 10_000)
        for second in 0..<500 { _ = ring.add(record(Double(second + 1)), line: second % 7, second: Int64(second)) }
        #expect(ring.byteCount <= 10_000)
        #expect(ring.start > 300 && ring.start < 500)
        #expect(ring.count(line: 499 % 7) > 0)
    }
}
