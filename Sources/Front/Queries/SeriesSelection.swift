internal import Analytics

/// Which series of the stores a question is about, from catalogs that are read once and then only added to.
///
/// Owned by the query engine, and used on its executor.
final class SeriesSelection {
    /// The series of a metric in PostgreSQL, or of a partition in Redis, by their numbers.
    private final class Catalog<Entry> {
        var entries: [Entry] = []
        var index = LabelIndex()
        /// Of the store when it was read.
        let connection: UInt64

        init(connection: UInt64 = 0) { self.connection = connection }

        func append(_ entry: Entry, _ labels: LabelSet) {
            entries.append(entry)
            index.append(labels)
        }
    }

    /// Series that catalogs may have in all, at some 400 bytes each.
    private static let maxSeries = 500_000

    private var history: [String: Catalog<HistorySeries>] = [:]
    private var recent: [Int: Catalog<NumberedSeries>] = [:]

    /// The series of a metric in PostgreSQL that `filter` lets through.
    ///
    /// Asks for what is new. Series are only ever added; where the newest one known is not there any more, the database is
    /// another, and everything is read anew.
    func select(
        _ metric: String, _ filter: LabelFilter, from store: any HistoryStore
    ) async throws(StoreError) -> [HistorySeries] {
        while true {
            let known = history[metric]
            let last = known?.entries.last
            let read = try await store.series(ofMetric: metric, from: last?.id ?? 0)
            // Another question may have come first.
            guard history[metric] === known, known?.entries.last == last else { continue }
            guard last == nil || read.first == last else {
                history[metric] = nil
                continue
            }
            let catalog = known ?? Catalog()
            for one in last == nil ? read[...] : read.dropFirst() { catalog.append(one, one.labels) }
            history[metric] = catalog
            shrink(keeping: metric)
            return catalog.index.select(filter).map { catalog.entries[$0] }
        }
    }

    /// The series of a metric in a partition of Redis that `filter` lets through.
    ///
    /// What is known belongs to the connection it was read on: a restarted Redis may have forgotten its last series.
    func select(
        _ metric: MetricDefinition, _ filter: LabelFilter, partition: Int, from store: any RecentStore
    ) async throws(StoreError) -> [NumberedSeries] {
        while true {
            let known = recent[partition]
            let count = known?.entries.count ?? 0
            let read = try await store.series(partition: partition, from: count)
            guard recent[partition] === known, (known?.entries.count ?? 0) == count else { continue }
            guard known == nil || (known?.connection == read.connection && read.count >= count) else {
                recent[partition] = nil
                continue
            }
            let catalog = known ?? Catalog(connection: read.connection)
            for one in read.series { catalog.append(one, one.key.labels) }
            recent[partition] = catalog
            shrink(keeping: nil)
            return catalog.index.select(filter).map { catalog.entries[$0] }.filter { metric.isIn(group: $0.key.group) }
        }
    }

    private func shrink(keeping metric: String?) {
        let count =
            history.values.reduce(0) { $0 + $1.entries.count } + recent.values.reduce(0) { $0 + $1.entries.count }
        if count <= Self.maxSeries { return }
        history = history.filter { $0.key == metric }
        if metric != nil { recent = [:] }
    }
}
