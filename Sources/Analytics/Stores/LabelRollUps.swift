/// Values of a metric by one of its labels, or of all series together, as the compaction made them ahead.
///
/// Thousands of times fewer than the rows that they are made of: 30 days of a thousand series by the hour are 720 buckets. Values
/// of groups cannot be merged, so each step has its own, and only what is asked for just so is answered by them.
package struct LabelRollUps: Sendable {
    /// One bucket.
    package struct Bucket: Sendable {
        /// Its start, ms since 1970.
        package let startMs: Int64
        /// Its groups, as places in `labels`.
        package let groups: [Int]
        /// Events of each.
        package let counts: [Int]
        /// By aggregation, then by group; NaN where a group has none.
        package let values: [[Double]]

        package init(startMs: Int64, groups: [Int], counts: [Int], values: [[Double]]) {
            self.startMs = startMs
            self.groups = groups
            self.counts = counts
            self.values = values
        }
    }

    /// Lengths of buckets for which they are made, ms.
    package static let stepsMs = StepLadder.all.filter { $0 >= 3_600_000 }
    /// What is made, beside the number of events.
    package static let aggregations: [Aggregation] = [
        .rate, .sum, .mean, .min, .max, .last, .ratio, .unique, .p50, .quantile(percent: 75), .p90,
        .quantile(percent: 95), .p99, .quantile(percent: 99.9),
    ]
    /// A label is worth it where it makes of the series so many times fewer groups.
    private static let leastGain = 4
    /// Groups at most, each of which is in memory with a sketch, or a HyperLogLog, for every hour of a day.
    private static let maxGroups = 1_000
    private static let maxUniqueGroups = 100

    /// What is left of the labels of the groups.
    package var labels: [LabelSet] = []
    /// Those that are there, ascending; one without groups has no events, and of one that is missing nothing is known.
    package var buckets: [Bucket] = []

    package init() {}

    /// The labels by which a metric is to be rolled up; empty stands for all series together.
    package static func labels(of metric: MetricDefinition, series: [LabelSet]) -> [String] {
        if metric.kind == .top || series.count < leastGain { return [] }
        let most = min(series.count / leastGain, metric.kind == .unique ? maxUniqueGroups : maxGroups)
        return ([""] + metric.by).filter { label in
            let groups = GroupedBuckets(by: by(label), stepMs: 1)
            return Set(series.map(groups.group(of:))).count <= most
        }
    }

    /// The labels that are kept where series are grouped by `label`.
    package static func by(_ label: String) -> [String] { label.isEmpty ? [] : [label] }
}

extension LabelRollUps {
    /// How a question can be answered by values made ahead.
    package struct Use: Equatable, Sendable {
        /// By which label; empty for all series together.
        package let label: String
        /// All that is asked for is a single group of that label: its labels are left away in the answer.
        package let isOneOfMany: Bool
    }

    /// Nil where a question needs what they are made of.
    package static func use(for query: Query) -> Use? {
        guard !query.isOneBucket, query.metric.kind != .top, query.by.count <= 1, stepsMs.contains(query.stepMs),
            query.aggregations.allSatisfy({ $0 == .count || aggregations.contains($0) })
        else { return nil }
        if let label = query.by.first {
            return query.filter.labels.allSatisfy { $0 == label } ? Use(label: label, isOneOfMany: false) : nil
        }
        if query.filter.isEmpty { return Use(label: "", isOneOfMany: false) }
        return query.filter.onlyLabelWithOneValue.map { Use(label: $0, isOneOfMany: true) }
    }
}
