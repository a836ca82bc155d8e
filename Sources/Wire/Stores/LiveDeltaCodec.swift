package import Analytics

/// The bytes of `delta` on the live stream: the series a batch uses for the first time, and what it adds.
///
/// ```
/// delta  = version series records
/// version = varint, 1
/// series  = varint count, then for each: varint number, varint length, its JSON (SeriesKeyJSON)
/// records = varint count, then for each: varint number, zigzag (second - second of the one before, at first 0),
///           varint length, record (RecordCodec)
/// ```
package enum LiveDeltaCodec {
    private static let version: UInt64 = 1

    package static func encode(newSeries: [NumberedSeries], deltas: [RecentBuckets.Bucket]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendVarint(version)
        bytes.appendVarint(UInt64(newSeries.count))
        for series in newSeries {
            let key = SeriesKeyJSON.encode(series.key)
            bytes.appendVarint(UInt64(series.number))
            bytes.appendVarint(UInt64(key.count))
            bytes.append(contentsOf: key)
        }
        bytes.appendVarint(UInt64(deltas.count))
        var second: Int64 = 0
        for delta in deltas {
            bytes.appendVarint(UInt64(delta.series))
            bytes.appendZigzag(delta.second - second)
            bytes.appendVarint(UInt64(delta.record.count))
            bytes.append(contentsOf: delta.record)
            second = delta.second
        }
        return bytes
    }

    /// Reads what `encode` wrote.
    package static func decode(
        _ bytes: [UInt8]
    ) throws(DecodingFailure) -> (newSeries: [NumberedSeries], deltas: [RecentBuckets.Bucket]) {
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
        guard cursor.offset == bytes.count else { throw DecodingFailure(what: "delta", offset: cursor.offset) }
        return (newSeries, deltas)
    }
}
