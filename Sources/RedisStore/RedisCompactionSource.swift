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
        var command = RedisCommand(
            function: "weir_partials", keys: [Keys(partition: partition).cursor], readOnly: true)
        command.append(Int(minutesMs.lowerBound / 1_000))
        command.append(Int((minutesMs.upperBound - minutesMs.lowerBound) / 60_000))
        command.append(SetContent.names(sets))
        for number in series { command.append(number) }
        let reply = try await send(command)
        guard let cursor = reply[0]?.streamID, let found = reply[1]?.array, let contents = reply[2]?.array else {
            throw malformed("weir_partials", "no cursor")
        }
        var partials: [MinutePartials.Partial] = []
        partials.reserveCapacity(series.count)
        for one in found {
            guard let values = one.array, values.count % 3 == 2, let number = values[0].integer,
                let generation = values[1].streamID
            else { throw malformed("weir_partials", "a series that cannot be read") }
            for place in stride(from: 2, to: values.count, by: 3) {
                guard let second = values[place].number, let version = values[place + 1].streamID,
                    let record = values[place + 2].bytes
                else { throw malformed("weir_partials", "a minute that cannot be read") }
                partials.append(
                    .init(
                        series: number, minuteMs: second * 1_000, version: version, generation: generation,
                        record: record))
            }
        }
        try Self.add(contents, to: &partials)
        return MinutePartials(cursor: cursor, partials: partials)
    }

    /// Puts sets, as `number, minute, set, content, …` in the order of the partials, behind the records they belong to.
    private static func add(
        _ contents: [RedisValue], to partials: inout [MinutePartials.Partial]
    ) throws(StoreError) {
        var place = 0
        for at in stride(from: 0, to: contents.count - 3, by: 4) {
            guard let number = contents[at].integer, let second = contents[at + 1].number else {
                throw malformed("weir_partials", "a set that cannot be read")
            }
            while place < partials.count
                && (partials[place].series != number || partials[place].minuteMs != second * 1_000)
            {
                place += 1
            }
            guard place < partials.count else { throw malformed("weir_partials", "a set of no minute") }
            partials[place].record += try SetContent.record(contents[at + 2], contents[at + 3])
        }
    }

    package func settle(partition: Int, _ settled: [SettledMinute]) async throws(StoreError) {
        let keys = Keys(partition: partition)
        var rest = settled[...]
        while !rest.isEmpty {
            var command = RedisCommand(function: "weir_settle", keys: [keys.cursor, keys.live])
            for one in rest.prefix(5_000) {
                command.append(Int(one.minuteMs / 1_000))
                command.append(one.series)
                command.append(one.version.description)
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
