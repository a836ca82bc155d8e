package import Analytics
package import Redis
internal import Synchronization

/// The log of raw events in Redis streams.
package final class RedisEventLog: EventLog {
    private let client: RedisClient
    private let partitionCount: Int
    private let idempotency: Duration
    /// The partition of the next groups without a key: they spread in turn.
    private let turn = Atomic<Int>(0)

    /// `partitionCount` is at least 1; `idempotency` is how long a key is remembered.
    package init(client: RedisClient, partitionCount: Int, idempotency: Duration = .seconds(3600)) {
        precondition(partitionCount >= 1, "there is at least one partition")
        self.client = client
        self.partitionCount = partitionCount
        self.idempotency = idempotency
    }

    package func append(_ groups: [AppendGroup]) async throws(StoreError) -> [AppendOutcome] {
        // A key must always meet the same partition; the rest goes to whichever is next.
        let next = turn.wrappingAdd(1, ordering: .relaxed).oldValue & .max
        let partitions = groups.map { group in
            group.idempotencyKey.map { Int(Self.hash($0) % UInt64(partitionCount)) } ?? next % partitionCount
        }
        var outcomes = [AppendOutcome](repeating: .appended, count: groups.count)
        for partition in Set(partitions).sorted() {
            let places = groups.indices.filter { partitions[$0] == partition }
            let some = try await append(places.map { groups[$0] }, to: partition)
            for (place, outcome) in zip(places, some) { outcomes[place] = outcome }
        }
        return outcomes
    }

    private func append(_ groups: [AppendGroup], to partition: Int) async throws(StoreError) -> [AppendOutcome] {
        let keys = Keys(partition: partition)
        var command = RedisCommand(
            function: "weir_append",
            keys: [keys.cursor, keys.events] + groups.compactMap { $0.idempotencyKey.map(keys.once) })
        command.append(Int(idempotency.components.seconds) * 1_000)
        for group in groups {
            command.append(group.idempotencyKey == nil ? 0 : 1)
            command.append(String(group.fingerprint, radix: 16))
            command.append(Int(group.receivedMs))
            command.append(group.answer)
            command.append(group.entries.count)
            for entry in group.entries {
                command.append(entry.eventCount)
                command.append(entry.ndjson)
            }
        }
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        let outcomes = (reply.array ?? []).compactMap(Self.outcome)
        guard outcomes.count == groups.count else { throw malformed("weir_append", "not an outcome for each group") }
        return outcomes
    }

    private static func outcome(_ value: RedisValue) -> AppendOutcome? {
        guard let bytes = value.bytes else { return nil }
        if bytes == Array("OK".utf8) { return .appended }
        if bytes == Array("CONFLICT".utf8) { return .conflict }
        let duplicate = Array("DUPLICATE ".utf8)
        return bytes.starts(with: duplicate) ? .duplicate(answer: Array(bytes[duplicate.count...])) : nil
    }

    /// FNV-1a: the same on every front, whatever its process.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
