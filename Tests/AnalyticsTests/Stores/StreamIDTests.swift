import Analytics
import TestKit
import Testing

@Suite("Stream id")
struct StreamIDTests {
    @Test(arguments: ["0-0", "1795428000000-3", "18446744073709551615-18446744073709551615"])
    func readsItsOwnText(text: String) throws { #expect(try #require(StreamID(text)).description == text) }

    @Test(arguments: ["", "-", "1", "1-", "-1", "1-2-3", "a-1", "+1-2", "1-+2", "1 -2", "18446744073709551616-0"])
    func refusesOtherTexts(text: String) { #expect(StreamID(text) == nil) }

    @Test("packed ids order as ids do", arguments: Seed.range(50))
    func packsInOrder(seed: Seed) {
        var rng = SplitMix64(seed)
        let ids = (0..<60).map { _ in
            StreamID(
                ms: .random(in: 0...(1 << Int.random(in: 1...63, using: &rng)), using: &rng),
                sequence: .random(in: 0...(1 << Int.random(in: 0...63, using: &rng)), using: &rng))
        }.sorted()
        for (a, b) in zip(ids, ids.dropFirst()) {
            #expect(a.packed <= b.packed)
            #expect(a.packed >= 0)
            let fits = b.ms < 1 << 44 && b.sequence < 1 << 19 && a.sequence < 1 << 19
            if fits && a < b { #expect(a.packed < b.packed) }
        }
    }
}
