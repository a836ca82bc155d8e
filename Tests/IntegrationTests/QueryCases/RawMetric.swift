/// What a metric of the configuration reads of an event, written down once more.
struct RawMetric {
    /// What one event gives a metric; nil where it gives nothing.
    struct Reading {
        var value: Double?
        var isHit = false
        var text: String?
    }

    let name: String
    /// Labels, by their places in `RawEvents.labelNames`.
    let by: [Int]
    /// The first is the default.
    let aggregations: [String]
    /// It answers any quantile.
    var hasQuantiles = false
    /// Its rate is of the sum, not of the events.
    var ratesSum = false
    /// The shortest step, ms.
    var finestMs: Int64 = 1_000
    let read: @Sendable (RawEvent) -> Reading?

    var keepsSets: Bool { finestMs > 1_000 }

    static let all: [RawMetric] = [
        RawMetric(name: "events", by: [], aggregations: ["count", "rate", "sum"]) { _ in Reading() },
        RawMetric(name: "requests", by: [0, 1], aggregations: ["count", "rate", "sum"]) { _ in Reading() },
        RawMetric(name: "bytes", by: [0, 1], aggregations: ["sum", "count", "rate"], ratesSum: true) { event in
            event.bytes.map { Reading(value: $0) }
        },
        RawMetric(
            name: "latency", by: [0, 1, 2],
            aggregations: ["p50", "p90", "p99", "mean", "min", "max", "sum", "count", "rate"], hasQuantiles: true
        ) { event in event.durationMs.map { Reading(value: $0) } },
        RawMetric(name: "slow", by: [0], aggregations: ["count", "rate", "sum"]) { event in
            event.durationMs.flatMap { $0 > 500 ? Reading() : nil }
        },
        RawMetric(name: "failures", by: [1], aggregations: ["ratio", "count"]) { event in
            event.labels[2] == 0 ? nil : Reading(isHit: event.labels[2] >= 3)
        },
        RawMetric(name: "load", by: [0], aggregations: ["mean", "min", "max", "last", "sum", "count"]) { event in
            event.load.map { Reading(value: $0) }
        },
        RawMetric(name: "users", by: [0], aggregations: ["unique"], finestMs: 60_000) { event in
            event.user.map { Reading(text: $0) }
        },
        RawMetric(name: "paths", by: [0, 2], aggregations: ["top"], finestMs: 60_000) { event in
            event.labels[1] == 0 ? nil : Reading(text: RawEvents.values[1][event.labels[1]])
        },
    ]
}
