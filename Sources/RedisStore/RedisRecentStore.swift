package import Analytics
package import Redis
internal import Wire

/// Recent buckets and live batches, for fronts.
package final class RedisRecentStore: RecentStore {
    /// Names of series asked for at a time: a few ms of Redis.
    private static let seriesPerCall = 5_000

    private let partitions: RedisPartitions
    private let followers: PartitionClients

    /// - Parameters:
    ///   - client: for questions.
    ///   - followers: connections of their own, since waiting for live batches blocks them.
    package init(client: RedisClient, followers: PartitionClients) {
        partitions = RedisPartitions(client: client)
        self.followers = followers
    }

    package func partitionCount() async throws(StoreError) -> Int { try await partitions.count() }

    package func definitions() async throws(StoreError) -> Definitions? { try await partitions.definitions(0) }

    package func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        let key = Keys(partition: partition).series
        let (session, count) = try await mapping { () throws(RedisError) in
            let session = try await partitions.client.session(timeout: .seconds(10))
            return (session, try await session.send(RedisCommand("HLEN", key)).integer ?? 0)
        }
        var series: [NumberedSeries] = []
        for first in stride(from: number, to: count, by: Self.seriesPerCall) {
            let numbers = first..<min(first + Self.seriesPerCall, count)
            var command = RedisCommand("HMGET")
            command.append(key)
            for number in numbers { command.append(number) }
            let sent = command
            let reply = try await mapping { () throws(RedisError) in try await session.send(sent) }
            for (number, value) in zip(numbers, reply.array ?? []) {
                guard let key = value.bytes.flatMap(SeriesKeyJSON.decode) else {
                    throw malformed("HMGET", "no series \(number) of \(count)")
                }
                series.append(NumberedSeries(number: number, key: key))
            }
        }
        return NewSeries(connection: session.epoch, count: count, series: series)
    }

    package func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets {
        var command = RedisCommand(
            function: "weir_read", keys: [Keys(partition: partition).cursor], readOnly: true)
        command.append(Int(resolution.rawValue))
        command.append(Int(max(from, 0)))
        command.append(Int(max(to, 0)))
        command.append(SetContent.names(sets))
        for number in series { command.append(number) }
        let sent = command
        let reply = try await mapping { () throws(RedisError) in
            try await partitions.client.send(sent, timeout: .seconds(10))
        }
        guard let state = PartitionState(reply[0]), let found = reply[1]?.array else {
            throw malformed("weir_read", "no state and buckets")
        }
        var buckets: [RecentBuckets.Bucket] = []
        buckets.reserveCapacity(found.count / 3)
        var place = 0
        while place + 2 < found.count {
            guard let number = found[place].integer, let second = found[place + 1].number,
                let record = found[place + 2].bytes
            else { throw malformed("weir_read", "a bucket that cannot be read") }
            buckets.append(.init(series: number, second: second, record: record))
            place += 3
        }
        var foundSets: [RecentBuckets.Bucket] = []
        let contents = reply[2]?.array ?? []
        place = 0
        while place + 3 < contents.count {
            guard let number = contents[place].integer, let minute = contents[place + 1].number else {
                throw malformed("weir_read", "a set that cannot be read")
            }
            let record = try SetContent.record(contents[place + 2], contents[place + 3])
            foundSets.append(.init(series: number, second: minute, record: record))
            place += 4
        }
        return RecentBuckets(state: state, buckets: buckets, sets: foundSets)
    }

    package func livePosition(partition: Int) async throws(StoreError) -> StreamID {
        let reply = try await mapping { () throws(RedisError) in
            try await partitions.client.send(
                RedisCommand("XREVRANGE", Keys(partition: partition).live, "+", "-", "COUNT", "1"))
        }
        return reply[0]?[0]?.streamID ?? .zero
    }

    package func live(
        partition: Int, after position: StreamID, wait: Duration
    ) async throws(StoreError) -> [LiveBatch] {
        let entries = try await followers.client(of: partition).readStream(
            Keys(partition: partition).live, after: position, maxCount: 100, wait: wait, session: nil)
        var batches: [LiveBatch] = []
        for entry in entries { batches.append(try Self.batch(entry)) }
        return batches
    }

    private static func batch(_ entry: LogEntry) throws(StoreError) -> LiveBatch {
        var values: [String: [UInt8]] = [:]
        var place = 0
        while place + 1 < entry.fields.count {
            values[String(decoding: entry.fields[place], as: UTF8.self)] = entry.fields[place + 1]
            place += 2
        }
        let text = { (name: String) in values[name].map { String(decoding: $0, as: UTF8.self) } }
        guard let from = text("from").flatMap({ StreamID($0) }), let to = text("to").flatMap({ StreamID($0) }) else {
            throw malformed("XREAD", "a live batch without from and to")
        }
        var batch = LiveBatch(
            position: entry.id, from: from, to: to, definitionsVersion: text("definitions").flatMap { Int($0) } ?? 0,
            newestMs: text("newest").flatMap { Int64($0) } ?? 0, newSeries: [], deltas: [])
        do {
            if let delta = values["delta"] {
                (batch.newSeries, batch.deltas, batch.setDeltas) = try LiveDeltaCodec.decode(delta)
            }
        } catch {
            throw malformed("XREAD", "a live batch that cannot be read: \(error)")
        }
        if let ends = text("settled")?.split(separator: " ").compactMap({ Int64($0) }), ends.count == 2,
            ends[0] <= ends[1]
        {
            batch.settled = [ends[0]..<ends[1]]
        }
        return batch
    }
}

extension RedisClient {
    /// Entries of a stream after `position`, oldest first; waits up to `wait` for the first.
    func readStream(
        _ key: String, after position: StreamID, maxCount: Int, wait: Duration, session: RedisSession?
    ) async throws(StoreError) -> [LogEntry] {
        var command = RedisCommand("XREAD")
        command.append("COUNT")
        command.append(maxCount)
        if wait > .zero {
            command.append("BLOCK")
            command.append(max(1, wait.wholeMs))
            command.blockTime = wait
        }
        command.append("STREAMS")
        command.append(key)
        command.append(position.description)
        let sent = command
        let reply = try await mapping { () throws(RedisError) in
            if let session { return try await session.send(sent) }
            return try await self.send(sent)
        }
        guard let found = reply[0]?[1]?.array else { return [] }
        var entries: [LogEntry] = []
        entries.reserveCapacity(found.count)
        for entry in found {
            // Patterns, since a subscript or a property would copy what it passes on.
            guard case .array(let parts) = entry, parts.count >= 2, case .bulk(let id) = parts[0],
                case .array(let values) = parts[1], let id = StreamID(id.span)
            else { throw malformed("XREAD", "an entry that cannot be read") }
            var fields: [[UInt8]] = []
            fields.reserveCapacity(values.count)
            for value in values {
                if case .bulk(let bytes) = value { fields.append(bytes) } else { fields.append([]) }
            }
            entries.append(LogEntry(id: id, fields: fields))
        }
        return entries
    }
}
