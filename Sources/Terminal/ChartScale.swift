internal import Analytics
internal import Glibc

/// The values that a chart reaches over, and where its axis is labelled.
struct ValueScale: Equatable {
    let low: Double
    let high: Double
    /// Between labels.
    let step: Double

    /// A scale for values from `least` to `greatest`, with about `labels` labels, at least 2.
    ///
    /// It begins at 0 unless the values are all far from it: a line that fills the chart must not make much of little.
    init(from least: Double, to greatest: Double, labels: Int) {
        var (low, high) = (least, greatest)
        if low >= 0, low < 0.6 * high || low == high { low = 0 }
        if high <= 0, high > 0.6 * low || low == high { high = 0 }
        if low == high { high = low + 1 }
        step = Self.nice((high - low) / Double(max(labels, 2) - 1))
        self.low = (low / step).rounded(.down) * step
        self.high = (high / step).rounded(.up) * step
    }

    /// The values that are labelled, ascending.
    var labels: [Double] {
        let count = Int(((high - low) / step).rounded())
        return (0...count).map { low + Double($0) * step }
    }

    /// 1, 2 or 5 times a power of ten, at least `step`.
    private static func nice(_ step: Double) -> Double {
        let power = pow(10, log10(step).rounded(.down))
        return ([1, 2, 5].first { $0 * power >= step * (1 - 1e-9) } ?? 10) * power
    }
}

/// Where a time axis is labelled.
struct TimeScale {
    struct Label: Equatable {
        let ms: Int64
        let text: String
    }

    private static let steps: [Int64] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
        604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
    ].map { $0 * 1_000 }
    private static let day: Int64 = 86_400_000

    /// Labels for [`fromMs`, `toMs`], at whole times of `zone`, as many as have room in `width` columns.
    static func labels(fromMs: Int64, toMs: Int64, width: Int, zone: TerminalZone) -> [Label] {
        let span = max(toMs - fromMs, 1)
        // Two columns between labels.
        let step =
            steps.first { step in
                let room = Double(width) * Double(step) / Double(span)
                return room >= Double((step < 60_000 ? 8 : step < day ? 6 : 7) + 2)
            } ?? 31_536_000
        // By the clock of the zone, which may change within the range.
        let first = StepLadder.ceiling(fromMs + zone.offsetMs(at: fromMs), step)
        let last = toMs + zone.offsetMs(at: toMs)
        return stride(from: first, through: max(first, last), by: Int64.Stride(step)).compactMap { wall in
            let guess = wall - zone.offsetMs(at: fromMs)
            let ms = wall - zone.offsetMs(at: guess)
            guard ms >= fromMs, ms <= toMs else { return nil }
            let local = zone.local(ms)
            let text =
                step >= day || local.secondOfDay == 0 ? local.shortDate : local.clock(seconds: step < 60_000)
            return Label(ms: ms, text: text)
        }
    }
}
