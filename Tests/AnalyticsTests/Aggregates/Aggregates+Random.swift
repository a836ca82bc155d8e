import Analytics
import TestKit

extension Double {
    /// Any finite number there is, all magnitudes alike.
    static func anyFinite(using rng: inout SplitMix64) -> Double {
        while true {
            let number = Double(bitPattern: rng.next())
            if number.isFinite { return number }
        }
    }

    /// A number whose sums are exact, so that their order cannot show.
    static func summable(using rng: inout SplitMix64) -> Double {
        Double(Int.random(in: -8_000...8_000, using: &rng)) / 8
    }
}

extension Sketch {
    init(_ values: some Sequence<Double>) {
        self.init()
        for value in values { insert(value) }
    }
}

extension Aggregate {
    /// What one event adds to a metric of a kind that is drawn.
    static func random(kind: Int, using rng: inout SplitMix64) -> Aggregate {
        var aggregate = Aggregate()
        let value = Double.summable(using: &rng)
        switch kind {
        case 0: aggregate.addEvent()
        case 1: aggregate.addEvent(hit: .random(using: &rng))
        case 2: aggregate.addToSum(value)
        case 3: aggregate.addToGauge(value, atMs: .random(in: 0..<5, using: &rng))
        default: aggregate.addToDistribution(value)
        }
        return aggregate
    }

    static func merging(_ parts: some Sequence<Aggregate>) -> Aggregate {
        parts.reduce(into: Aggregate()) { $0.merge($1) }
    }
}
