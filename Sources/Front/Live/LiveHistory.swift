package import Analytics

/// What reads the part of a live window that lies before the ring: the query engine.
package protocol LiveHistory: Sendable {
    /// Merges a metric's series in [from, to) seconds, whole steps, into buckets of `stepSeconds`.
    ///
    /// The buckets are longer where the stores hold no others of that time; they are whole and cover [from, to) at least.
    /// Where a store is missing the answer says so in `degraded`, and holds what the others have.
    func read(
        _ metric: MetricDefinition, by: [String], filter: LabelFilter, from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> HistoryPart

    /// The same for several metrics and groupings, in their order; with one read of what they share, where that can be.
    func read(
        _ asked: [LiveRead], from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> [HistoryPart]
}

/// What is read of all series of a metric.
package struct LiveRead: Sendable {
    package let metric: MetricDefinition
    /// Labels to keep, ascending.
    package let by: [String]

    package init(metric: MetricDefinition, by: [String]) {
        self.metric = metric
        self.by = by
    }
}

extension LiveHistory {
    /// One read after the other, for who has no better way.
    package func read(
        _ asked: [LiveRead], from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> [HistoryPart] {
        var parts: [HistoryPart] = []
        for one in asked {
            parts.append(
                try await read(
                    one.metric, by: one.by, filter: LabelFilter(), from: from, to: to, stepSeconds: stepSeconds))
        }
        return parts
    }
}
