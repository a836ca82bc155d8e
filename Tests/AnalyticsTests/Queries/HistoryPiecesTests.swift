import Analytics
import TestKit
import Testing

@Suite("Pieces of history")
struct HistoryPiecesTests {
    private let day: Int64 = 86_400_000
    private let hour: Int64 = 3_600_000

    @Test("pieces and rest cover a range once, and nothing that is not settled is kept", arguments: Seed.range(500))
    func coverTheRangeOnce(seed: Seed) {
        var rng = SplitMix64(seed)
        let step = StepLadder.all.filter { $0 >= 60_000 }.randomElement(using: &rng) ?? 60_000
        let from = StepLadder.floor(.random(in: 20_000 * day...20_010 * day, using: &rng), step)
        let length = [step, hour, day, 40 * day].randomElement(using: &rng) ?? step
        let to = from + max(StepLadder.floor(.random(in: 0...length, using: &rng), 60_000), 60_000)
        let settled = StepLadder.floor(.random(in: from - day...to + day, using: &rng), 60_000)
        let mayOverlap = Bool.random(using: &rng)
        let pieces = HistoryPieces(from..<to, stepMs: step, settledBefore: settled, mayOverlap: mayOverlap)
        #expect(pieces.kept.allSatisfy { $0.upperBound <= settled })
        #expect(pieces.kept.allSatisfy { $0.lowerBound % ($0.upperBound - $0.lowerBound) == 0 })
        if !mayOverlap { #expect(pieces.kept.allSatisfy { from <= $0.lowerBound && $0.upperBound <= to }) }
        var reached = from
        for part in (pieces.kept + pieces.rest).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            #expect(part.lowerBound == reached || (reached == from && part.lowerBound < from))
            reached = part.upperBound
        }
        #expect(reached >= to)
        let read = (pieces.kept + pieces.rest).reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        #expect(read <= 2 * (to - from) + 2 * HistoryPieces.shortestMs, "what is read in vain is little")
    }

    @Test func aSlidingRangeKeepsItsPieces() {
        let now = 20_000 * day + 5 * hour
        let first = HistoryPieces(now - 30 * day..<now, stepMs: hour, settledBefore: now)
        let later = HistoryPieces(now - 29 * day..<now + 2 * hour, stepMs: hour, settledBefore: now + 2 * hour)
        #expect(first.rest.isEmpty && later.rest.isEmpty)
        #expect(Set(later.kept).subtracting(first.kept).count == 2, "the two new hours")
    }
}
