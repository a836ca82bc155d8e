/// How many questions were answered from where, since the start and in the last minutes; a value without a clock.
package struct QueryTally: Sendable {
    /// Counts of some span of time.
    package struct Counts: Sendable, Equatable {
        package var answered = 0
        /// Of those, for which PostgreSQL was not needed: the hits of the cache.
        package var withoutPostgres = 0

        /// Hits among all, 0...1; nil where nothing was asked.
        package var hitRate: Double? { answered == 0 ? nil : Double(withoutPostgres) / Double(answered) }
    }

    /// How far back `recent` looks, in seconds.
    package static let recentSeconds = 300
    /// The tiers that one answer may come from, fastest first, in all combinations.
    package static let combinations: [[String]] = (0..<1 << QueryTier.allCases.count).map { bits in
        QueryTier.allCases.enumerated().filter { bits >> $0.offset & 1 == 1 }.map(\.element.rawValue)
    }

    private static let slotSeconds = 10
    private static let slotCount = recentSeconds / slotSeconds

    /// Since the start.
    package private(set) var total = Counts()
    /// Since the start, the answers that each tier had a part in.
    package private(set) var byTier: [String: Int] = [:]
    /// The last minutes, each slot with the number of the ten seconds it counts.
    private var slots = [(number: UInt64, counts: Counts)](repeating: (0, Counts()), count: slotCount)

    package init() {}

    /// Counts an answer; `nowNs` is monotonic.
    mutating func count(tiers: [String], isHit: Bool, nowNs: UInt64) {
        let number = Self.number(nowNs)
        let place = Int(number % UInt64(Self.slotCount))
        if slots[place].number != number { slots[place] = (number, Counts()) }
        slots[place].counts.answered += 1
        total.answered += 1
        if isHit {
            slots[place].counts.withoutPostgres += 1
            total.withoutPostgres += 1
        }
        for tier in tiers { byTier[tier, default: 0] += 1 }
    }

    /// The counts of the last `recentSeconds`, up to ten seconds less; `nowNs` is monotonic.
    package func recent(nowNs: UInt64) -> Counts {
        let now = Self.number(nowNs)
        return slots.reduce(into: Counts()) { sum, slot in
            guard slot.number + UInt64(Self.slotCount) > now else { return }
            sum.answered += slot.counts.answered
            sum.withoutPostgres += slot.counts.withoutPostgres
        }
    }

    private static func number(_ nowNs: UInt64) -> UInt64 { nowNs / (UInt64(slotSeconds) * 1_000_000_000) }
}
