internal import Analytics
internal import Glibc

/// A time zone, as far as times are written in it.
package struct TerminalZone: Sendable {
    /// A time as the clock and the calendar of the zone show it.
    struct Local: Equatable {
        /// `2026-11-24`
        let date: String
        let secondOfDay: Int

        /// `10:05`, or `10:05:07`.
        func clock(seconds: Bool) -> String {
            let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
            let minutes = "\(two(secondOfDay / 3_600)):\(two(secondOfDay / 60 % 60))"
            return seconds ? minutes + ":" + two(secondOfDay % 60) : minutes
        }

        /// `Nov 24`
        var shortDate: String {
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            let parts = date.split(separator: "-")
            guard parts.count == 3, let month = Int(parts[1]), let day = Int(parts[2]), (1...12).contains(month) else {
                return date
            }
            return "\(months[month - 1]) \(day)"
        }
    }

    private let offset: @Sendable (_ ms: Int64) -> Int64

    /// A zone by what must be added, in ms, to a time in ms since 1970.
    package init(offset: @escaping @Sendable (_ ms: Int64) -> Int64) { self.offset = offset }

    /// Coordinated universal time.
    package static let utc = TerminalZone { _ in 0 }

    /// The zone of this process: `TZ`, or else the machine's.
    package static var local: TerminalZone {
        tzset()
        return TerminalZone { ms in
            var seconds = time_t(ms / 1_000)
            var parts = unsafe tm()
            guard unsafe localtime_r(&seconds, &parts) != nil else { return 0 }
            return Int64(unsafe parts.tm_gmtoff) * 1_000
        }
    }

    /// What must be added to `ms`, in ms.
    func offsetMs(at ms: Int64) -> Int64 { offset(ms) }

    func local(_ ms: Int64) -> Local {
        let moved = ms + offset(ms)
        let day = StepLadder.floor(moved, 86_400_000) / 86_400_000
        return Local(
            date: EventTime.dateText(daysSince1970: Int(day)), secondOfDay: Int((moved - day * 86_400_000) / 1_000))
    }

    /// `UTC`, or `+01:00`.
    func name(at ms: Int64) -> String {
        let minutes = Int(offset(ms) / 60_000)
        if minutes == 0 { return "UTC" }
        let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return (minutes < 0 ? "-" : "+") + two(abs(minutes) / 60) + ":" + two(abs(minutes) % 60)
    }

    /// `2026-11-24 10:00–11:00 (+01:00)`: a range of time, with the second date where it is another and seconds where there
    /// are any.
    func range(_ fromMs: Int64, _ toMs: Int64) -> String {
        let (from, to) = (local(fromMs), local(toMs))
        let seconds = fromMs % 60_000 != 0 || toMs % 60_000 != 0
        let end = (from.date == to.date ? "" : to.date + " ") + to.clock(seconds: seconds)
        let dash = from.date == to.date ? "–" : " – "
        return "\(from.date) \(from.clock(seconds: seconds))\(dash)\(end) (\(name(at: fromMs)))"
    }
}
