internal import Analytics
internal import Wire

extension BatchAggregator.Delta {
    /// As it goes to the fronts.
    var published: RecentBuckets.Bucket { .init(series: series, second: second, record: RecordCodec.encode(record)) }
}
