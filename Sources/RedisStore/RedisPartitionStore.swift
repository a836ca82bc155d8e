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
    private let readers: PartitionClients
    /// By number, those handed out; only the newest of a partition is of use.
    private let sessions = Lock<(next: Int, open: [Int: Sessions], ofPartition: [Int: Int])>((1, [:], [:]))

    /// - Parameters:
    ///   - client: for commands.
    ///   - readers: connections of their own, since waiting for entries blocks them.
    package init(client: RedisClient, readers: PartitionClients) {
        self.client = client
        self.readers = readers
    }

    package func lease(partition: Int, owner: String, for ttl: Duration) async throws(StoreError) -> Bool {
        var command = RedisCommand(function: "weir_lease", keys: [Keys(partition: partition).lease])
        command.append(owner)
        command.append(ttl.wholeMs)
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        return reply.text == "OK"
    }

    package func open(partition: Int) async throws(StoreError) -> OpenPartition {
        let keys = Keys(partition: partition)
        let reader = await readers.client(of: partition)
        let opened = try await mapping { () throws(RedisError) in
            Sessions(commands: try await client.session(), reads: try await reader.session())
        }
        let command = RedisCommand(
            function: "weir_open", keys: [keys.cursor, keys.definitions, keys.series], readOnly: true)
        let reply = try await mapping { () throws(RedisError) in
            try await opened.commands.send(command, timeout: .seconds(10))
        }
        guard let state = PartitionState(reply[0]) else { throw malformed("weir_open", "no partition state") }
        // Whoever has upgraded them meanwhile needs other workers too.
        try RedisScripts.check(reply[4]?.text)
        let series = try RedisPartitions.series(reply[2] ?? .null)
        guard series.indices.allSatisfy({ series[$0].number == $0 }) else {
            throw malformed("weir_open", "series numbers with gaps")
        }
        let number = sessions.withLock { sessions in
            if let old = sessions.ofPartition[partition] { sessions.open[old] = nil }
            defer { sessions.next += 1 }
            sessions.open[sessions.next] = opened
            sessions.ofPartition[partition] = sessions.next
            return sessions.next
        }
        let definitions = try RedisPartitions.definitions(reply[1] ?? .null)
        let leading = partition == 0 ? definitions : try await RedisPartitions(client: client).definitions(0)
        return OpenPartition(
            session: number, state: state, upto: reply[3]?.integer ?? 0, definitions: definitions,
            leading: leading, series: series.map(\.key))
    }

    package func define(
        _ definitions: Definitions, expected: Int, partition: Int
    ) async throws(StoreError) -> Bool {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_define", keys: [keys.cursor, keys.definitions, keys.live])
        command.append(expected)
        command.append(definitions.version)
        command.append(MetricDefinitionJSON.encode(definitions))
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        return reply.text == "OK"
    }

    package func leadingDefinitions() async throws(StoreError) -> Definitions? {
        try await RedisPartitions(client: client).definitions(0)
    }

    package func lag(partition: Int) async throws(StoreError) -> PartitionLag {
        try await RedisPartitions(client: client).lag(partition)
    }

    package func entries(
        partition: Int, session: Int, after position: StreamID, maxCount: Int, wait: Duration
    ) async throws(StoreError) -> [LogEntry] {
        try await readers.client(of: partition).readStream(
            Keys(partition: partition).events, after: position, maxCount: maxCount, wait: wait,
            session: try sessions(session).reads)
    }

    package func apply(
        _ batch: AppliedBatch, partition: Int, session: Int
    ) async throws(StoreError) -> ApplyOutcome {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_apply", keys: [keys.cursor, keys.events, keys.live])
        command.append(RedisScripts.version.major)
        command.append(batch.from.description)
        command.append(batch.to.description)
        command.append(batch.definitionsVersion)
        command.append(Int(batch.newestMs))
        command.append(ApplyChanges.encode(batch))
        command.append(
            LiveDeltaCodec.encode(newSeries: batch.newSeries, deltas: batch.deltas, setDeltas: batch.setDeltas))
        let sent = command
        let opened = try sessions(session)
        let reply = try await mapping { () throws(RedisError) in
            try await opened.commands.send(sent, timeout: .seconds(5))
        }
        switch reply[0]?.text {
        case "OK": return .applied(horizonSecond: reply[1]?.number ?? 0, settledSecond: reply[2]?.number ?? .max)
        case "STALE", "MISSING": return .stale
        case "DEFINITIONS": return .definitionsChanged
        case "VERSION":
            try RedisScripts.check(reply[1]?.text)
            throw malformed("weir_apply", "another major version")
        case "CHANGED":
            let changed = try ApplyChanges.changed(reply.array ?? [])
            return .changed(changed.buckets, changed.tops)
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
}
