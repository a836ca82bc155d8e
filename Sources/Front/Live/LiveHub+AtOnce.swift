package import Analytics
internal import Service

/// Answers that are made in one step of the loop, straight from the request: no task, nobody else's turn in between.
extension LiveHub {
    /// So many values, or seconds of series, are looked at in less than a ms.
    private static let workAtOnce = 2_000
    /// So many values that are known are copied in as long.
    private static let valuesAtOnce = 100_000
    /// Definitions are asked for once a second; after so long without an answer somebody else must ask.
    private static let definitionsFreshNs: UInt64 = 3_000_000_000

    /// The metrics that memory goes by, where they were read within the last seconds. On the loop only.
    package nonisolated var definitionsAtOnce: Definitions? { assumeIsolated { $0.freshDefinitions } }

    /// All of what is asked, where that takes less than a ms; else nil. On the loop only.
    package nonisolated func answerAtOnce(_ query: Query) -> KeptAnswer? {
        assumeIsolated { $0.shortAnswer(query) }
    }

    private var freshDefinitions: Definitions? {
        time.monotonicNs() < definitionsReadNs + Self.definitionsFreshNs ? definitions : nil
    }

    private func shortAnswer(_ query: Query) -> KeptAnswer? {
        guard memory.isCurrent, query.metric == memory.catalog.definitions[query.metric.name], !isBehind,
            let content = content(query)
        else { return nil }
        let (from, to) = (query.fromMs / 1_000, query.toMs / 1_000)
        if let view = memory.view(content, from: from), view.group.metric == query.metric {
            let (places, steps) = (view.places, Int((to - from) / content.stepSeconds))
            let series = view.isOne ? 1 : places.count
            guard series * steps * (1 + query.aggregations.count) <= Self.valuesAtOnce else { return nil }
            return kept(view, places, query, work: Self.workAtOnce)
        }
        if memory.finerGroup(content, from: from) != nil { return nil }
        guard from >= memory.start(of: query.metric) else { return nil }
        let series = memory.select(query.metric, query.filter)
        guard series.count * Int(to - from) <= Self.workAtOnce else { return nil }
        if let columns = memory.columns(query, series: series) {
            return KeptAnswer(columns: columns, buckets: GroupedBuckets(query), newestMs: memory.newestMs)
        }
        var buckets = GroupedBuckets(query)
        for index in series { _ = memory.merge(series: index, of: query.metric, seconds: from..<to, into: &buckets) }
        return KeptAnswer(columns: nil, buckets: buckets, newestMs: memory.newestMs)
    }
}
