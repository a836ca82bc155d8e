import TestKit
import Testing

@testable import Worker

@Suite("Partition share")
struct PartitionShareTests {
    private func owners(_ count: Int, seed: Seed) -> [String] {
        var rng = SplitMix64(seed)
        return (0..<count).map { "work-host\($0)-\(UInt16.random(in: 0 ... .max, using: &rng))" }
    }

    @Test("shares differ by one at most", arguments: [1, 2, 3, 8, 16, 31, 256])
    func sharesDifferByOneAtMost(partitions: Int) throws {
        for count in 1...12 {
            let names = owners(count, seed: Seed(value: count))
            let shares = try #require(PartitionShare.owners(of: partitions, among: names))
            #expect(shares.count == partitions)
            let held = names.map { name in shares.count { $0 == name } }
            let most = held.max() ?? 0
            let least = held.min() ?? 0
            #expect(most - least <= 1, "\(partitions) among \(count): \(held)")
        }
        #expect(PartitionShare.owners(of: partitions, among: []) == nil)
    }

    @Test func allComeToTheSameResult() {
        let names = owners(5, seed: Seed(value: 1))
        let shares = PartitionShare.owners(of: 40, among: names)
        #expect(PartitionShare.owners(of: 40, among: names.reversed()) == shares)
        #expect(PartitionShare.owners(of: 40, among: names + names) == shares)
    }

    /// Who comes must get a share, and who goes must give one away: that much has to move, and little more does.
    @Test func fewPartitionsMoveWhenAWorkerComesOrGoes() throws {
        let partitions = 64
        var (moved, least) = (0, 0)
        for seed in Seed.range(50) {
            let names = owners(9, seed: seed)
            for count in 1...8 {
                let before = try #require(PartitionShare.owners(of: partitions, among: Array(names[..<count])))
                let after = try #require(PartitionShare.owners(of: partitions, among: Array(names[...count])))
                moved += zip(before, after).count { $0 != $1 }
                least += partitions / (count + 1)
            }
        }
        #expect(Double(moved) < 1.5 * Double(least), "\(moved) moved, at least \(least) had to")
    }
}
