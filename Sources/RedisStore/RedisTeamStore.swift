package import Analytics
package import Redis

/// What the workers of several processes agree on, in Redis.
package struct RedisTeamStore: TeamStore {
    private let client: RedisClient

    package init(client: RedisClient) { self.client = client }

    package func layout(atLeast configured: Int) async throws(StoreError) -> PartitionLayout {
        let command = RedisPartitions.layoutCommand(atLeast: configured, keyLifeMs: 0)
        let reply = try await mapping { () throws(RedisError) in try await client.send(command) }
        return try PartitionLayout(reply)
    }

    package func workers(owner: String, for ttl: Duration) async throws(StoreError) -> [String] {
        var command = RedisCommand(function: "weir_workers", keys: [Keys.workers])
        command.append(owner)
        command.append(ttl.wholeMs)
        let sent = command
        let reply = try await mapping { () throws(RedisError) in try await client.send(sent) }
        guard let owners = reply.array else { throw malformed("weir_workers", "no owners") }
        return owners.compactMap(\.text)
    }
}
