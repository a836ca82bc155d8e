package import Analytics

/// Says whether a Redis is fit for Weir.
package enum RedisChecks {
    /// From this share of `maxmemory` on it is time to do something; ingest refuses at 95 %.
    private static let tightShare = 0.8
    private static let fullShare = 0.95

    /// - Parameters:
    ///   - facts: as it says itself.
    ///   - known: the version of our functions in this program.
    ///   - configured: the metrics of this program's configuration.
    /// - Returns: a check for each thing that could be looked at.
    package static func checks(_ facts: RedisFacts, known: String, configured: [MetricDefinition]) -> [Check] {
        [
            server(facts), policy(facts), durability(facts), memory(facts), functions(facts.functions, known: known),
            metrics(facts.definitions, configured),
        ].compactMap { $0 }
    }

    private static func server(_ facts: RedisFacts) -> Check {
        let name = facts.isValkey ? "Valkey" : "Redis"
        let least = facts.isValkey ? "7.2" : "7.0"
        if FactText.version(facts.version).lexicographicallyPrecedes(FactText.version(least)) {
            return .fail(
                "redis", "\(name) \(facts.version) is too old",
                mend: "upgrade it to \(least) or newer: Weir needs its functions")
        }
        if facts.isReplica {
            return .fail(
                "redis", "\(name) \(facts.version) is a replica and takes no writes",
                mend: "name the primary by WEIR_REDIS_URL, or promote this one: redis-cli REPLICAOF NO ONE")
        }
        if facts.isCluster {
            return .warn(
                "redis", "\(name) \(facts.version) is a node of a cluster, which Weir does not follow yet",
                mend: "use a single Redis for Weir")
        }
        return .ok("redis", "\(name) \(facts.version) answers")
    }

    private static func policy(_ facts: RedisFacts) -> Check? {
        guard let policy = facts.policy else { return nil }
        if policy == "noeviction" { return .ok("redis-policy", "maxmemory-policy is noeviction") }
        let detail = "maxmemory-policy is \(policy): a full Redis would throw away events that were accepted"
        let remedy = "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf"
        return facts.maxBytes > 0
            ? .fail("redis-policy", "\(detail); serve and work do not start", mend: remedy)
            : .warn("redis-policy", "\(detail), once it has a limit (maxmemory)", mend: remedy)
    }

    private static func durability(_ facts: RedisFacts) -> Check? {
        guard let isAppendOnly = facts.isAppendOnly else { return nil }
        let name = "redis-durability"
        guard isAppendOnly else {
            return .warn(
                name, "appendonly is no: what was accepted is lost when Redis stops",
                mend: "redis-cli CONFIG SET appendonly yes, and the same in redis.conf")
        }
        if facts.failsToAppend {
            return .fail(
                name, "the last write to the append-only file failed, so Redis may refuse to write at all",
                mend: "see the log of Redis; mostly its disk is full")
        }
        if facts.appendFsync == "no" {
            return .warn(
                name,
                "appendfsync is no: a crash of the machine loses what the system had not written, half a minute or so",
                mend: "redis-cli CONFIG SET appendfsync everysec, and the same in redis.conf")
        }
        return .ok(name, "appendonly is yes" + (facts.appendFsync.map { ", appendfsync \($0)" } ?? ""))
    }

    private static func memory(_ facts: RedisFacts) -> Check {
        let name = "redis-memory"
        guard facts.maxBytes > 0 else { return .ok(name, "\(FactText.size(facts.usedBytes)) in use, without a limit") }
        let share = Double(facts.usedBytes) / Double(facts.maxBytes)
        let detail =
            "\(FactText.size(facts.usedBytes)) of \(FactText.size(facts.maxBytes)) in use (\(Int(share * 100)) %)"
        let remedy = "see that weir work and weir compact run, which make room, or raise maxmemory"
        if share >= fullShare { return .fail(name, "\(detail): new events are refused", mend: remedy) }
        if share >= tightShare {
            return .warn(name, "\(detail); from \(Int(fullShare * 100)) % on new events are refused", mend: remedy)
        }
        return .ok(name, detail)
    }

    private static func functions(_ functions: RedisFacts.Functions, known: String) -> Check {
        let name = "redis-functions"
        let load = "weir scripts load (serve and work do so when they start)"
        switch functions {
        case .none: return .fail(name, "Redis has none of Weir's functions", mend: load)
        case .older(let version):
            return .warn(
                name, "Redis has version \(version) of Weir's functions, this program has \(known)", mend: load)
        case .current(let version):
            return .ok(name, "version \(version)" + (version == known ? "" : ", this program has \(known)"))
        case .incompatible(let version, let isNewer):
            return .fail(
                name, "Redis has version \(version) of Weir's functions, this program needs \(known)",
                mend: isNewer ? "upgrade this program" : load)
        }
    }

    /// A file that only some processes have changes the metrics each time one of the others starts.
    private static func metrics(_ held: Definitions?, _ configured: [MetricDefinition]) -> Check? {
        guard let held else { return nil }
        let (updated, changedKind) = held.updated(to: configured)
        if !changedKind.isEmpty {
            return .fail(
                "metrics", "the kind of \(FactText.list(changedKind)) is another in Redis than in this configuration",
                mend: "give the metric a new name: what is stored under a name cannot change its kind")
        }
        guard updated == nil else {
            return .warn(
                "metrics", "the metrics that are counted are not those of this configuration",
                mend: "give doctor the file that weir work has (WEIR_CONFIG), or restart weir work with this one")
        }
        let count = FactText.count(held.counted.count - 1, "metric")
        return .ok("metrics", "\(count) counted beside events, as configured")
    }
}
