package import Service

/// What a front counts of itself.
package struct FrontMetrics: Sendable {
    private let accepted: Counter
    private let rejected: Counter
    private let querySeconds: Histogram
    private let tiers: [String: Counter]
    private let degraded: [String: Counter]

    package init(_ registry: MetricsRegistry) {
        accepted = registry.counter(
            "weir_ingest_events_total", help: "Events by outcome.", labels: ["outcome": "accepted"])
        rejected = registry.counter(
            "weir_ingest_events_total", help: "Events by outcome.", labels: ["outcome": "rejected"])
        querySeconds = registry.histogram("weir_query_seconds", help: "Time to answer a query.")
        tiers = Dictionary(
            uniqueKeysWithValues: ["memory", "redis", "postgres"].map {
                (
                    $0,
                    registry.counter(
                        "weir_query_tier_total", help: "Queries that read a tier.",
                        labels: ["tier": .init(stringLiteral: $0)])
                )
            })
        degraded = Dictionary(
            uniqueKeysWithValues: ["redis", "postgres"].map {
                (
                    $0,
                    registry.counter(
                        "weir_query_degraded_total", help: "Answers from which a store is missing.",
                        labels: ["store": .init(stringLiteral: $0)])
                )
            })
    }

    func received(accepted: Int, rejected: Int) {
        self.accepted.add(accepted)
        self.rejected.add(rejected)
    }

    func answered(tiers read: [String], degraded missing: [String], seconds: Double) {
        querySeconds.observe(seconds)
        for tier in read { tiers[tier]?.add() }
        for store in missing { degraded[store]?.add() }
    }
}
