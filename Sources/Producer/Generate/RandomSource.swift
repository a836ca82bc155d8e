internal import Glibc

/// Repeatable random numbers (SplitMix64: Steele, Lea, Flood 2014), and the distributions that traffic is made of.
struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64
    private var spareNormal: Double?

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 ..< 1.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in 0 ..< `bound`, which is small: the bias stays below `bound` / 2^32.
    mutating func below(_ bound: Int) -> Int { Int(((next() >> 32) &* UInt64(bound)) >> 32) }

    /// Exponential with mean 1: the gap between two events of a Poisson process of rate 1.
    mutating func exponential() -> Double { -log(1 - uniform()) }

    /// Normal with mean 0 and deviation 1 (Marsaglia's polar method).
    mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        while true {
            let (x, y) = (2 * uniform() - 1, 2 * uniform() - 1)
            let square = x * x + y * y
            if square > 0, square < 1 {
                let factor = (-2 * log(square) / square).squareRoot()
                spareNormal = y * factor
                return x * factor
            }
        }
    }
}

/// Draws from a fixed choice of weighted things in constant time (Walker's alias method, as Vose builds it).
struct WeightedChoice: Sendable {
    private var threshold: [Double]
    private var alias: [Int]

    /// Makes a choice among as many things as there are weights, each at least 0 and not all 0.
    init(weights: [Double]) {
        let total = weights.reduce(0, +)
        precondition(total > 0, "something must be possible")
        threshold = weights.map { $0 * Double(weights.count) / total }
        // What rounding leaves over goes to the heaviest.
        let heaviest = weights.indices.max { weights[$0] < weights[$1] } ?? 0
        alias = weights.map { _ in heaviest }
        var small = threshold.indices.filter { threshold[$0] < 1 }
        var large = threshold.indices.filter { threshold[$0] >= 1 }
        while let poor = small.popLast(), let rich = large.popLast() {
            alias[poor] = rich
            threshold[rich] -= 1 - threshold[poor]
            if threshold[rich] < 1 { small.append(rich) } else { large.append(rich) }
        }
    }

    /// Zipf's law: the thing of rank r (from 1) has weight 1 / r^`exponent`.
    static func zipf(count: Int, exponent: Double) -> WeightedChoice {
        WeightedChoice(weights: (1...count).map { 1 / pow(Double($0), exponent) })
    }

    /// The index of one thing.
    func draw(_ random: inout RandomSource) -> Int {
        let index = random.below(threshold.count)
        return random.uniform() < threshold[index] ? index : alias[index]
    }
}
