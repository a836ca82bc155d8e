import Service
import TestKit
import Testing

@Suite("Backoff") struct BackoffTests {
    @Test func ceilingDoublesUpToTheLongest() {
        var backoff = Backoff(shortest: .milliseconds(100), longest: .seconds(1))
        var ceilings: [Duration] = []
        for _ in 0..<6 {
            ceilings.append(backoff.ceiling)
            _ = backoff.next()
        }
        #expect(ceilings == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        backoff.reset()
        #expect(backoff.ceiling == .milliseconds(100))
    }

    @Test func delaysFillTheWholeRange() {
        var generator = SplitMix64(Seed(value: 7))
        let delays = (0..<1_000).map { _ in
            var backoff = Backoff(shortest: .seconds(1), longest: .seconds(1))
            return backoff.next(using: &generator)
        }
        #expect(delays.allSatisfy { (.zero...(.seconds(1))).contains($0) })
        #expect(delays.count { $0 < .milliseconds(100) } > 50)
        #expect(delays.count { $0 > .milliseconds(900) } > 50)
    }

    @Test func aSeedRepeatsTheDelays() {
        func delays(_ seed: UInt64) -> [Duration] {
            var generator = SplitMix64(Seed(value: seed))
            var backoff = Backoff()
            return (0..<5).map { _ in backoff.next(using: &generator) }
        }
        #expect(delays(1) == delays(1))
        #expect(delays(1) != delays(2))
    }

    @Test func staysAtTheLongestForever() {
        var backoff = Backoff()
        var generator = SplitMix64(Seed(value: 3))
        for _ in 0..<10_000 { _ = backoff.next(using: &generator) }
        #expect(backoff.ceiling == .seconds(10))
    }
}
