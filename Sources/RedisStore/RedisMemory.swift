package import Analytics
package import Redis

/// How much memory Redis has left, and what it does when there is none.
package struct RedisMemory: Sendable, Equatable {
    /// From this share of `maxmemory` on nothing new is taken, so that what was accepted can still be applied and compacted.
    package static let fullShare = 0.95

    /// Bytes that count against the limit.
    package let usedBytes: Int
    /// `maxmemory`; 0 where there is no limit.
    package let maxBytes: Int
    /// `maxmemory-policy`.
    package let policy: String

    /// Reads the answer to `INFO memory`; nil where it does not say.
    package init?(info: String) {
        var values: [Substring: Substring] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...]
        }
        guard let used = values["used_memory"].flatMap({ Int($0) }), let most = values["maxmemory"].flatMap({ Int($0) })
        else { return nil }
        // Redis does not count the buffers of its replicas and of its log against the limit either.
        usedBytes = max(0, used - (values["mem_not_counted_for_evict"].flatMap { Int($0) } ?? 0))
        maxBytes = most
        policy = values["maxmemory_policy"].map(String.init) ?? "noeviction"
    }

    /// Nothing new should be taken, where so many bytes were written since.
    package func isFull(written: Int = 0) -> Bool {
        maxBytes > 0 && Double(usedBytes + written) >= Double(maxBytes) * Self.fullShare
    }

    /// Redis throws away what it likes when it is full, uncompacted events too.
    package var evicts: Bool { maxBytes > 0 && policy != "noeviction" }

    /// What is full and what to do, for whoever is refused, where so many bytes were written since.
    package func fullness(written: Int = 0) -> String {
        let megabytes = { (bytes: Int) in "\(bytes / 1_048_576).\(bytes % 1_048_576 * 10 / 1_048_576) MiB" }
        return
            "Redis is full: it uses \(megabytes(usedBytes + written)) of the \(megabytes(maxBytes)) that maxmemory allows, and "
            + "new events are refused from \(Int(Self.fullShare * 100)) % on. Raise maxmemory, or see that weir work and "
            + "weir compact run: they make room"
    }

    /// Asks Redis; nil where it does not tell.
    package static func read(_ client: RedisClient) async throws(StoreError) -> RedisMemory? {
        let reply = try await mapping { () throws(RedisError) in try await client.send(RedisCommand("INFO", "memory")) }
        return reply.text.flatMap { RedisMemory(info: $0) }
    }
}
