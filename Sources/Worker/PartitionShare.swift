/// Which worker works on which partition: a pure function of who there is, so that all come to the same result.
///
/// Rendezvous hashing with room for a fair share each: every pair of a partition and a worker has a score of its own, and
/// pairs are made in the order of their scores while the worker has room. So no worker has more than one partition more than
/// another, and when a worker comes or goes most partitions stay where they are.
package enum PartitionShare {
    private struct Pair {
        let score: UInt64
        let partition: Int
        let owner: Int
    }

    /// The owner of each partition; `owners` may come in any order. Nil without owners.
    ///
    /// - Complexity: O(p log p), p = partitions times owners.
    package static func owners(of partitionCount: Int, among owners: [String]) -> [String]? {
        let sorted = Set(owners).sorted()
        guard !sorted.isEmpty else { return nil }
        var pairs: [Pair] = []
        pairs.reserveCapacity(partitionCount * sorted.count)
        for (place, owner) in sorted.enumerated() {
            let name = hash(owner)
            for partition in 0..<partitionCount {
                pairs.append(Pair(score: mix(name ^ mix(UInt64(partition))), partition: partition, owner: place))
            }
        }
        pairs.sort { ($0.score, $1.owner, $1.partition) > ($1.score, $0.owner, $0.partition) }
        let share = partitionCount / sorted.count
        var larger = partitionCount % sorted.count
        var held = Array(repeating: 0, count: sorted.count)
        var chosen = [Int?](repeating: nil, count: partitionCount)
        for pair in pairs where chosen[pair.partition] == nil {
            let has = held[pair.owner]
            guard has < share || has == share && larger > 0 else { continue }
            if has == share { larger -= 1 }
            held[pair.owner] += 1
            chosen[pair.partition] = pair.owner
        }
        return chosen.map { place in
            guard let place else { preconditionFailure("there is room for all partitions") }
            return sorted[place]
        }
    }

    /// FNV-1a: the same in every process.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Spreads the bits of a number over all others (the end of MurmurHash3).
    private static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return mixed ^ (mixed >> 33)
    }
}
