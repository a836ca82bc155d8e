package import Analytics
package import Redis
package import Service

/// Asks a Redis what it is and how it is set up, changing nothing.
package struct RedisExaminer: Sendable {
    private let client: RedisClient
    private let time: TimeSource

    /// Asks by `client`; a handful of round trips, and some for each partition.
    package init(client: RedisClient, time: TimeSource = .system) {
        self.client = client
        self.time = time
    }

    /// All there is to know.
    ///
    /// - Throws: `StoreError` where it does not answer, or refuses what every Weir process asks.
    package func facts() async throws(StoreError) -> RedisFacts {
        let info = try await mapping { () throws(RedisError) in try await client.send(RedisCommand("INFO")) }
        let values = Self.values(info.text ?? "")
        let beforeMs = time.wallMs()
        let now = try await mapping { () throws(RedisError) in try await client.send(RedisCommand("TIME")) }
        let afterMs = time.wallMs()
        guard let seconds = now[0]?.number, let microseconds = now[1]?.number else {
            throw malformed("TIME", "no time")
        }
        var facts = RedisFacts(
            version: values["valkey_version"] ?? values["redis_version"] ?? "unknown",
            clock: ClockReading(
                storeMs: seconds * 1_000 + microseconds / 1_000, beforeMs: beforeMs, afterMs: afterMs),
            functions: try await functions())
        facts.isValkey = values["valkey_version"] != nil
        facts.isReplica = values["role"] == "slave"
        facts.isCluster = values["cluster_enabled"] == "1"
        if let memory = RedisMemory(info: info.text ?? "") {
            (facts.usedBytes, facts.maxBytes, facts.policy) = (memory.usedBytes, memory.maxBytes, memory.policy)
        }
        facts.isAppendOnly = values["aof_enabled"].map { $0 == "1" }
        facts.failsToAppend = values["aof_last_write_status"] == "err"
        facts.appendFsync = try await appendFsync()
        guard facts.isUsable else { return facts }
        let partitions = RedisPartitions(client: client)
        facts.definitions = try await partitions.definitions(0)
        for partition in 0..<(try await partitions.count()) {
            facts.partitions.append(
                .init(
                    state: try await partitions.state(partition), lag: try await partitions.lag(partition),
                    oldestChangedMs: try await oldestChangedMs(partition)))
        }
        return facts
    }

    /// Where each partition stands.
    package func states() async throws(StoreError) -> [PartitionState] {
        let partitions = RedisPartitions(client: client)
        var states: [PartitionState] = []
        for partition in 0..<(try await partitions.count()) { states.append(try await partitions.state(partition)) }
        return states
    }

    private func functions() async throws(StoreError) -> RedisFacts.Functions {
        guard let loaded = try await RedisScripts(client: client).loadedVersion() else { return .none }
        let known = RedisScripts.version
        if loaded.major != known.major { return .incompatible("\(loaded)", isNewer: loaded > known) }
        return loaded < known ? .older("\(loaded)") : .current("\(loaded)")
    }

    /// A service that forbids CONFIG does not tell.
    private func appendFsync() async throws(StoreError) -> String? {
        let replies = try await mapping { () throws(RedisError) in
            try await client.pipeline([RedisCommand("CONFIG", "GET", "appendfsync")])
        }
        return replies[0][1]?.text
    }

    private func oldestChangedMs(_ partition: Int) async throws(StoreError) -> Int64? {
        let reply = try await mapping { () throws(RedisError) in
            try await client.send(RedisCommand("ZRANGE", Keys(partition: partition).minutes, "0", "0"))
        }
        return reply[0]?.number.map { $0 * 1_000 }
    }

    private static func values(_ info: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return values
    }
}

extension RedisFacts {
    /// Our functions can be called.
    fileprivate var isUsable: Bool {
        switch functions {
        case .none, .incompatible: false
        case .older, .current: true
        }
    }
}
