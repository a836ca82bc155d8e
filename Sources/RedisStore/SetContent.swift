internal import Analytics
internal import Redis
internal import Wire

/// Sets of minutes as our Functions name and return them (redis-scripts/weir/45-sets.lua).
enum SetContent {
    /// `u4,t5`: the sets to read.
    static func names(_ sets: [MetricSet]) -> String {
        sets.map { "\($0.kind == .unique ? "u" : "t")\($0.metric.rawValue)" }.joined(separator: ",")
    }

    /// What a set holds, as a record that counts no events.
    static func record(_ name: RedisValue?, _ content: RedisValue?) throws(StoreError) -> [UInt8] {
        guard let name = name?.text, let kind = name.first, let number = UInt16(name.dropFirst()), let content else {
            throw malformed("weir_read", "a set without a name")
        }
        let metric = MetricID(rawValue: number)
        if kind == "u" {
            guard let registers = content.bytes else { throw malformed("weir_read", "a HyperLogLog of no bytes") }
            return RecordCodec.encode(registers: registers, of: metric)
        }
        return try record(items: content.array ?? [], of: metric)
    }

    /// `{dropped, item, count, item, count, …}` as a record that counts no events.
    static func record(items values: [RedisValue], of metric: MetricID) throws(StoreError) -> [UInt8] {
        var aggregate = Aggregate()
        aggregate.items = try items(.array(values))
        var record = Record()
        record.merge(aggregate, into: metric)
        return RecordCodec.encode(record)
    }

    /// Reads `{dropped, item, count, item, count, …}`.
    static func items(_ content: RedisValue) throws(StoreError) -> TopItems {
        let values = content.array ?? []
        var counts: [[UInt8]: Int] = [:]
        var place = 1
        while place + 1 < values.count {
            guard let item = values[place].bytes, let count = values[place + 1].integer else {
                throw malformed("weir_read", "an item that cannot be read")
            }
            counts[item] = count
            place += 2
        }
        guard values.count % 2 == 1, let dropped = values[0].integer,
            let items = TopItems(counts: counts, dropped: dropped)
        else { throw malformed("weir_read", "items that cannot be read") }
        return items
    }
}
