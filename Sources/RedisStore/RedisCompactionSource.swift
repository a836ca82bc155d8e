package import Analytics
package import Redis

/// What the compaction reads from Redis and tells it.
package final class RedisCompactionSource: CompactionSource {
    private let partitions: RedisPartitions
    private var client: RedisClient { partitions.client }

    package init(client: RedisClient) { partitions = RedisPartitions(client: client) }

    package func partitionCount() async throws(StoreError) -> Int { try await partitions.count() }

    package func definitions() async throws(StoreError) -> Definitions? { try await partitions.definitions(0) }

    package func state(partition: Int) async throws(StoreError) -> PartitionState {
        try await partitions.state(partition)
    }

    package func series(partition: Int) async throws(StoreError) -> [NumberedSeries] {
        try await partitions.series(partition)
    }

    package func settlingTime() async throws(StoreError) -> Duration {
        let twoSeconds = Duration.seconds(2)
        do {
            let replies = try await client.pipeline([
                RedisCommand("CONFIG", "GET", "appendonly"), RedisCommand("CONFIG", "GET", "appendfsync"),
            ])
            // A service that forbids CONFIG is taken to write every second.
            guard let appends = replies[0][1]?.text, let fsync = replies[1][1]?.text else { return twoSeconds }
            return appends == "yes" && fsync == "everysec" ? twoSeconds : .zero
        } catch {
            throw StoreError(error)
        }
    }

    package func runID() async throws(StoreError) -> String {
        let reply = try await send(RedisCommand("INFO", "server"))
        let line = reply.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
        guard let line else { throw malformed("INFO", "no run_id") }
        return String(line.dropFirst("run_id:".count))
    }

    package func dirtyMinutes(partition: Int, beforeMs: Int64) async throws(StoreError) -> [Int64] {
        let reply = try await send(
            RedisCommand(
                "ZRANGEBYSCORE", Keys(partition: partition).minutes, "-inf", "(\((beforeMs + 999) / 1_000)"))
        return (reply.array ?? []).compactMap { $0.number.map { $0 * 1_000 } }
    }

    package func dirtySeries(partition: Int, minuteMs: Int64) async throws(StoreError) -> [Int] {
        let reply = try await send(RedisCommand("HKEYS", Keys(partition: partition).dirty(minute: minuteMs / 1_000)))
        return (reply.array ?? []).compactMap(\.integer).sorted()
    }

    package func partials(
        partition: Int, minutesMs: Range<Int64>, series: [Int], sets: [MetricSet]
    ) async throws(StoreError) -> MinutePartials {
        let reading = ChangedMinutes(partition: partition, minutesMs: minutesMs, series: series, sets: sets)
        let replies = try await mapping { () throws(RedisError) in
            try await client.pipeline(reading.commands, timeout: .seconds(10))
        }
        return try reading.partials(replies)
    }

    package func settle(partition: Int, _ settled: [SettledMinute]) async throws(StoreError) {
        let keys = Keys(partition: partition)
        var rest = settled[...]
        while !rest.isEmpty {
            var command = RedisCommand(function: "weir_settle", keys: [keys.cursor, keys.live])
            // A batch of the worker touches many series of a minute: they have its version together.
            var groups: [SettledGroup: [Int]] = [:]
            for one in rest.prefix(5_000) {
                groups[SettledGroup(minuteMs: one.minuteMs, version: one.version), default: []].append(one.series)
            }
            for (group, series) in groups {
                command.append(Int(group.minuteMs / 1_000))
                command.append(group.version.description)
                command.append(series.count)
                for number in series { command.append(number) }
            }
            _ = try await send(command)
            rest = rest.dropFirst(5_000)
        }
    }

    package func advance(partition: Int, watermarkMs: Int64) async throws(StoreError) {
        var command = RedisCommand(function: "weir_advance", keys: [Keys(partition: partition).cursor])
        command.append(Int(watermarkMs))
        _ = try await send(command)
    }

    package func retire(partition: Int) async throws(StoreError) -> Bool {
        var command = RedisCommand(function: "weir_retire", keys: [Keys(partition: partition).cursor])
        command.append(1_000)
        return try await send(command).integer == 1
    }

    private func send(_ command: RedisCommand) async throws(StoreError) -> RedisValue {
        try await mapping { () throws(RedisError) in try await client.send(command, timeout: .seconds(10)) }
    }
}

/// What was read of one minute at one version.
private struct SettledGroup: Hashable {
    let minuteMs: Int64
    let version: StreamID
}
