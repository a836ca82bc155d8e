package import Service

/// What the live side counts of itself.
package struct LiveMetrics: Sendable {
    let clients: Gauge
    let subscriptions: Gauge
    let groups: Gauge
    let ringBytes: Gauge
    let updates: Counter
    let snapshots: Counter
    let frames: Counter
    let sentBytes: Counter
    let rebuilds: Counter
    let slowClients: Counter

    /// Registers them.
    package init(_ registry: MetricsRegistry) {
        clients = registry.gauge("weir_live_clients", help: "Live connections open.")
        subscriptions = registry.gauge(
            "weir_live_subscriptions", help: "Distinct live subscriptions, shared by clients.")
        groups = registry.gauge("weir_live_groups", help: "Questions kept up to date in memory.")
        ringBytes = registry.gauge("weir_live_ring_bytes", help: "Bytes of recent seconds in memory.")
        updates = registry.counter("weir_live_updates_total", help: "Updates computed and encoded.")
        snapshots = registry.counter("weir_live_snapshots_total", help: "Snapshots computed and encoded.")
        frames = registry.counter("weir_live_frames_total", help: "Frames queued to live clients.")
        sentBytes = registry.counter(
            "weir_live_sent_bytes_total", help: "Bytes queued to live clients, before compression.")
        rebuilds = registry.counter("weir_live_rebuilds_total", help: "Partitions read anew from Redis.")
        slowClients = registry.counter(
            "weir_live_slow_clients_total", help: "Clients closed because they were too slow.")
    }
}
