package import Analytics
package import Redis

/// Redis' versions and where its partitions stand, for the status of a front.
package struct RedisStatusStore: RecentStatusStore {
    private let client: RedisClient

    /// Asks by `client`: three round trips a partition.
    package init(client: RedisClient) { self.client = client }

    package func status() async throws(StoreError) -> RecentStatus {
        let info = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("INFO", "server"))
        }
        let functions = try await RedisScripts(client: client).loadedVersion()
        let partitions = RedisPartitions(client: client)
        var found: [RecentStatus.Partition] = []
        // Without our functions there is nothing to ask.
        for partition in 0..<(functions == nil ? 0 : try await partitions.count()) {
            found.append(
                .init(state: try await partitions.state(partition), lag: try await partitions.lag(partition)))
        }
        return RecentStatus(
            serverVersion: Self.version(info.text ?? ""), functionsVersion: functions?.description, partitions: found)
    }

    /// `7.0.15`, or `valkey 8.0.1`, from the answer to `INFO server`.
    private static func version(_ info: String) -> String {
        var values: [Substring: Substring] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...]
        }
        if let valkey = values["valkey_version"] { return "valkey \(valkey)" }
        return values["redis_version"].map(String.init) ?? "unknown"
    }
}
