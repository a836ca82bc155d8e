package import Analytics
internal import Service

/// The memory as the query engine and the routes ask it.
extension LiveHub: MemoryTier {
    package var isBehind: Bool {
        if isStoreAway() || !unreachable.isEmpty { return true }
        // An answer comes with every wait, be it that there is no news.
        let longest = 2 * UInt64(nanoseconds: configuration.wait)
        let now = time.monotonicNs()
        return heardNs.values.contains { now > $0 + longest }
    }

    package var definitions: Definitions? {
        memory.catalog.definitions.version == 0 ? nil : memory.catalog.definitions
    }

    package func coveredFromSecond(of metric: MetricDefinition) -> Int64? {
        memory.isCurrent ? memory.start(of: metric) : nil
    }

    package func read(
        _ query: Query, seconds: Range<Int64>
    ) async -> (buckets: GroupedBuckets, newestMs: Int64)? {
        var buckets = GroupedBuckets(query)
        let epoch = memory.epoch
        var work = 0
        for index in memory.select(query.metric, query.filter) {
            if work > Self.workPerTurn {
                // Others on the loop have their turn; what a series gets meanwhile is in it or not, each second once.
                await Task.yield()
                work = 0
            }
            guard memory.isCurrent, memory.epoch == epoch, seconds.lowerBound >= memory.start(of: query.metric) else {
                return nil
            }
            work += 1 + memory.merge(series: index, of: query.metric, seconds: seconds, into: &buckets)
        }
        guard memory.isCurrent, seconds.lowerBound >= memory.start(of: query.metric) else { return nil }
        return (buckets, memory.newestMs)
    }

    package func series(of metric: MetricDefinition, filter: LabelFilter) -> [[NumberedSeries]]? {
        guard memory.isCurrent else { return nil }
        var series = [[NumberedSeries]](repeating: [], count: memory.followers.count)
        for index in memory.select(metric, filter) {
            for line in memory.catalog.series[index].lines.map({ memory.catalog.lines[$0] }) {
                series[line.partition].append(
                    NumberedSeries(number: line.number, key: memory.catalog.series[index].key))
            }
        }
        return series
    }

    package func lastSeen(of metric: MetricDefinition) -> [LabelSet: Int64]? {
        guard memory.isCurrent else { return nil }
        let series = memory.catalog.series(of: metric).map { memory.catalog.series[$0] }
        return Dictionary(series.map { ($0.key.labels, $0.lastSecond * 1_000) }, uniquingKeysWith: max)
    }
}
