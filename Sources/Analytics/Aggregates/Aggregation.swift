/// A number that is read from an aggregate: `count`, `rate`, `p99.9`.
package enum Aggregation: Hashable, Sendable {
    case count, sum, rate, mean, min, max, last, ratio, unique
    /// Items with their counts: no single number, see `Aggregate.items`.
    case top
    /// Percent, 0...100.
    case quantile(percent: Double)

    package static let p50 = Aggregation.quantile(percent: 50)
    package static let p90 = Aggregation.quantile(percent: 90)
    package static let p99 = Aggregation.quantile(percent: 99)

    /// Reads its name; nil where there is no such aggregation.
    package init?(_ name: String) {
        switch name {
        case "count": self = .count
        case "sum": self = .sum
        case "rate": self = .rate
        case "mean": self = .mean
        case "min": self = .min
        case "max": self = .max
        case "last": self = .last
        case "ratio": self = .ratio
        case "unique": self = .unique
        case "top": self = .top
        default:
            let digits = Array(name.utf8.dropFirst())
            let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
            // Below 0.0001 the name would need an exponent.
            guard name.utf8.first == UInt8(ascii: "p"), let first = digits.first, isDigit(first),
                digits.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }),
                let percent = parseNumber(digits.span, digits.indices), percent == 0 || (0.0001...100).contains(percent)
            else { return nil }
            self = .quantile(percent: percent)
        }
    }

    /// Its name in requests and answers.
    package var name: String {
        switch self {
        case .count: "count"
        case .sum: "sum"
        case .rate: "rate"
        case .mean: "mean"
        case .min: "min"
        case .max: "max"
        case .last: "last"
        case .ratio: "ratio"
        case .unique: "unique"
        case .top: "top"
        case .quantile(let percent):
            percent == percent.rounded() ? "p\(Int(percent))" : "p\(percent)"
        }
    }
}

extension Aggregate {
    /// The value of `aggregation`; nil where the aggregate does not hold it.
    ///
    /// `seconds` is the length of the bucket, for rates.
    package func value(_ aggregation: Aggregation, seconds: Double) -> Double? {
        guard count > 0 else { return nil }
        switch aggregation {
        case .count: return Double(count)
        case .sum: return sum ?? Double(count)
        case .rate: return (range == nil ? sum ?? Double(count) : Double(count)) / seconds
        case .mean: return sum.map { $0 / Double(count) }
        case .min: return range?.lowerBound
        case .max: return range?.upperBound
        case .last: return last?.value
        case .ratio: return Double(hits) / Double(count)
        case .unique: return registers.map { Double($0.count) }
        case .top: return nil
        case .quantile(let percent):
            guard let range, let value = sketch.value(atQuantile: percent / 100) else { return nil }
            // The extremes are known exactly, and no estimate may lie outside them.
            return Swift.min(Swift.max(value, range.lowerBound), range.upperBound)
        }
    }
}
