import Analytics
import TestKit
import Testing

@Suite("HyperLogLog")
struct HyperLogLogTests {
    private func filled(_ values: some Sequence<Int>) -> HyperLogLog {
        var registers = HyperLogLog()
        for value in values { registers.insert(Array("user-\(value)".utf8).span) }
        return registers
    }

    @Test(
        "the estimate stays within four standard errors", arguments: [0, 1, 2, 10, 100, 1_000, 5_000, 20_000, 200_000])
    func estimates(distinct: Int) {
        let count = filled(0..<distinct).count
        #expect(abs(Double(count - distinct)) <= max(1, 4 * 0.0081 * Double(distinct)), "\(count) of \(distinct)")
    }

    @Test func valuesThatWereSeenChangeNothing() {
        var registers = filled(0..<3_000)
        let before = registers
        for value in 0..<3_000 {
            let hasChanged = registers.insert(Array("user-\(value)".utf8).span)
            #expect(!hasChanged)
        }
        #expect(registers == before)
        #expect(registers.filledCount == before.filledCount)
    }

    @Test("merging in any order and grouping gives what one would have seen", arguments: Seed.range(30))
    func mergingIsUnion(seed: Seed) {
        var rng = SplitMix64(seed)
        let size = [5, 300, 2_000, 30_000].randomElement(using: &rng) ?? 5
        let parts = (0..<Int.random(in: 1...6, using: &rng)).map { _ in
            (0..<Int.random(in: 0...size, using: &rng)).map { _ in Int.random(in: 0..<size, using: &rng) }
        }
        var merged = HyperLogLog()
        for part in parts.shuffled(using: &rng) { merged.merge(filled(part)) }
        #expect(merged == filled(parts.flatMap(\.self)))
        var again = merged
        again.merge(merged)
        #expect(again == merged)
    }
}

@Suite("Top items")
struct TopItemsTests {
    @Test("merging in any order counts the same while nothing is dropped", arguments: Seed.range(30))
    func mergingAddsCounts(seed: Seed) {
        var rng = SplitMix64(seed)
        var whole = TopItems()
        var parts = Array(repeating: TopItems(), count: 5)
        for _ in 0..<500 {
            let item = Array("/\(Int.random(in: 0..<40, using: &rng))".utf8)
            whole.add(item)
            parts[Int.random(in: 0..<5, using: &rng)].add(item)
        }
        var merged = TopItems()
        for part in parts.shuffled(using: &rng) { merged.merge(part) }
        #expect(merged == whole)
        #expect(merged.isExact)
        #expect(merged.total == 500)
    }

    @Test func theLightestAreDroppedAndTheirEventsCounted() {
        var items = TopItems()
        for number in 1...20 { items.add(Array("\(number)".utf8), count: number) }
        let none = items.trim(keep: 10)
        #expect(none.isEmpty)
        #expect(items.isExact)
        items.add(Array("new".utf8))
        let dropped = items.trim(keep: 10)
        #expect(dropped.count == 11)
        #expect(items.counts.count == 10)
        #expect(items.dropped == (1...10).reduce(1, +))
        #expect(items.total == (1...20).reduce(1, +))
        #expect(!items.isExact)
        #expect(items.heaviest(2).map { String(decoding: $0.item, as: UTF8.self) } == ["20", "19"])
    }

    @Test func equalsGoByTheirBytes() {
        var items = TopItems()
        for item in ["b", "a", "é", "Z"] { items.add(Array(item.utf8)) }
        #expect(items.heaviest(10).map { String(decoding: $0.item, as: UTF8.self) } == ["Z", "a", "b", "é"])
    }
}
