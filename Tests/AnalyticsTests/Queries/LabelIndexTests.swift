import TestKit
import Testing

@testable import Analytics

@Suite("Label index")
struct LabelIndexTests {
    @Test("it selects what looking at each label set finds", arguments: Seed.range(200))
    func equalsAScan(seed: Seed) {
        var rng = SplitMix64(seed)
        let values = ["a", "ab", "b", "caf\u{E9}", "cafe\u{301}", "a*b", ""]
        var index = LabelIndex()
        for _ in 0..<Int.random(in: 0..<150, using: &rng) {
            let labels = ["x", "y", "z"].compactMap { name in
                Int.random(in: 0..<6, using: &rng) == 0
                    ? nil : LabelSet.Label(name: name, value: values.randomElement(using: &rng) ?? "")
            }
            index.append(Int.random(in: 0..<20, using: &rng) == 0 ? .overflow : LabelSet(labels))
        }
        let patterns = [
            "a", "a,b", "a*", "*", "!a", "!a*,ab", "*b,!ab", "caf\u{E9}", "a\\*b,a", "a,a", "nothing", "!*", "",
        ]
        for _ in 0..<20 {
            var filter = LabelFilter()
            for name in ["x", "y", "z", "x", "overflow"] where Int.random(in: 0..<3, using: &rng) == 0 {
                filter.add(label: name, patterns: patterns.randomElement(using: &rng) ?? "a")
            }
            #expect(index.select(filter) == index.labels.indices.filter { filter.matches(index.labels[$0]) })
        }
    }
}
