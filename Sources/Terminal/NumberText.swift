internal import Glibc

/// Numbers for people.
enum NumberText {
    private static let maxDecimals = 12
    /// From here on a number's own text, with its exponent, is shorter.
    private static let huge = 1e15

    /// How many decimals show four digits of the greatest of `values`, at least one; none where all are whole.
    static func decimals(for values: some Sequence<Double>) -> Int {
        var greatest = 0.0
        var areWhole = true
        for value in values {
            greatest = max(greatest, abs(value))
            if value != value.rounded() { areWhole = false }
        }
        if areWhole || greatest == 0 { return 0 }
        return min(max(3 - Int(log10(greatest).rounded(.down)), 1), maxDecimals)
    }

    /// `value` with so many decimals: `212.40`.
    static func fixed(_ value: Double, decimals: Int) -> String {
        guard abs(value) < huge else { return value.description }
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        guard abs(value) * scale < 9e18 else { return value.description }
        let scaled = Int64((value * scale).rounded())
        let digits = String(scaled.magnitude)
        let sign = scaled < 0 ? "-" : ""
        guard decimals > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    /// `1 d`, `10 min`, `30 s`: a step.
    static func step(_ ms: Int64) -> String {
        for (unit, length) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)]
        where ms % length == 0 && ms >= length {
            return "\(ms / length) \(unit)"
        }
        return "\(ms) ms"
    }
}

/// In what an axis is labelled: the values divided by something, and what stands behind them.
struct AxisUnit: Equatable {
    let divisor: Double
    let suffix: String

    /// The unit that keeps labels short for values up to `greatest`.
    init(_ unit: String, upTo greatest: Double) {
        let prefixes: [(at: Double, divisor: Double, name: String)] = [
            (1e13, 1e12, "T"), (1e10, 1e9, "G"), (1e7, 1e6, "M"), (1e4, 1e3, "k"),
        ]
        let prefix = prefixes.first { greatest >= $0.at }
        switch unit {
        case "ms" where greatest >= 1e4: (divisor, suffix) = (1_000, " s")
        case "bytes", "B": (divisor, suffix) = (prefix?.divisor ?? 1, " \(prefix?.name ?? "")B")
        case "", "/s": (divisor, suffix) = (prefix?.divisor ?? 1, (prefix?.name ?? "") + unit)
        default: (divisor, suffix) = (prefix?.divisor ?? 1, "\(prefix?.name ?? "") \(unit)")
        }
    }

    /// `value` as the axis writes it; `step` is the distance of its labels.
    func text(_ value: Double, step: Double) -> String {
        let decimals = max(0, -Int(log10(step / divisor * (1 + 1e-9)).rounded(.down)))
        return NumberText.fixed(value / divisor, decimals: min(decimals, 12)) + suffix
    }
}
