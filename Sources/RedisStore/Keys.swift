internal import Analytics

/// The names of our keys in Redis: here and in `redis-scripts/weir/00-header.lua`, nowhere else.
struct Keys {
    let partition: Int

    private func key(_ name: String) -> String { "weir:{\(partition)}:\(name)" }

    var cursor: String { key("cursor") }
    var events: String { key("events") }
    var live: String { key("live") }
    var definitions: String { key("definitions") }
    var series: String { key("series") }
    var minutes: String { key("minutes") }
    var lease: String { key("lease") }
    var refused: String { key("refused") }

    func dirty(minute: Int64) -> String { key("dirty:\(minute)") }
    func tenSeconds(series: Int, tenMinutes: Int64) -> String { key("b10:\(series):\(tenMinutes)") }
    func values(series: Int, metric: MetricID, minute: Int64) -> String {
        key("hll:\(series):\(metric.rawValue):\(minute)")
    }
    func items(series: Int, metric: MetricID, minute: Int64) -> String {
        key("top:\(series):\(metric.rawValue):\(minute)")
    }
    func once(_ idempotencyKey: String) -> String { key("once:\(idempotencyKey)") }

    /// How many partitions there are; this and the next two are kept beside partition 0.
    static let partitions = "weir:{0}:partitions"
    /// By which counts keys are found.
    static let layout = "weir:{0}:layout"
    static let workers = "weir:{0}:workers"
}
