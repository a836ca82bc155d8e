import Testing

/// The start of a repeatable random sequence; as a test's argument it stands in the report of a failure.
///
/// `@Test(arguments: Seed.range(200)) func holds(seed: Seed)`
package struct Seed: Hashable, Sendable, CustomTestStringConvertible {
    package let value: UInt64

    package init(value: UInt64) { self.value = value }

    package init(value: Int) { self.value = UInt64(value) }

    /// The first `count` seeds.
    package static func range(_ count: Int) -> [Seed] { (0..<count).map(Seed.init(value:)) }

    package var testDescription: String { "seed \(value)" }
}

/// A small repeatable generator (Steele, Lea, Flood 2014); passes for shuffles and samples, not for secrets.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: Seed) { state = seed.value }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
