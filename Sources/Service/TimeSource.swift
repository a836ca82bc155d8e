internal import Glibc

/// Where a component takes the time from, so that tests can give it their own.
package struct TimeSource: Sendable {
    /// Wall-clock milliseconds since 1970 (UTC); may jump when the host's clock is set.
    package let wallMs: @Sendable () -> Int64
    /// Nanoseconds since some fixed point; never goes back, counts on while the host's clock is set.
    package let monotonicNs: @Sendable () -> UInt64

    /// Makes a source from two functions, each callable from any thread.
    package init(wallMs: @escaping @Sendable () -> Int64, monotonicNs: @escaping @Sendable () -> UInt64) {
        self.wallMs = wallMs
        self.monotonicNs = monotonicNs
    }

    /// The host's clocks.
    package static let system = TimeSource(wallMs: { systemWallMs() }, monotonicNs: { systemMonotonicNs() })
}

private func systemWallMs() -> Int64 {
    let now = KernelTime(CLOCK_REALTIME)
    return Int64(now.seconds) * 1_000 + Int64(now.nanoseconds) / 1_000_000
}

private func systemMonotonicNs() -> UInt64 {
    let now = KernelTime(CLOCK_MONOTONIC)
    return UInt64(now.seconds) * 1_000_000_000 + UInt64(now.nanoseconds)
}

/// Writes `milliseconds` since 1970 as RFC 3339 in UTC: `2026-11-23T10:00:00.123Z`.
///
/// The years 0 to 9999 are written as such; time before or after them does not occur on a running host.
package func rfc3339(milliseconds: Int64) -> String {
    let (days, ms) = milliseconds.quotientAndRemainder(flooringBy: 86_400_000)
    // Howard Hinnant's civil_from_days: years begin in March, so the leap day is the last of its year.
    let shifted = days + 719_468
    let (era, dayOfEra) = shifted.quotientAndRemainder(flooringBy: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let time = "\(padded(ms / 3_600_000, 2)):\(padded(ms / 60_000 % 60, 2)):\(padded(ms / 1_000 % 60, 2))"
    return "\(date)T\(time).\(padded(ms % 1_000, 3))Z"
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Int64 {
    fileprivate func quotientAndRemainder(flooringBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension Duration {
    /// Whole nanoseconds, to be added to `monotonicNs`; negative ones count as 0, too long ones as 292 years.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = max(self, .zero).components
        let whole = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !whole.overflow else { return UInt64(Int64.max) }
        return min(whole.partialValue + UInt64(attoseconds / 1_000_000_000), UInt64(Int64.max))
    }
}
