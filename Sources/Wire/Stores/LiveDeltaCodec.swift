package import Analytics

/// The bytes of `delta` on the live stream: the series a batch uses for the first time, and what it adds.
///
/// ```
/// delta  = version series records sets
/// version = varint, 2
/// series  = varint count, then for each: varint number, varint length, its JSON (SeriesKeyJSON)
/// records = varint count, then for each: varint number, zigzag (second - second of the one before, at first 0),
///           varint length, record (RecordCodec)
/// sets    = like records, of whole minutes: what the batch adds to their sets
/// ```
package enum LiveDeltaCodec {
    private static let version: UInt64 = 2

    package static func encode(
        newSeries: [NumberedSeries], deltas: [RecentBuckets.Bucket], setDeltas: [RecentBuckets.Bucket]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendVarint(version)
        bytes.appendVarint(UInt64(newSeries.count))
        for series in newSeries {
            let key = SeriesKeyJSON.encode(series.key)
            bytes.appendVarint(UInt64(series.number))
            bytes.appendVarint(UInt64(key.count))
            bytes.append(contentsOf: key)
        }
        append(deltas, to: &bytes)
        append(setDeltas, to: &bytes)
        return bytes
    }

    /// Reads what `encode` wrote.
    package static func decode(
        _ bytes: [UInt8]
    ) throws(DecodingFailure) -> (
        newSeries: [NumberedSeries], deltas: [RecentBuckets.Bucket], setDeltas: [RecentBuckets.Bucket]
    ) {
        let span = bytes.span
        var cursor = ByteCursor()
        guard try cursor.varint(span) == version else { throw DecodingFailure(what: "live version", offset: 0) }
        var newSeries: [NumberedSeries] = []
        for _ in 0..<(try cursor.count(span)) {
            let number = try cursor.count(span)
            let length = try cursor.count(span)
            guard let key = SeriesKeyJSON.decode(try cursor.bytes(length, of: span)) else {
                throw DecodingFailure(what: "series", offset: cursor.offset)
            }
            newSeries.append(NumberedSeries(number: number, key: key))
        }
        let deltas = try buckets(span, &cursor)
        let setDeltas = try buckets(span, &cursor)
        guard cursor.offset == bytes.count else { throw DecodingFailure(what: "delta", offset: cursor.offset) }
        return (newSeries, deltas, setDeltas)
    }

    private static func append(_ deltas: [RecentBuckets.Bucket], to bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(deltas.count))
        var second: Int64 = 0
        for delta in deltas {
            bytes.appendVarint(UInt64(delta.series))
            bytes.appendZigzag(delta.second - second)
            bytes.appendVarint(UInt64(delta.record.count))
            bytes.append(contentsOf: delta.record)
            second = delta.second
        }
    }

    private static func buckets(
        _ span: Span<UInt8>, _ cursor: inout ByteCursor
    ) throws(DecodingFailure) -> [RecentBuckets.Bucket] {
        var deltas: [RecentBuckets.Bucket] = []
        var second: Int64 = 0
        for _ in 0..<(try cursor.count(span)) {
            let number = try cursor.count(span)
            let (next, overflow) = second.addingReportingOverflow(try cursor.zigzag(span))
            if overflow { throw DecodingFailure(what: "second", offset: cursor.offset) }
            second = next
            let length = try cursor.count(span)
            deltas.append(.init(series: number, second: second, record: try cursor.bytes(length, of: span)))
        }
        return deltas
    }
}
