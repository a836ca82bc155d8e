/// All self-metrics of the process, and what `GET /metrics` answers.
///
/// Registering takes a lock and searches, so owners register once and keep the instrument; using an instrument does
/// not come here. Asking again for the same name and labels gives the same instrument.
package final class MetricsRegistry: Sendable {
    /// The `Content-Type` of what `render()` gives.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    fileprivate enum Source: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case function(@Sendable () -> Double)
    }

    fileprivate struct Family: Sendable {
        let kind: InstrumentKind
        let help: String
        var series: [(labels: MetricLabels, source: Source)] = []
        var collector: (@Sendable () -> [(MetricLabels, Double)])?
    }

    private let families = Lock<[String: Family]>([:])

    /// Makes an empty registry.
    package init() {}

    /// A counter; `name` ends in `_total`.
    package func counter(_ name: String, help: String, labels: MetricLabels = [:]) -> Counter {
        let source = register(name, .counter, help, labels) { .counter(Counter()) }
        guard case .counter(let counter) = source else { preconditionFailure("\(name) is read from a function") }
        return counter
    }

    /// A gauge.
    package func gauge(_ name: String, help: String, labels: MetricLabels = [:]) -> Gauge {
        let source = register(name, .gauge, help, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = source else { preconditionFailure("\(name) is read from a function") }
        return gauge
    }

    /// A histogram with a range up to each of `upperBounds`, which rise; all series of a name have the same.
    package func histogram(
        _ name: String, help: String, labels: MetricLabels = [:], upperBounds: [Double] = Histogram.latencySeconds
    ) -> Histogram {
        let source = register(name, .histogram, help, labels) { .histogram(Histogram(upperBounds: upperBounds)) }
        guard case .histogram(let histogram) = source else { preconditionFailure("\(name) is no histogram") }
        precondition(histogram.upperBounds == upperBounds, "\(name) is registered with other bounds")
        return histogram
    }

    /// A number that is asked for when somebody reads the metrics: `read` may be called on any thread and must be quick.
    package func function(
        _ kind: InstrumentKind, _ name: String, help: String, labels: MetricLabels = [:],
        read: @escaping @Sendable () -> Double
    ) {
        precondition(kind != .histogram, "a function gives one number")
        _ = register(name, kind, help, labels) { .function(read) }
    }

    /// A family whose series are not known beforehand, such as one for each partition: `read` gives them all, each label
    /// set once. May be called on any thread and must be quick.
    package func collector(
        _ kind: InstrumentKind, _ name: String, help: String, read: @escaping @Sendable () -> [(MetricLabels, Double)]
    ) {
        precondition(kind != .histogram, "a collector gives one number a series")
        checkMetricName(name, kind, help: help)
        families.withLock { families in
            precondition(families[name] == nil, "\(name) is registered already")
            families[name] = Family(kind: kind, help: help, collector: read)
        }
    }

    private func register(
        _ name: String, _ kind: InstrumentKind, _ help: String, _ labels: MetricLabels, make: () -> Source
    ) -> Source {
        checkMetricName(name, kind, help: help)
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind, help: help)
            precondition(
                family.kind == kind && family.help == help && family.collector == nil,
                "\(name) is registered with another kind or help")
            if let known = family.series.first(where: { $0.labels.text == labels.text }) { return known.source }
            let source = make()
            family.series.append((labels, source))
            families[name] = family
            return source
        }
    }

    /// All metrics in Prometheus' text format 0.0.4, families sorted by name; callable from any thread.
    package func render() -> [UInt8] {
        // The functions run outside the lock: they belong to others, who may take locks of their own.
        let all = families.withLock { $0 }
        var output = ""
        for (name, family) in all.sorted(by: { $0.key < $1.key }) {
            output += "# HELP \(name) \(escaped(family.help, quotes: false))\n"
            output += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, source) in family.series { source.write(name, labels, to: &output) }
            for (labels, value) in family.collector?() ?? [] { output += "\(name)\(labels.text) \(sample(value))\n" }
        }
        return Array(output.utf8)
    }
}

extension MetricsRegistry.Source {
    fileprivate func write(_ name: String, _ labels: MetricLabels, to output: inout String) {
        switch self {
        case .counter(let counter): output += "\(name)\(labels.text) \(counter.value)\n"
        case .gauge(let gauge): output += "\(name)\(labels.text) \(sample(gauge.value))\n"
        case .function(let read): output += "\(name)\(labels.text) \(sample(read()))\n"
        case .histogram(let histogram):
            let state = histogram.snapshot()
            var total: UInt64 = 0
            for (bound, count) in zip(histogram.upperBounds + [.infinity], state.counts) {
                total += count
                output += "\(name)_bucket\(labels.with(le: sample(bound))) \(total)\n"
            }
            output += "\(name)_sum\(labels.text) \(sample(state.sum))\n\(name)_count\(labels.text) \(total)\n"
        }
    }
}

private func sample(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return String(value)
}
