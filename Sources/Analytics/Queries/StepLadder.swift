/// The lengths that buckets of an answer may have.
package enum StepLadder {
    /// In ms, ascending: 1 s to 1 d, each a divisor of a day.
    package static let all: [Int64] = [
        1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    ].map { $0 * 1_000 }

    /// Points that `auto` aims at.
    package static let autoPoints: Int64 = 300

    /// The least step of at least `ms`; the greatest there is for more than a day.
    package static func rising(to ms: Int64) -> Int64 { all.first { $0 >= ms } ?? 86_400_000 }

    /// The step that gives about 300 points.
    package static func auto(fromMs: Int64, toMs: Int64) -> Int64 { rising(to: (toMs - fromMs) / autoPoints) }

    /// `ms` rounded down to a whole step.
    package static func floor(_ ms: Int64, _ step: Int64) -> Int64 {
        let rest = ms % step
        return ms - (rest < 0 ? rest + step : rest)
    }

    /// `ms` rounded up to a whole step.
    package static func ceiling(_ ms: Int64, _ step: Int64) -> Int64 { floor(ms + step - 1, step) }
}

/// Times as requests give them.
package enum TimeExpression {
    /// Milliseconds since 1970 of `now`, `-15m`, RFC 3339 or a number of milliseconds; nil where the text is none of these.
    package static func parse(_ text: String, nowMs: Int64) -> Int64? {
        if text == "now" { return nowMs }
        if text.hasPrefix("-") { return durationMs(text.dropFirst()).map { nowMs - $0 } }
        return EventTime.parse(text)
    }

    /// True where `text` means the same moment whenever it is read.
    package static func isAbsolute(_ text: String) -> Bool { text != "now" && !text.hasPrefix("-") }

    /// Milliseconds of `250ms`, `10s`, `15m`, `6h`, `7d`; nil where the text is no length of time.
    package static func durationMs(_ text: some StringProtocol) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard digits.count <= 9, let number = Int64(digits), let unit = units[String(text.dropFirst(digits.count))]
        else {
            return nil
        }
        return number * unit
    }
}
