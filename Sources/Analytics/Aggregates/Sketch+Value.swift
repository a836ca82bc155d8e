internal import Glibc

extension Sketch {
    private static let logGamma = log(gamma)
    private static let logMiddle = log(2 / (1 + gamma))
    /// Below this power of e a number is subnormal; exp() of PostgreSQL refuses to give one.
    private static let leastNormalPower = -708.3964

    /// What stands for the values of bucket `index`: 2γ^i/(1+γ) = 0.99·γ^i, rounded to six significant decimal digits.
    ///
    /// It is at most 1 % + 5·10⁻⁶ from any of them, both as shares of the value; where numbers are subnormal, half their spacing
    /// comes on top. The digits beyond the sixth would say nothing, and cost most of what an answer weighs compressed.
    /// `weir.sketch_bins` in SQL computes the same, to the bit.
    package static func value(at index: Int32) -> Double {
        let place = Int(index) - Int(usual.lowerBound)
        return usualValues.indices.contains(place) ? usualValues[place] : computedValue(at: index)
    }

    /// The buckets of magnitudes from some 10^-9 to 10^13, whose values are computed once.
    private static let usual: ClosedRange<Int32> = -1_000...1_500
    private static let usualValues = usual.map(computedValue)

    private static func computedValue(at index: Int32) -> Double {
        // In one power, because γ^i alone is beyond the greatest double for the last bucket.
        let power = Double(index) * logGamma + logMiddle
        let exact = power < leastNormalPower ? exp(power / 2) * exp(power / 2) : exp(power)
        return sixDigits(exact)
    }

    /// The number of six significant decimal digits that is nearest to `value`, as a decimal literal gives it; for positive finite
    /// values.
    private static func sixDigits(_ value: Double) -> Double {
        let exponent = Int(log10(value).rounded(.down)) - 5
        // Powers of ten up to 22 are doubles, so one operation with one gives the double that is nearest to the decimal number.
        if exponent >= 0, exponent <= 22 {
            let power = powersOfTen[exponent]
            return (value / power).rounded() * power
        }
        if exponent < 0, exponent >= -22 {
            let power = powersOfTen[-exponent]
            return (value * power).rounded() / power
        }
        // Not met in practice. In two steps, because 10^324 is no double.
        let half = exponent / 2
        let digits = (value * pow(10, Double(-half)) * pow(10, Double(half - exponent))).rounded()
        return Double("\(Int64(digits))e\(exponent)") ?? value
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21,
        1e22,
    ]
}
