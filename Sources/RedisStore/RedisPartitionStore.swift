package import Analytics
package import Redis
internal import Service
internal import Wire

/// A worker's side of Redis: the log, and `weir_apply`.
package final class RedisPartitionStore: PartitionStore {
    private struct Sessions: Sendable {
        let commands: RedisSession
        let reads: RedisSession
    }

    private let client: RedisClient
    private let readers: [RedisClient]
    /// By number, those handed out; only the newest of a partition is of use.
    private let sessions = Lock<(next: Int, open: [Int: Sessions], ofPartition: [Int: Int])>((1, [:], [:]))

    /// - Parameters:
    ///   - client: for commands.
    ///   - readers: at least one; connections of their own, since waiting for entries blocks them. With fewer than
    ///     partitions, some share one and are slower for it.
    package init(client: RedisClient, readers: [RedisClient]) {
        precondition(!readers.isEmpty, "the log needs a connection")
        self.client = client
        self.readers = readers
    }

    private func reader(_ partition: Int) -> RedisClient { readers[partition % readers.count] }

    package func partitionCount(atLeast configured: Int) async throws(StoreError) -> Int {
        let known = try await RedisPartitions(client: client).count()
        if known < configured {
            _ = try await mapping { () throws(RedisError) in
                try await client.send(RedisCommand("SET", Keys.partitions, "\(configured)"))
            }
        }
        return max(known, configured)
    }

    package func lease(partition: Int, owner: String, for ttl: Duration) async throws(StoreError) -> Bool {
        var command = RedisCommand(function: "weir_lease", keys: [Keys(partition: partition).lease])
        command.append(owner)
        command.append(Int(ttl.components.seconds) * 1_000 + Int(ttl.components.attoseconds / 1_000_000_000_000_000))
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        return reply.text == "OK"
    }

    package func open(partition: Int) async throws(StoreError) -> OpenPartition {
        let keys = Keys(partition: partition)
        let opened = try await mapping { () throws(RedisError) in
            Sessions(commands: try await client.session(), reads: try await reader(partition).session())
        }
        // One MULTI: the series and the cursor must be of one moment.
        let replies = try await mapping { () throws(RedisError) in
            try await opened.commands.pipeline(
                [
                    RedisCommand("MULTI"),
                    RedisCommand(function: "weir_state", keys: [keys.cursor], readOnly: true),
                    RedisCommand("GET", keys.definitions),
                    RedisCommand("HGETALL", keys.series),
                    RedisCommand("EXEC"),
                ], timeout: .seconds(10))
        }
        if let error = replies.last?.errorText {
            throw StoreError(RedisError(.rejected, "EXEC", replies.compactMap(\.errorText).first ?? error))
        }
        guard let state = PartitionState(replies.last?[0]) else {
            let detail = replies.last?[0]?.errorText ?? "no partition state"
            throw StoreError(RedisError(.rejected, "weir_state", detail))
        }
        let series = try RedisPartitions.series(replies.last?[2] ?? .null)
        guard series.indices.allSatisfy({ series[$0].number == $0 }) else {
            throw malformed("HGETALL", "series numbers with gaps")
        }
        let number = sessions.withLock { sessions in
            if let old = sessions.ofPartition[partition] { sessions.open[old] = nil }
            defer { sessions.next += 1 }
            sessions.open[sessions.next] = opened
            sessions.ofPartition[partition] = sessions.next
            return sessions.next
        }
        let definitions = try RedisPartitions.definitions(replies.last?[1] ?? .null)
        let leading = partition == 0 ? definitions : try await RedisPartitions(client: client).definitions(0)
        return OpenPartition(
            session: number, state: state, definitions: definitions, leading: leading, series: series.map(\.key))
    }

    package func define(
        _ definitions: Definitions, expected: Int, partition: Int
    ) async throws(StoreError) -> Bool {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_define", keys: [keys.cursor, keys.definitions])
        command.append(expected)
        command.append(definitions.version)
        command.append(MetricDefinitionJSON.encode(definitions))
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        return reply.text == "OK"
    }

    package func entries(
        partition: Int, session: Int, after position: StreamID, maxCount: Int, wait: Duration
    ) async throws(StoreError) -> [LogEntry] {
        try await reader(partition).readStream(
            Keys(partition: partition).events, after: position, maxCount: maxCount, wait: wait,
            session: try sessions(session).reads)
    }

    package func apply(
        _ batch: AppliedBatch, partition: Int, session: Int
    ) async throws(StoreError) -> ApplyOutcome {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_apply", keys: [keys.cursor, keys.events, keys.live])
        command.append(batch.from.description)
        command.append(batch.to.description)
        command.append(batch.definitionsVersion)
        command.append(Int(batch.newestMs))
        command.append(Self.changes(batch))
        command.append(LiveDeltaCodec.encode(newSeries: batch.newSeries, deltas: batch.deltas))
        let sent = command
        let opened = try sessions(session)
        let reply = try await mapping { () throws(RedisError) in
            try await opened.commands.send(sent, timeout: .seconds(5))
        }
        switch reply[0]?.text {
        case "OK": return .applied(horizonSecond: reply[1]?.number ?? 0)
        case "STALE", "MISSING": return .stale
        case "DEFINITIONS": return .definitionsChanged
        case "CHANGED": return .changed(try Self.changed(reply.array ?? []))
        default: throw malformed("weir_apply", "no outcome")
        }
    }

    private func sessions(_ number: Int) throws(StoreError) -> Sessions {
        guard let opened = sessions.withLock({ $0.open[number] }) else {
            throw StoreError(
                .unavailable, store: "redis", operation: "session", detail: "the partition was opened anew")
        }
        return opened
    }

    private static func changed(_ values: [RedisValue]) throws(StoreError) -> [ChangedBucket] {
        var changed: [ChangedBucket] = []
        var place = 1
        while place + 3 < values.count {
            guard let resolution = values[place].number.flatMap(RecentResolution.init),
                let series = values[place + 1].integer, let second = values[place + 2].number,
                let record = values[place + 3].bytes
            else { throw malformed("weir_apply", "a bucket that cannot be read") }
            changed.append(ChangedBucket(resolution: resolution, series: series, second: second, record: record))
            place += 4
        }
        return changed
    }

    /// The fifth argument of `weir_apply`, as its header describes it.
    private static func changes(_ batch: AppliedBatch) -> [UInt8] {
        var pack = MessagePack()
        pack.beginArray(7)
        pack.beginArray(batch.newSeries.count * 2)
        for series in batch.newSeries {
            pack.append(Int64(series.number))
            pack.append(SeriesKeyJSON.encode(series.key))
        }
        for writes in [batch.fine, batch.coarse] {
            pack.beginArray(writes.count * 4)
            for write in writes {
                pack.append(Int64(write.series))
                pack.append(write.second)
                pack.append(write.isNew ? 1 : 0)
                pack.append(write.record)
            }
        }
        pack.beginArray(batch.dirty.reduce(0) { $0 + 2 + $1.series.count })
        for (minute, series) in batch.dirty {
            pack.append(minute)
            pack.append(Int64(series.count))
            for number in series { pack.append(Int64(number)) }
        }
        pack.beginArray(batch.seen.count * 2)
        for (series, second) in batch.seen {
            pack.append(Int64(series))
            pack.append(second)
        }
        pack.beginArray(batch.refused.count * 3)
        for refused in batch.refused {
            pack.append(refused.id.description)
            pack.append(refused.reason)
            pack.append(refused.bytes)
        }
        let books = batch.books.sorted { $0.key < $1.key }.flatMap { hour, books in
            [("applied", books.applied), ("late", books.late), ("refused", books.refused)]
                .filter { $0.1 > 0 }.map { (hour, $0.0, $0.1) }
        }
        pack.beginArray(books.count * 3)
        for (hour, field, count) in books {
            pack.append(hour)
            pack.append(field)
            pack.append(Int64(count))
        }
        return pack.bytes
    }
}
