package import Service

/// What the generator has done so far, as self-metrics and as numbers.
package struct GeneratorMetrics: Sendable {
    /// Events that the server has taken.
    package let accepted: Counter
    /// Events that it has refused.
    package let rejected: Counter
    /// Events left out because the server or this process could not keep up.
    package let leftOut: Counter
    /// Events sent without an answer until their batch's time was over.
    package let givenUp: Counter
    /// Batches that were answered.
    package let batches: Counter
    /// Attempts that failed and were followed by a pause.
    package let failedAttempts: Counter

    /// Registers the metrics, all named `weir_generate_…`.
    package init(_ registry: MetricsRegistry) {
        let help = "Events made up, by what the server did with them."
        accepted = registry.counter("weir_generate_events_total", help: help, labels: ["result": "accepted"])
        rejected = registry.counter("weir_generate_events_total", help: help, labels: ["result": "rejected"])
        leftOut = registry.counter(
            "weir_generate_left_out_events_total", help: "Events left out because sending could not keep up.")
        givenUp = registry.counter(
            "weir_generate_given_up_events_total", help: "Events in batches that got no answer in time.")
        batches = registry.counter("weir_generate_batches_total", help: "Batches that the server answered.")
        failedAttempts = registry.counter(
            "weir_generate_failed_attempts_total", help: "Attempts to send a batch that were followed by another.")
    }
}
