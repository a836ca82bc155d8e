internal import Analytics
internal import Redis
internal import Wire

/// Changed minutes of some series of a partition, read in one transaction: the commands, and what their replies say.
///
/// Plain commands in `MULTI` and not a Function of ours: nothing is decided on the way, and a Lua function that handed on
/// what they return took Redis twice the time (docs/measurements.md, "The compaction against COPY").
struct ChangedMinutes {
    private static let tenMinutes: Int64 = 600

    /// A set of one series and minute.
    private struct SetKey {
        let set: MetricSet
        let minute: Int
        /// Of a top: where its count of dropped events stands among the fields of the series' hash.
        let droppedField: Int
    }

    private let keys: Keys
    /// Seconds since 1970, ascending.
    private let minutes: [Int64]
    private let series: [Int]
    private let setKeys: [SetKey]
    private let tenMinutes: Int64

    /// `minutesMs` are whole minutes of the same ten.
    init(partition: Int, minutesMs: Range<Int64>, series: [Int], sets: [MetricSet]) {
        keys = Keys(partition: partition)
        let minutes = Array(
            stride(from: minutesMs.lowerBound / 1_000, to: minutesMs.upperBound / 1_000, by: 60))
        self.minutes = minutes
        self.series = series
        tenMinutes = StepLadder.floor(minutesMs.lowerBound / 1_000, Self.tenMinutes)
        var next = 1 + 6 * minutes.count
        var setKeys: [SetKey] = []
        for minute in minutes.indices {
            for set in sets {
                setKeys.append(SetKey(set: set, minute: minute, droppedField: next))
                if set.kind == .top { next += 1 }
            }
        }
        self.setKeys = setKeys
    }

    /// What is to be sent in one pipeline.
    var commands: [RedisCommand] {
        var commands = [RedisCommand("MULTI"), RedisCommand("HGET", keys.cursor, "id")]
        commands.reserveCapacity(3 + minutes.count + series.count * (1 + setKeys.count))
        for minute in minutes {
            var command = RedisCommand("HMGET")
            command.append(keys.dirty(minute: minute))
            for number in series { command.append(number) }
            commands.append(command)
        }
        var fields = RedisCommand("HMGET")
        fields.append("g")
        for minute in minutes {
            for second in stride(from: minute - tenMinutes, to: minute - tenMinutes + 60, by: 10) {
                fields.append(Int(second))
            }
        }
        for key in setKeys where key.set.kind == .top {
            fields.append("d\(key.set.metric.rawValue).\(minutes[key.minute] - tenMinutes)")
        }
        for number in series {
            var command = RedisCommand("HMGET")
            command.reserve(bytes: 16 * (fields.argumentCount + 2))
            command.append(keys.tenSeconds(series: number, tenMinutes: tenMinutes))
            command.append(argumentsOf: fields)
            commands.append(command)
            for key in setKeys {
                let (metric, minute) = (key.set.metric, minutes[key.minute])
                commands.append(
                    key.set.kind == .unique
                        ? RedisCommand("GET", keys.values(series: number, metric: metric, minute: minute))
                        : RedisCommand(
                            "ZRANGE", keys.items(series: number, metric: metric, minute: minute), "0", "-1",
                            "WITHSCORES"))
            }
        }
        commands.append(RedisCommand("EXEC"))
        return commands
    }

    /// What the replies to `commands` say.
    func partials(_ replies: [RedisValue]) throws(StoreError) -> MinutePartials {
        if case .error(let text)? = replies.last { throw StoreError(RedisError(.rejected, "EXEC", text)) }
        let perSeries = 1 + setKeys.count
        guard let values = replies.last?.array, values.count == 1 + minutes.count + series.count * perSeries else {
            throw malformed("EXEC", "not an answer to each command")
        }
        for value in values {
            if case .error(let text) = value { throw StoreError(RedisError(.rejected, "EXEC", text)) }
        }
        let versions = values[1...minutes.count].map { $0.array ?? [] }
        var found = MinutePartials(cursor: values[0].streamID ?? .zero)
        found.reserve(series.count * minutes.count)
        for (place, number) in series.enumerated() {
            let first = 1 + minutes.count + place * perSeries
            guard let hash = values[first].array, hash.count > 6 * minutes.count else {
                throw malformed("HMGET", "not a value for each field")
            }
            for (index, minute) in minutes.enumerated() {
                guard place < versions[index].count, let version = versions[index][place].streamID else { continue }
                // Records one behind the other are one.
                for slot in hash[(1 + index * 6)..<(7 + index * 6)] {
                    if case .bulk(let bytes) = slot { found.append(part: bytes) }
                }
                for (offset, key) in setKeys.enumerated() where key.minute == index {
                    found.append(part: try content(key, values[first + 1 + offset], hash))
                }
                found.append(
                    series: number, minuteMs: minute * 1_000, version: version,
                    generation: hash[0].streamID ?? version)
            }
        }
        return found
    }

    /// What a set holds, as a record that counts no events; nothing where it is not there.
    private func content(
        _ key: SetKey, _ value: RedisValue, _ hash: [RedisValue]
    ) throws(StoreError) -> [UInt8] {
        if key.set.kind == .unique {
            return value.bytes.map { RecordCodec.encode(registers: $0, of: key.set.metric) } ?? []
        }
        guard let items = value.array, !items.isEmpty else { return [] }
        let dropped = hash.indices.contains(key.droppedField) ? hash[key.droppedField] : .null
        return try SetContent.record(items: [dropped.isNull ? .integer(0) : dropped] + items, of: key.set.metric)
    }
}
