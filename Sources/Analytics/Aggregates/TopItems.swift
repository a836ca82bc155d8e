/// Items with the number of events of each: exact until there are so many that the lightest are dropped.
///
/// Merging adds counts. Of what was dropped only the number of events is known: where it is 0, every count is exact; else an
/// item's count may be too low by at most that.
package struct TopItems: Equatable, Sendable {
    /// By the item's bytes; each at least 1.
    package private(set) var counts: [[UInt8]: Int] = [:]
    /// Events whose item was dropped.
    package private(set) var dropped = 0

    package init() {}

    /// Known counts, as a codec reads them; nil where one is below 1.
    package init?(counts: [[UInt8]: Int], dropped: Int) {
        guard dropped >= 0, counts.values.allSatisfy({ $0 >= 1 }) else { return nil }
        self.counts = counts
        self.dropped = dropped
    }

    package var isEmpty: Bool { counts.isEmpty && dropped == 0 }

    /// Every item there was is there, with its exact count.
    package var isExact: Bool { dropped == 0 }

    /// Events in all.
    package var total: Int { counts.values.reduce(dropped, +) }

    /// Counts events of an item.
    package mutating func add(_ item: [UInt8], count: Int = 1) { counts[item, default: 0] += count }

    /// Adds all that `other` has counted.
    package mutating func merge(_ other: TopItems) {
        dropped += other.dropped
        if counts.isEmpty {
            counts = other.counts
        } else {
            counts.merge(other.counts, uniquingKeysWith: +)
        }
    }

    /// Drops the lightest where there are more than twice `keep`, so that `keep` stay; returns those dropped.
    ///
    /// Twice, so that an item that comes up late has room to become heavy.
    @discardableResult
    package mutating func trim(keep: Int) -> [[UInt8]] {
        guard counts.count > 2 * keep else { return [] }
        let light = heaviest(.max).dropFirst(keep)
        for (item, count) in light {
            counts[item] = nil
            dropped += count
        }
        return light.map(\.item)
    }

    /// The `limit` heaviest, equals by their bytes. O(n log n).
    package func heaviest(_ limit: Int) -> ArraySlice<(item: [UInt8], count: Int)> {
        counts.map { (item: $0.key, count: $0.value) }.sorted { a, b in
            a.count != b.count ? a.count > b.count : a.item.lexicographicallyPrecedes(b.item)
        }.prefix(limit)
    }
}
