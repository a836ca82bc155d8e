/// How many partitions there are, and in which of them a request with an idempotency key finds its key.
///
/// A key belongs to partition hash mod count. When the count grows, keys go on by the old one until a moment that lies far
/// enough ahead for every front to hear of it, and by the new one from then on. What was stored before is looked up where the
/// old count has it, until it has expired.
package struct PartitionLayout: Sendable, Equatable {
    /// A count by which keys go, or went.
    package struct Step: Sendable, Equatable {
        package let count: Int
        /// From when on, ms of the store's clock.
        package let sinceMs: Int64

        package init(count: Int, sinceMs: Int64) {
            self.count = count
            self.sinceMs = sinceMs
        }
    }

    /// What became of the count that was asked for.
    package enum Growth: Sendable, Equatable {
        /// There are as many already.
        case none
        case grew
        /// It has grown too often within the life of a key, and does so later.
        case mustWait
    }

    /// Where a request with a key goes.
    package struct Route: Sendable, Equatable {
        /// Where its key is written, and where it may be.
        package let partition: Int
        /// From this moment of the store's clock on it may belong elsewhere.
        package let beforeMs: Int64
        /// Where the key may be from before; it is looked up there first, not before `settledMs`, when nobody can write it
        /// there any more.
        package let earlier: [Int]
        package let settledMs: Int64
    }

    /// Partitions in all; at least 1.
    package let count: Int
    /// Ascending; empty where keys have only ever gone by `count`.
    package let steps: [Step]
    /// How long keys live at most, ms.
    package let keyLifeMs: Int64
    /// The store's clock when it told this, ms since 1970.
    package let readMs: Int64
    /// No step that is not known here begins before this, ms of the store's clock.
    package let validUntilMs: Int64
    package let growth: Growth

    package init(
        count: Int, steps: [Step] = [], keyLifeMs: Int64, readMs: Int64, validUntilMs: Int64, growth: Growth = .none
    ) {
        precondition(count >= 1, "there is at least one partition")
        self.count = count
        self.steps = steps
        self.keyLifeMs = keyLifeMs
        self.readMs = readMs
        self.validUntilMs = validUntilMs
        self.growth = growth
    }

    /// The way of a key with this hash at a moment of the store's clock.
    package func route(hash: UInt64, atMs: Int64) -> Route {
        func partition(_ count: Int) -> Int { Int(hash % UInt64(count)) }
        guard !steps.isEmpty else {
            return Route(partition: partition(count), beforeMs: validUntilMs, earlier: [], settledMs: 0)
        }
        let current = steps.lastIndex { $0.sinceMs <= atMs } ?? 0
        let target = partition(steps[current].count)
        let next = steps[(current + 1)...].first { partition($0.count) != target }
        var earlier: [Int] = []
        // The moment is a guess: what has only just expired is looked up all the same.
        let lifeMs = keyLifeMs + validUntilMs - readMs
        for place in 0..<current where steps[place + 1].sinceMs + lifeMs > atMs {
            let old = partition(steps[place].count)
            if old != target, !earlier.contains(old) { earlier.append(old) }
        }
        return Route(
            partition: target, beforeMs: min(validUntilMs, next?.sinceMs ?? .max), earlier: earlier,
            settledMs: earlier.isEmpty ? 0 : steps[current].sinceMs)
    }
}
