internal import Analytics
package import Service

/// What the worker counts of itself, for all its partitions.
package struct WorkerMetrics: Sendable {
    let entries: Counter
    let failures: Counter
    let restarts: Counter
    private let events: Counter
    private let refused: Counter
    private let batchEvents: Histogram
    private let batchBuckets: Histogram
    private let applySeconds: Histogram
    private let lags = Lock<[Int: PartitionLag]>([:])

    package init(_ registry: MetricsRegistry) {
        entries = registry.counter("weir_work_entries_total", help: "Log entries read.")
        events = registry.counter("weir_work_events_total", help: "Events applied.")
        refused = registry.counter("weir_work_refused_total", help: "Events or entries that could not be applied.")
        failures = registry.counter(
            "weir_work_store_failures_total", help: "Times a fault of Redis stopped a partition.")
        restarts = registry.counter(
            "weir_work_restarts_total",
            help: "Times a partition was read anew because another worker or new definitions came in between.")
        batchEvents = registry.histogram(
            "weir_work_batch_events", help: "Events in a batch.", upperBounds: [1, 10, 100, 1_000, 10_000, 100_000])
        batchBuckets = registry.histogram(
            "weir_work_batch_buckets", help: "One-second buckets and sets of minutes a batch touches.",
            upperBounds: [1, 10, 100, 1_000, 10_000])
        applySeconds = registry.histogram(
            "weir_work_apply_seconds", help: "Time to merge a batch and have it applied.",
            upperBounds: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2])
        let lags = lags
        registry.collector(
            .gauge, "weir_work_lag_entries", help: "Log entries not yet applied, of the partitions this worker holds."
        ) {
            lags.withLock { $0 }.sorted { $0.key < $1.key }.compactMap { partition, lag in
                lag.entries.map { (["partition": "\(partition)"], Double($0)) }
            }
        }
        registry.collector(
            .gauge, "weir_work_lag_seconds",
            help: "How long the oldest log entry not yet applied has waited, of the partitions this worker holds."
        ) {
            lags.withLock { $0 }.sorted { $0.key < $1.key }.map { partition, lag in
                (["partition": "\(partition)"], Double(lag.oldestMs) / 1_000)
            }
        }
    }

    func lags(_ lag: PartitionLag, partition: Int) { lags.withLock { $0[partition] = lag } }

    func forgetLag(partition: Int) { lags.withLock { $0[partition] = nil } }

    func applied(events count: Int, touched: Int, refused: Int, ns: UInt64) {
        events.add(count)
        self.refused.add(refused)
        batchEvents.observe(Double(count))
        batchBuckets.observe(Double(touched))
        applySeconds.observe(Double(ns) / 1e9)
    }
}
