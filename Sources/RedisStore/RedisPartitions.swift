internal import Analytics
internal import Redis
internal import Wire

/// What all roles read of a partition in the same way.
struct RedisPartitions: Sendable {
    let client: RedisClient

    func count() async throws(StoreError) -> Int {
        let reply = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("GET", Keys.partitions))
        }
        return max(1, reply.integer ?? 1)
    }

    /// Asks for the layout, and for growth where there are fewer than `atLeast` partitions.
    static func layoutCommand(atLeast: Int, keyLifeMs: Int) -> RedisCommand {
        var command = RedisCommand(function: "weir_partitions", keys: [Keys.partitions, Keys.layout])
        command.append(atLeast)
        command.append(keyLifeMs)
        return command
    }

    func state(_ partition: Int) async throws(StoreError) -> PartitionState {
        let command = RedisCommand(function: "weir_state", keys: [Keys(partition: partition).cursor], readOnly: true)
        let reply = try await mapping { () throws(RedisError) in try await client.send(command) }
        guard let state = PartitionState(reply) else { throw malformed("weir_state", "no partition state") }
        return state
    }

    /// What of a partition's log waits to be applied.
    func lag(_ partition: Int) async throws(StoreError) -> PartitionLag {
        let keys = Keys(partition: partition)
        let replies = try await mapping { () throws(RedisError) in
            try await client.pipeline([
                RedisCommand("XINFO", "GROUPS", keys.events), RedisCommand("HGET", keys.cursor, "id"),
                RedisCommand("TIME"),
            ])
        }
        // Without a first entry, or a first batch, there is no group yet.
        let group = replies[0][0]?.array ?? []
        let entries = group.firstIndex { $0.text == "lag" }.flatMap { group[$0 + 1].integer }
        if entries == 0 { return PartitionLag(entries: 0, oldestMs: 0) }
        let oldest = try await mapping { () throws(RedisError) in
            try await client.send(
                RedisCommand("XRANGE", keys.events, "(" + (replies[1].text ?? "0-0"), "+", "COUNT", "1"))
        }
        guard let first = oldest[0]?[0]?.streamID, let seconds = replies[2][0]?.number else {
            return PartitionLag(entries: entries ?? 0, oldestMs: 0)
        }
        return PartitionLag(entries: entries, oldestMs: max(0, seconds * 1_000 - Int64(min(first.ms, 1 << 53))))
    }

    /// Sends commands that read, in one MULTI: their replies are of one state.
    func atOnce(_ commands: [RedisCommand]) async throws(StoreError) -> [RedisValue] {
        let replies = try await mapping { () throws(RedisError) in
            try await client.pipeline(
                [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")], timeout: .seconds(10))
        }
        if let failure = replies.last?.errorText {
            throw StoreError(RedisError(.rejected, "EXEC", replies.compactMap(\.errorText).first ?? failure))
        }
        let found = replies.last?.array ?? []
        for (command, reply) in zip(commands, found) {
            if let failure = reply.errorText { throw StoreError(RedisError(.rejected, command.operation, failure)) }
        }
        guard found.count == commands.count else { throw malformed("EXEC", "not a reply for each command") }
        return found
    }

    func definitions(_ partition: Int) async throws(StoreError) -> Definitions? {
        let reply = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("GET", Keys(partition: partition).definitions))
        }
        return try Self.definitions(reply)
    }

    static func definitions(_ reply: RedisValue) throws(StoreError) -> Definitions? {
        guard let json = reply.bytes else { return nil }
        guard let definitions = MetricDefinitionJSON.decode(json) else {
            throw StoreError(
                .incompatible, store: "redis", operation: "GET definitions",
                detail: "the metric definitions are damaged, or of a newer version of Weir")
        }
        return definitions
    }

    func series(_ partition: Int) async throws(StoreError) -> [NumberedSeries] {
        let reply = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("HGETALL", Keys(partition: partition).series), timeout: .seconds(10))
        }
        return try Self.series(reply)
    }

    /// Ascending by number.
    static func series(_ reply: RedisValue) throws(StoreError) -> [NumberedSeries] {
        let fields = reply.array ?? []
        var series: [NumberedSeries] = []
        series.reserveCapacity(fields.count / 2)
        var place = 0
        while place + 1 < fields.count {
            guard let number = fields[place].integer, let key = fields[place + 1].bytes.flatMap(SeriesKeyJSON.decode)
            else { throw malformed("HGETALL", "a series that cannot be read") }
            series.append(NumberedSeries(number: number, key: key))
            place += 2
        }
        return series.sorted { $0.number < $1.number }
    }
}

extension PartitionLayout {
    /// Reads what `weir_partitions` returns.
    init(_ reply: RedisValue) throws(StoreError) {
        let growths: [String: Growth] = ["OK": .none, "GREW": .grew, "WAIT": .mustWait]
        guard let values = reply.array, values.count == 6, let growth = values[0].text.flatMap({ growths[$0] }),
            let count = values[1].integer, count >= 1, let read = values[2].number, let until = values[3].number,
            let life = values[4].number, let flat = values[5].array?.compactMap(\.number), flat.count % 2 == 0
        else { throw malformed("weir_partitions", "no layout") }
        let steps = stride(from: 0, to: flat.count, by: 2).map { Step(count: Int(flat[$0]), sinceMs: flat[$0 + 1]) }
        guard steps.allSatisfy({ $0.count >= 1 }) else { throw malformed("weir_partitions", "a count of zero") }
        self.init(count: count, steps: steps, keyLifeMs: life, readMs: read, validUntilMs: until, growth: growth)
    }
}

extension Duration {
    /// Whole milliseconds.
    var wholeMs: Int { Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000) }
}
