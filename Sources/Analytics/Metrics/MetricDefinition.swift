/// What a metric keeps, and so which questions it answers.
package enum MetricKind: String, CaseIterable, Sendable {
    /// The number of events, or the sum of a value.
    case counter
    /// n, sum, min, max and last of a value.
    case gauge
    /// Events, and those for which a condition holds.
    case ratio
    /// n, sum, min, max and a sketch of a value.
    case distribution
    /// The number of distinct values, from a HyperLogLog.
    case unique
    /// The heaviest of the values, with the number of events of each.
    case top

    /// Whether it keeps a set of each whole minute, beside what its records count.
    package var keepsSets: Bool { self == .unique || self == .top }
}

/// What a metric keeps of a minute beside its records: the distinct values, or the items.
package struct MetricSet: Hashable, Sendable {
    package let metric: MetricID
    /// `.unique` or `.top`.
    package let kind: MetricKind

    package init(metric: MetricID, kind: MetricKind) {
        precondition(kind.keepsSets, "\(kind) keeps no set")
        self.metric = metric
        self.kind = kind
    }
}

/// How a metric is made from events.
package struct MetricDefinition: Equatable, Sendable {
    package var id: MetricID
    package var name: String
    package var kind: MetricKind
    /// The field whose number is kept; nil where events are only counted.
    package var value: String?
    /// Unit of the value, for people: `ms`, `bytes`; empty where it has none.
    package var unit: String
    /// Fields that become labels, in the order in which people want to see them.
    package var by: [String]
    /// Only events for which this holds are counted.
    package var filter: Condition?
    /// What a ratio counts.
    package var match: Condition?
    /// Series in one partition; events past it count as `LabelSet.overflow`.
    package var maxSeries: Int
    /// Of a top: so many items of a minute stay when the lightest are dropped; 1...10,000.
    package var keep: Int
    /// It is configured no more: not counted, and still answered from what is stored.
    package var isRetired = false
    /// Names of the groups it was in before its labels or limit changed: what is stored there is still its own.
    package var formerGroups: [String] = []

    package static let defaultKeep = 1_000

    package init(
        id: MetricID, name: String, kind: MetricKind, value: String? = nil, unit: String = "", by: [String] = [],
        filter: Condition? = nil, match: Condition? = nil, maxSeries: Int = SeriesGroup.defaultMaxSeries,
        keep: Int = MetricDefinition.defaultKeep
    ) {
        self.id = id
        self.name = name
        self.kind = kind
        self.value = value
        self.unit = unit
        self.by = by
        self.filter = filter
        self.match = match
        self.maxSeries = maxSeries
        self.keep = keep
    }

    /// The group of metrics with which it shares records.
    package var group: SeriesGroup { SeriesGroup(by: by, maxSeries: maxSeries) }

    /// Whether series of the group called `name` may hold some of it.
    package func isIn(group name: String) -> Bool { name == group.name || formerGroups.contains(name) }

    /// What it keeps of each minute; nil where its records hold all.
    package var set: MetricSet? { kind.keepsSets ? MetricSet(metric: id, kind: kind) : nil }

    /// The shortest step of an answer, ms: sets are kept of whole minutes.
    package var finestStepMs: Int64 { kind.keepsSets ? 60_000 : 1_000 }

    /// The built-in counter of every applied event.
    package static let events = MetricDefinition(id: .events, name: "events", kind: .counter)

    /// The aggregations it answers; the first is the default.
    package var aggregations: [Aggregation] {
        switch kind {
        case .counter: value == nil ? [.count, .rate] : [.sum, .count, .rate]
        case .gauge: [.mean, .min, .max, .last, .sum, .count]
        case .ratio: [.ratio, .count]
        case .distribution: [.p50, .p90, .p99, .mean, .min, .max, .sum, .count, .rate]
        case .unique: [.unique]
        case .top: [.top]
        }
    }

    /// Whether it can answer `aggregation`: those of `aggregations` and, for a distribution, every quantile.
    package func answers(_ aggregation: Aggregation) -> Bool {
        if case .quantile = aggregation { return kind == .distribution }
        // A counter of events answers their sum too: each counts one.
        return aggregations.contains(aggregation) || (kind == .counter && aggregation == .sum)
    }
}

/// All metrics of an installation, as one version.
package struct Definitions: Equatable, Sendable {
    /// Grows with every change; workers and fronts follow it.
    package var version: Int
    /// The built-in `events` first.
    package var metrics: [MetricDefinition]

    package init(version: Int, metrics: [MetricDefinition]) {
        self.version = version
        self.metrics = metrics
    }

    /// The metric called `name`.
    package subscript(name: String) -> MetricDefinition? { metrics.first { $0.name == name } }

    /// The groups of the metrics that are counted and share series, in a stable order.
    package var groups: [SeriesGroup] {
        counted.reduce(into: []) { groups, metric in
            if !groups.contains(metric.group) { groups.append(metric.group) }
        }
    }

    /// The metrics that are counted now.
    package var counted: [MetricDefinition] { metrics.filter { !$0.isRetired } }

    /// What metrics keep of minutes, of all that may be stored.
    package var sets: [MetricSet] { metrics.compactMap(\.set) }

    /// `wanted` as the version after this one: metrics keep the ids they have, new ones get ids never used before, and
    /// those that are wanted no more stay as retired ones, so that what they hold can still be asked for.
    ///
    /// Returns nil where nothing changes. A metric that keeps its name and changes its kind, or counts values instead of
    /// events, is a problem for whoever asks; it is told by the names returned in `changedKind`.
    package func updated(to wanted: [MetricDefinition]) -> (definitions: Definitions?, changedKind: [String]) {
        var next = (metrics.map(\.id.rawValue).max() ?? 0) + 1
        var changedKind: [String] = []
        var updated: [MetricDefinition] = [.events]
        for var metric in wanted where metric.name != MetricDefinition.events.name {
            if let known = self[metric.name] {
                if known.kind != metric.kind || (known.value == nil) != (metric.value == nil) {
                    changedKind.append(metric.name)
                }
                metric.id = known.id
                let before = known.group.name
                metric.formerGroups = (known.formerGroups.filter { $0 != before } + [before])
                    .filter { $0 != metric.group.name }
            } else {
                metric.id = MetricID(rawValue: next)
                next += 1
            }
            updated.append(metric)
        }
        for var known in metrics where !updated.contains(where: { $0.name == known.name }) {
            known.isRetired = true
            updated.append(known)
        }
        guard changedKind.isEmpty, updated != metrics else { return (nil, changedKind) }
        return (Definitions(version: version + 1, metrics: updated), [])
    }
}
