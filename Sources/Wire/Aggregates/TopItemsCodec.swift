package import Analytics

/// The bytes of top items in a record.
///
/// ```
/// items = dropped number { length item count }
/// all numbers are varints; `number` says how many items follow, ascending by their bytes
/// ```
package enum TopItemsCodec {
    /// Appends the items.
    package static func append(_ items: TopItems, to bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(items.dropped))
        bytes.appendVarint(UInt64(items.counts.count))
        for (item, count) in items.counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            bytes.appendVarint(UInt64(item.count))
            bytes.append(contentsOf: item)
            bytes.appendVarint(UInt64(count))
        }
    }

    /// Reads what `append` wrote and moves the cursor behind it.
    package static func decode(_ bytes: Span<UInt8>, _ cursor: inout ByteCursor) throws(DecodingFailure) -> TopItems {
        let start = cursor.offset
        let dropped = try cursor.count(bytes)
        let number = try cursor.count(bytes)
        guard number <= bytes.count - cursor.offset else { throw DecodingFailure(what: "items", offset: start) }
        var counts: [[UInt8]: Int] = Dictionary(minimumCapacity: number)
        for _ in 0..<number {
            let length = try cursor.count(bytes)
            counts[try cursor.bytes(length, of: bytes)] = try cursor.count(bytes)
        }
        guard counts.count == number, let items = TopItems(counts: counts, dropped: dropped) else {
            throw DecodingFailure(what: "items", offset: start)
        }
        return items
    }
}
