package import Analytics
package import Redis

/// Refused events, as `weir_apply` set them aside.
package struct RedisRefusedStore: RefusedStore {
    private let client: RedisClient

    package init(client: RedisClient) { self.client = client }

    package func partitionCount() async throws(StoreError) -> Int {
        try await RedisPartitions(client: client).count()
    }

    package func refused(
        partition: Int, after position: StreamID, limit: Int
    ) async throws(StoreError) -> [RefusedEvent] {
        var command = RedisCommand("XRANGE", Keys(partition: partition).refused, "(\(position)", "+", "COUNT")
        command.append(limit)
        let reply = try await send(command)
        var events: [RefusedEvent] = []
        for entry in reply.array ?? [] {
            guard let event = Self.event(entry, partition) else {
                throw malformed("XRANGE", "a refused event that cannot be read")
            }
            events.append(event)
        }
        return events
    }

    package func newestRefused(partition: Int) async throws(StoreError) -> StreamID {
        let reply = try await send(
            RedisCommand("XREVRANGE", Keys(partition: partition).refused, "+", "-", "COUNT", "1"))
        return reply[0]?[0]?.streamID ?? .zero
    }

    package func retry(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> [RetryOutcome] {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_retry", keys: [keys.cursor, keys.events, keys.refused])
        for position in positions { command.append(position.description) }
        let reply = try await send(command)
        let outcomes = (reply.array ?? []).compactMap { value -> RetryOutcome? in
            switch value.text {
            case "OK": .retried
            case "GONE": .gone
            case "CUT": .cut
            default: nil
            }
        }
        guard outcomes.count == positions.count else { throw malformed("weir_retry", "not an outcome for each") }
        return outcomes
    }

    package func drop(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> Int {
        let keys = Keys(partition: partition)
        var command = RedisCommand(function: "weir_drop", keys: [keys.cursor, keys.refused])
        for position in positions { command.append(position.description) }
        guard let dropped = try await send(command).integer else { throw malformed("weir_drop", "no number") }
        return dropped
    }

    /// The first eight are ours (redis-scripts/weir/50-apply.lua), the rest are the event's.
    private static func event(_ entry: RedisValue, _ partition: Int) -> RefusedEvent? {
        guard let position = entry[0]?.streamID, let fields = entry[1]?.array, fields.count >= 8,
            let origin = fields[1].text, let receivedMs = fields[5].number, let kept = fields[6].text,
            let byteCount = fields[7].integer
        else { return nil }
        return RefusedEvent(
            id: RefusedID(partition: partition, position: position), entry: origin,
            reason: String(decoding: fields[3].bytes ?? [], as: UTF8.self), receivedMs: receivedMs,
            byteCount: byteCount, isWhole: kept != "cut", fields: fields[8...].map { $0.bytes ?? [] })
    }

    private func send(_ command: RedisCommand) async throws(StoreError) -> RedisValue {
        try await mapping { () throws(RedisError) in try await client.send(command, timeout: .seconds(10)) }
    }
}
