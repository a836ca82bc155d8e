internal import Analytics

/// The items of minutes that batches are being merged into, as Redis holds them at the cursor: for tops what `BucketCache` is
/// for buckets.
struct TopCache {
    private struct Place: Hashable {
        let series: Int32
        let metric: MetricID
        let minute: Int64
    }

    private var minutes: [Place: TopItems] = [:]
    /// What the last `merge` found, so that it can be taken back.
    private var undo: [(place: Place, before: TopItems?)] = []
    private var isRepeating = false
    /// By metric: how many items stay.
    private let keep: [MetricID: Int]
    private let maxMinutes: Int

    /// - Parameters:
    ///   - definitions: say how many items each metric keeps.
    ///   - maxMinutes: held at most; past it, the older ones are forgotten.
    init(_ definitions: Definitions, maxMinutes: Int = 20_000) {
        keep = Dictionary(
            definitions.metrics.filter { $0.kind == .top }.map { ($0.id, $0.keep) }, uniquingKeysWith: { $1 })
        self.maxMinutes = maxMinutes
    }

    var count: Int { minutes.count }

    /// Merges what a batch adds and returns what is to be written.
    mutating func merge(_ deltas: [MinuteSets.Delta]) -> [AppliedBatch.TopWrite] {
        undo.removeAll(keepingCapacity: true)
        if !isRepeating { forgetOld() }
        isRepeating = false
        return deltas.filter { $0.set.kind == .top }.map { delta in
            let place = Place(series: Int32(delta.series), metric: delta.set.metric, minute: delta.minute)
            let before = minutes[place]
            undo.append((place, before))
            var items = before ?? TopItems()
            items.merge(delta.items)
            let removed = items.trim(keep: keep[delta.set.metric] ?? MetricDefinition.defaultKeep)
            minutes[place] = items
            let counts = delta.items.counts.keys.compactMap { item in
                items.counts[item].map { (item: item, count: $0) }
            }
            return AppliedBatch.TopWrite(
                series: delta.series, metric: delta.set.metric, minute: delta.minute, isNew: before == nil,
                dropped: items.dropped, counts: counts, removed: removed)
        }
    }

    /// Takes the last `merge` back; the next one is of the same batch.
    mutating func takeBack() {
        isRepeating = true
        for (place, before) in undo.reversed() { minutes[place] = before }
        undo.removeAll(keepingCapacity: true)
    }

    /// Learns what Redis holds.
    mutating func learn(_ changed: ChangedTop) {
        minutes[Place(series: Int32(changed.series), metric: changed.metric, minute: changed.minute)] = changed.items
    }

    /// Before a batch, never in the middle of one, for the reason that `BucketCache` gives.
    private mutating func forgetOld() {
        guard minutes.count > maxMinutes else { return }
        let all = minutes.keys.map(\.minute).sorted()
        let oldest = all[all.count / 2]
        minutes = minutes.filter { $0.key.minute > oldest }
    }
}
