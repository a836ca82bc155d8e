internal import Analytics
internal import Wire

extension BatchAggregator.Delta {
    /// As it goes to the fronts.
    var published: RecentBuckets.Bucket { .init(series: series, second: second, record: RecordCodec.encode(record)) }
}

extension MinuteSets.Delta {
    /// As it goes to the fronts: a record that counts no events.
    var published: RecentBuckets.Bucket {
        var aggregate = Aggregate()
        if set.kind == .unique { aggregate.registers = registers } else { aggregate.items = items }
        var record = Record()
        record.merge(aggregate, into: set.metric)
        return .init(series: series, second: minute, record: RecordCodec.encode(record))
    }
}
