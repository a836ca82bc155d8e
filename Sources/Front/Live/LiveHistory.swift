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
}
