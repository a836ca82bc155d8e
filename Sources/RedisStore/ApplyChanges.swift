internal import Analytics
internal import Redis
internal import Wire

/// What a batch changes, in the form `weir_apply` takes it, and what it answers where that is not as the worker thought.
///
/// The order of lists and elements is that of the function's header, redis-scripts/weir/50-apply.lua.
enum ApplyChanges {
    /// The argument `changes`.
    static func encode(_ batch: AppliedBatch) -> [UInt8] {
        var pack = MessagePack()
        pack.beginArray(10)
        pack.beginArray(batch.newSeries.count * 2)
        for series in batch.newSeries {
            pack.append(Int64(series.number))
            pack.append(SeriesKeyJSON.encode(series.key))
        }
        append(batch.fine, hashSeconds: 120, to: &pack)
        append(batch.coarse, hashSeconds: 600, to: &pack)
        pack.beginArray(batch.dirty.reduce(0) { $0 + 2 + $1.series.count })
        for (minute, series) in batch.dirty {
            pack.append(minute)
            pack.append(Int64(series.count))
            for number in series { pack.append(digits: Int64(number)) }
        }
        pack.beginArray(batch.seen.count * 2)
        for (series, second) in batch.seen {
            pack.append(digits: second)
            pack.append(digits: Int64(series))
        }
        append(batch.refused, to: &pack)
        append(batch.books, to: &pack)
        append(batch.uniques, to: &pack)
        append(batch.tops, to: &pack)
        pack.beginArray(2)
        pack.append(Int64(batch.upto))
        pack.append(Int64(batch.entryCount))
        return pack.bytes
    }

    /// Writes of one hash stand together, so that they are one command: they come ascending by (series, second).
    private static func append(_ writes: [AppliedBatch.Write], hashSeconds: Int64, to pack: inout MessagePack) {
        let hashOf = { (write: AppliedBatch.Write) in
            let offset = write.second % hashSeconds
            return write.second - (offset < 0 ? offset + hashSeconds : offset)
        }
        let starts = writes.indices.filter { place in
            place == 0 || writes[place].series != writes[place - 1].series
                || hashOf(writes[place]) != hashOf(writes[place - 1])
        }
        pack.reserve(bytes: writes.reduce(0) { $0 + $1.record.count + 16 })
        pack.beginArray(starts.count * 5 + writes.count * 2)
        for (number, start) in starts.enumerated() {
            let group = writes[start..<(number + 1 < starts.count ? starts[number + 1] : writes.count)]
            let hash = hashOf(writes[start])
            pack.append(digits: Int64(writes[start].series))
            pack.append(hash)
            pack.append(
                (group.contains(where: \.mayNeedHash) ? 1 : 0)
                    + (group.contains { $0.presence == .unknown } ? 2 : 0))
            pack.append(Int64(group.count))
            pack.append(group.map { UInt8(ascii: "0") + $0.presence.rawValue })
            for write in group {
                pack.append(digits: write.second - hash)
                pack.append(write.record)
            }
        }
    }

    private static func append(_ refused: [AppliedBatch.Refused], to pack: inout MessagePack) {
        pack.beginArray(refused.reduce(0) { $0 + 6 + $1.fields.count })
        for one in refused {
            pack.append(one.id.description)
            pack.append(one.reason)
            pack.append(one.receivedMs)
            pack.append(Int64(one.fields.reduce(one.reason.utf8.count) { $0 + $1.count }))
            pack.append(one.isWhole ? 1 : 0)
            pack.append(Int64(one.fields.count))
            for field in one.fields { pack.append(field) }
        }
    }

    private static func append(_ books: [Int64: AppliedBatch.Books], to pack: inout MessagePack) {
        let lines = books.sorted { $0.key < $1.key }.flatMap { hour, books in
            [
                ("foreign", books.foreign), ("applied", books.applied), ("late", books.late),
                ("refused", books.refused), ("missing", books.missing),
            ].filter { $0.1 != 0 }.map { (hour, $0.0, $0.1) }
        }
        pack.beginArray(lines.count * 3)
        for (hour, field, count) in lines {
            pack.append(hour)
            pack.append(field)
            pack.append(Int64(count))
        }
    }

    private static func append(_ uniques: [AppliedBatch.UniqueWrite], to pack: inout MessagePack) {
        pack.beginArray(uniques.reduce(0) { $0 + 5 + $1.values.count })
        for write in uniques {
            pack.append(Int64(write.series))
            pack.append(Int64(write.metric.rawValue))
            pack.append(write.minute)
            pack.append(write.isNew ? 1 : 0)
            pack.append(Int64(write.values.count))
            for value in write.values { pack.append(value) }
        }
    }

    private static func append(_ tops: [AppliedBatch.TopWrite], to pack: inout MessagePack) {
        pack.beginArray(tops.reduce(0) { $0 + 7 + $1.counts.count * 2 + $1.removed.count })
        for write in tops {
            pack.append(Int64(write.series))
            pack.append(Int64(write.metric.rawValue))
            pack.append(write.minute)
            pack.append(write.isNew ? 1 : 0)
            pack.append(Int64(write.dropped))
            pack.append(Int64(write.counts.count))
            for (item, count) in write.counts {
                pack.append(item)
                pack.append(Int64(count))
            }
            pack.append(Int64(write.removed.count))
            for item in write.removed { pack.append(item) }
        }
    }

    /// Reads an answer `CHANGED`.
    static func changed(
        _ values: [RedisValue]
    ) throws(StoreError) -> (buckets: [ChangedBucket], tops: [ChangedTop]) {
        var buckets: [ChangedBucket] = []
        var tops: [ChangedTop] = []
        var place = 1
        while place + 3 < values.count {
            guard let series = values[place + 1].integer, let second = values[place + 2].number else {
                throw malformed("weir_apply", "a bucket that cannot be read")
            }
            let content = values[place + 3]
            if let text = values[place].text, text.hasPrefix("t"), let metric = UInt16(text.dropFirst()) {
                let items = content.array == nil ? nil : try SetContent.items(content)
                tops.append(
                    ChangedTop(series: series, metric: MetricID(rawValue: metric), minute: second, items: items))
            } else if let resolution = values[place].number.flatMap(RecentResolution.init), let record = content.bytes {
                buckets.append(
                    ChangedBucket(resolution: resolution, series: series, second: second, record: record))
            } else {
                throw malformed("weir_apply", "a bucket that cannot be read")
            }
            place += 4
        }
        return (buckets, tops)
    }
}
