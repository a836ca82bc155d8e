import TestKit

/// One event as it was sent; labels by their place in `RawEvents.values`, 0 where the event has none.
struct RawEvent {
    var atMs: Int64
    /// Of service, endpoint and status.
    var labels: [Int]
    var durationMs: Double?
    var bytes: Double?
    var load: Double?
    var user: String?
}

/// Random events of the last seven days and the next minutes, most of them where one tier ends and another begins.
struct RawEvents {
    static let labelNames = ["service", "endpoint", "status"]

    /// By label its values, the first standing for none. They hold all that a filter treats in a way of its own, and two that
    /// Swift takes for equal.
    static let values: [[String]] = [
        ["", "checkout", "cart", "search", "caf\u{E9}", "cafe\u{301}", "a*b"],
        ["", "/pay", "/pay/card", "/cart", "/a,b", "!x", "/w\\y"],
        ["", "200", "404", "500", "503"],
    ]

    static let configuration = """
        { metrics: [
          { name: "requests", kind: "counter", by: ["service", "endpoint"] },
          { name: "bytes", kind: "counter", value: "bytes", by: ["service", "endpoint"] },
          { name: "latency", kind: "distribution", value: "duration_ms", by: ["service", "endpoint", "status"] },
          { name: "slow", kind: "counter", by: ["service"], where: "duration_ms > 500" },
          { name: "failures", kind: "ratio", match: "status >= 500", by: ["endpoint"] },
          { name: "load", kind: "gauge", value: "load", by: ["service"] },
          { name: "users", kind: "unique", value: "user", by: ["service"] },
          { name: "paths", kind: "top", value: "endpoint", by: ["service", "status"] },
        ] }
        """

    private static let minuteMs: Int64 = 60_000
    private static let dayMs: Int64 = 86_400_000

    private var rng: SplitMix64
    private let nowMs: Int64
    /// Minutes of history that events come to again and again.
    private let oldMinutes: [Int64]

    init(seed: Seed, nowMs: Int64) {
        rng = SplitMix64(seed)
        self.nowMs = nowMs
        var minutes: [Int64] = []
        for day in 0...6 {
            let midnight = (nowMs / Self.dayMs - Int64(day)) * Self.dayMs
            minutes += [midnight - Self.minuteMs, midnight]
            for _ in 0..<6 {
                let hour = midnight + Int64.random(in: 0..<24, using: &rng) * 3_600_000
                minutes += [hour - Self.minuteMs, hour, hour + Int64.random(in: 1..<59, using: &rng) * Self.minuteMs]
            }
        }
        oldMinutes = minutes.filter { ($0 - nowMs) / 1_000 < -4_200 && nowMs - $0 < 7 * Self.dayMs - 3_600_000 }
    }

    /// The next `count` events; `isLate` lets them lie anywhere, else only where Redis surely answers for a while yet.
    mutating func next(_ count: Int, isLate: Bool) -> [RawEvent] { (0..<count).map { _ in event(isLate: isLate) } }

    private mutating func event(isLate: Bool) -> RawEvent {
        func ago(_ seconds: ClosedRange<Int64>, _ rng: inout SplitMix64) -> Int64 {
            nowMs - Int64.random(in: seconds.lowerBound * 1_000...seconds.upperBound * 1_000, using: &rng)
        }
        let atMs: Int64 =
            switch Int.random(in: isLate ? 0..<12 : 6..<12, using: &rng) {
            case 0...3:
                (oldMinutes.randomElement(using: &rng) ?? nowMs) + Int64.random(in: 0..<Self.minuteMs, using: &rng)
            case 4: ago(3_000...4_500, &rng)
            case 5: ago(3_540...3_720, &rng)
            case 6: ago(600...2_700, &rng)
            case 7: ago(1_140...1_260, &rng)
            case 8: ago(400...640, &rng)
            case 9, 10: ago(0...500, &rng)
            default: ago(-200...10, &rng)
            }
        let duration: Double? =
            switch Int.random(in: 0..<20, using: &rng) {
            case 0: nil
            case 1: 0
            case 2: -(Double.random(in: 0...1_000, using: &rng) * 100).rounded() / 100
            default: Double(Int.random(in: 1...1_000, using: &rng) * Int.random(in: 1...300, using: &rng)) / 100
            }
        return RawEvent(
            atMs: atMs,
            labels: Self.values.map { Int.random(in: 0..<$0.count, using: &rng) },
            durationMs: duration,
            bytes: Int.random(in: 0..<5, using: &rng) > 0 ? Double(Int.random(in: 0...1 << 20, using: &rng)) : nil,
            load: Bool.random(using: &rng) ? Double(Int.random(in: -400...400, using: &rng)) / 4 : nil,
            user: Int.random(in: 0..<4, using: &rng) > 0 ? "u\(Int.random(in: 0..<60, using: &rng))" : nil)
    }

    /// A line of NDJSON. A status is a number, a fraction or a text, which make one label.
    static func line(_ event: RawEvent, _ rng: inout SplitMix64) -> String {
        var fields = ["\"ts\":\(event.atMs)"]
        for label in 0..<2 where event.labels[label] > 0 {
            let value = values[label][event.labels[label]]
            fields.append("\"\(labelNames[label])\":\"\(value.replacing("\\", with: "\\\\"))\"")
        }
        if event.labels[2] > 0 {
            let status = values[2][event.labels[2]]
            fields.append("\"status\":\([status, status + ".0", "\"\(status)\""].randomElement(using: &rng) ?? status)")
        }
        if let duration = event.durationMs { fields.append("\"duration_ms\":\(duration)") }
        if let bytes = event.bytes { fields.append("\"bytes\":\(bytes)") }
        if let load = event.load { fields.append("\"load\":\(load)") }
        if let user = event.user { fields.append("\"user\":\"\(user)\"") }
        return "{\(fields.joined(separator: ","))}\n"
    }
}
