import Analytics
import Foundation
import TestKit
import Testing

@Suite("Sketch")
struct SketchTests {
    /// 1 %, what rounding to six digits adds, and, where numbers stand so far apart that no better one exists, half their distance.
    private func isWithinOnePercent(_ estimate: Double, of value: Double) -> Bool {
        // Scaled, because half of the least number is none.
        let scale = value.magnitude < 1e-290 ? 0x1p200 : 1.0
        let halfStep = value.magnitude < 1e-290 ? Double.leastNonzeroMagnitude * scale * 0.51 : 0
        return (estimate * scale - value * scale).magnitude <= value.magnitude * scale * (0.01 + 5.06e-6) + halfStep
    }

    @Test("one value comes back within 1 %, whatever its size", arguments: Seed.range(20))
    func keepsEveryMagnitude(seed: Seed) throws {
        var rng = SplitMix64(seed)
        for _ in 0..<500 {
            let value = Double.anyFinite(using: &rng)
            let estimate = try #require(Sketch([value]).value(atQuantile: 0.5))
            #expect(isWithinOnePercent(estimate, of: value), "\(value) came back as \(estimate)")
        }
    }

    @Test(
        "the ends of all numbers come back within 1 %",
        arguments: [
            0, -0.0, 1, .leastNonzeroMagnitude, .leastNonzeroMagnitude * 30, .leastNonzeroMagnitude * 77,
            .leastNormalMagnitude, .leastNormalMagnitude.nextDown, .greatestFiniteMagnitude,
            .greatestFiniteMagnitude * 0.982, .greatestFiniteMagnitude * 0.99, 1e308, 1e-308, .ulpOfOne,
        ])
    func keepsTheExtremes(magnitude: Double) throws {
        for value in [magnitude, -magnitude] {
            let estimate = try #require(Sketch([value]).value(atQuantile: 1))
            #expect(estimate.isFinite)
            #expect(isWithinOnePercent(estimate, of: value), "\(value) came back as \(estimate)")
        }
    }

    @Test func everySubnormalOfTheFirstFewHundredComesBack() throws {
        for steps in 1...600 {
            let value = Double.leastNonzeroMagnitude * Double(steps)
            let estimate = try #require(Sketch([value]).value(atQuantile: 0))
            #expect(isWithinOnePercent(estimate, of: value), "\(steps) steps came back as \(estimate)")
        }
    }

    @Test func everyBucketHoldsItsOwnMiddle() {
        for index in Sketch.indices where Sketch.value(at: index) >= .leastNormalMagnitude {
            #expect(Sketch.index(of: Sketch.value(at: index)) == index)
        }
    }

    @Test func everyBucketIsAnsweredWithTheNearestNumberOfSixDigits() throws {
        let logGamma = log(Sketch.gamma)
        for index in Sketch.indices {
            let value = Sketch.value(at: index)
            // What is smaller has fewer digits than six.
            guard value >= 1e-307 else { continue }
            let exact = exp(Double(index) * logGamma + log(2 / (1 + Sketch.gamma)))
            #expect(value == Double(String(format: "%.5e", exact)), "bucket \(index)")
        }
    }

    @Test("a quantile is the value of rank ⌊q(n−1)⌋ within 1 %", arguments: Seed.range(60))
    func agreesWithASort(seed: Seed) throws {
        var rng = SplitMix64(seed)
        let kinds = Int.random(in: 1...3, using: &rng)
        let values = (0..<Int.random(in: 1...300, using: &rng)).map { _ -> Double in
            switch Int.random(in: 0...kinds, using: &rng) {
            case 0: Double(Int.random(in: -3...3, using: &rng))
            case 1: .random(in: 0.1...2_000, using: &rng)
            case 2: -.random(in: 1e-9...1e9, using: &rng)
            default: .anyFinite(using: &rng)
            }
        }
        let sketch = Sketch(values)
        let sorted = values.sorted()
        #expect(sketch.count == values.count)
        for quantile in [0, 0.5, 0.9, 0.99, 0.999, 1] + (0..<10).map({ _ in Double.random(in: 0...1, using: &rng) }) {
            let exact = sorted[Int((quantile * Double(sorted.count - 1)).rounded(.down))]
            let estimate = try #require(sketch.value(atQuantile: quantile))
            #expect(isWithinOnePercent(estimate, of: exact), "q \(quantile): \(estimate) for \(exact)")
        }
    }

    @Test("neither order nor grouping shows in a sketch", arguments: Seed.range(100))
    func isTheSameHoweverItIsMerged(seed: Seed) {
        var rng = SplitMix64(seed)
        // Few values into many bins and many into few take different ways.
        let values = (0..<Int.random(in: 0...200, using: &rng)).map { _ in
            Bool.random(using: &rng) ? Double.anyFinite(using: &rng) : .summable(using: &rng)
        }
        let whole = Sketch(values)
        var parts = Array(repeating: Sketch(), count: Int.random(in: 1...6, using: &rng))
        for value in values.shuffled(using: &rng) {
            parts[Bool.random(using: &rng) ? 0 : .random(in: parts.indices, using: &rng)].insert(value)
        }
        var merged = Sketch()
        for part in parts.shuffled(using: &rng) { merged.merge(part) }
        #expect(merged == whole)
        var backwards = Sketch()
        for part in parts.reversed() {
            var next = part
            next.merge(backwards)
            backwards = next
        }
        #expect(backwards == whole)
    }

    @Test func anEmptySketchHasNoValueAndChangesNothing() {
        var sketch = Sketch([3, -3, 0])
        let before = sketch
        sketch.merge(Sketch())
        #expect(sketch == before)
        #expect(Sketch().isEmpty)
        #expect(Sketch().value(atQuantile: 0.5) == nil)
    }

    @Test func refusesBinsThatNoValuesMake() {
        let good = Sketch.Bin(index: 3, count: 1)
        #expect(Sketch(positive: [good], negative: [good], zeroCount: 2)?.count == 4)
        #expect(Sketch(positive: [good, good], negative: [], zeroCount: 0) == nil)
        #expect(Sketch(positive: [.init(index: 3, count: 0)], negative: [], zeroCount: 0) == nil)
        #expect(Sketch(positive: [], negative: [.init(index: .max, count: 1)], zeroCount: 0) == nil)
        #expect(Sketch(positive: [.init(index: .min, count: 1)], negative: [], zeroCount: 0) == nil)
        #expect(Sketch(positive: [], negative: [], zeroCount: -1) == nil)
    }
}
