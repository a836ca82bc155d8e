internal import Analytics
internal import Wire

/// The status of an installation as JSON (docs/status.md). Times are ms since 1970; what is not known is null.
enum StatusText {
    static func json(_ report: StatusBoard.Report) -> [UInt8] {
        var json = JSONObject()
        json.add("version", report.version)
        json.add("started_at", report.startedMs)
        json.add("now", report.nowMs)
        json.add("degraded") { $0.appendJSONList(report.degraded) }
        json.add("stores") { $0 += stores(report) }
        json.add("tiers") { $0 += tiers(report) }
        json.add("partitions") { $0.appendJSONList(partitions(report)) { $0 += $1 } }
        json.add("queries") { $0 += queries(report) }
        json.add("compaction") { $0 += compaction(report.postgres.status.value?.compaction) }
        return json.end() + Array("\n".utf8)
    }

    private static func stores(_ report: StatusBoard.Report) -> [UInt8] {
        let (redis, postgres) = (report.redis.status.value, report.postgres.status.value)
        var recent = JSONObject()
        recent.add("breaker") { $0 += breaker(report.redis.breaker) }
        recent.add("version", redis?.serverVersion)
        recent.add("functions", redis?.functionsVersion)
        recent.add("read_at", redis.map { _ in report.redis.status.readMs })
        var history = JSONObject()
        history.add("breaker") { $0 += breaker(report.postgres.breaker) }
        history.add("version", postgres?.serverVersion)
        history.add("migration", postgres.map { Int64($0.migration) })
        history.add("known_migration", postgres.map { Int64($0.knownMigration) })
        history.add("read_at", postgres.map { _ in report.postgres.status.readMs })
        var json = JSONObject()
        json.add("redis") { $0 += recent.end() }
        json.add("postgres") { $0 += history.end() }
        return json.end()
    }

    private static func breaker(_ breaker: CircuitBreaker.Snapshot) -> [UInt8] {
        var json = JSONObject()
        json.add("state", breaker.phase.rawValue)
        json.add("since", breaker.sinceMs)
        json.add("openings", Int64(breaker.openings))
        json.add("last_error", breaker.lastFailure.map { "\($0.error.operation): \($0.error.detail)" })
        json.add("last_error_at", breaker.lastFailure?.atMs)
        return json.end()
    }

    private static func tiers(_ report: StatusBoard.Report) -> [UInt8] {
        let states = report.redis.status.value?.partitions.map(\.state)
        let boundary = states?.map(\.boundaryMs).min()
        func tier(_ tier: QueryTier, _ state: String, _ name: StaticString, _ ms: Int64?) -> [UInt8] {
            var json = JSONObject()
            json.add("state", state)
            json.add(name, ms)
            json.add("answers", Int64(report.tally.byTier[tier.rawValue] ?? 0))
            return json.end()
        }
        func state(_ breaker: CircuitBreaker.Snapshot) -> String { breaker.phase == .closed ? "current" : "away" }
        let memory = report.memoryFromMs == nil ? "filling" : report.isMemoryBehind ? "behind" : "current"
        var json = JSONObject()
        json.add("memory") { $0 += tier(.memory, memory, "from", report.memoryFromMs) }
        json.add("redis") {
            $0 += tier(.redis, state(report.redis.breaker), "from", states?.map(\.boundaryMs).max())
        }
        json.add("postgres") { $0 += tier(.postgres, state(report.postgres.breaker), "to", boundary) }
        return json.end()
    }

    private static func partitions(_ report: StatusBoard.Report) -> [[UInt8]] {
        (report.redis.status.value?.partitions ?? []).enumerated().map { number, partition in
            var lag = JSONObject()
            lag.add("entries", partition.lag.entries.map(Int64.init))
            lag.add("ms", partition.lag.oldestMs)
            var json = JSONObject()
            json.add("partition", Int64(number))
            json.add("cursor", partition.state.cursor.description)
            json.add("newest", partition.state.newestMs == 0 ? nil : partition.state.newestMs)
            json.add("watermark", partition.state.watermarkMs == 0 ? nil : partition.state.watermarkMs)
            json.add("boundary", partition.state.boundaryMs)
            json.add("lag") { $0 += lag.end() }
            return json.end()
        }
    }

    private static func queries(_ report: StatusBoard.Report) -> [UInt8] {
        func counts(_ counts: QueryTally.Counts, _ name: StaticString, _ value: Int64) -> JSONObject {
            var json = JSONObject()
            json.add(name, value)
            json.add("answered", Int64(counts.answered))
            json.add("without_postgres", Int64(counts.withoutPostgres))
            json.add("hit_rate", counts.hitRate)
            return json
        }
        var json = counts(report.tally.total, "since", report.startedMs)
        let recent = counts(report.recent, "seconds", Int64(QueryTally.recentSeconds))
        json.add("recent") { $0 += recent.end() }
        if let cache = report.cache {
            var kept = JSONObject()
            kept.add("hits", Int64(cache.counts.hits))
            kept.add("misses", Int64(cache.counts.misses))
            kept.add("evictions", Int64(cache.counts.evictions))
            kept.add("pieces", Int64(cache.counts.pieces))
            kept.add("bytes", Int64(cache.counts.bytes))
            kept.add("max_bytes", Int64(cache.maxBytes))
            json.add("cache") { $0 += kept.end() }
        }
        return json.end()
    }

    private static func compaction(_ last: LastCompaction?) -> [UInt8] {
        guard let last else { return Array("null".utf8) }
        var json = JSONObject()
        json.add("last_success", last.atMs)
        json.add("seconds", last.seconds)
        json.add("rows", Int64(last.rows))
        json.add("watermark", last.watermarkMs)
        return json.end()
    }
}

/// An object of JSON, member by member.
private struct JSONObject {
    private var json: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
        if json.count > 1 { json.append(UInt8(ascii: ",")) }
        json.appendJSON("\(name)")
        json.append(UInt8(ascii: ":"))
        write(&json)
    }

    mutating func add(_ name: StaticString, _ text: String?) {
        add(name) { if let text { $0.appendJSON(text) } else { $0.appendJSON(literal: "null") } }
    }

    mutating func add(_ name: StaticString, _ number: Int64?) {
        add(name) { if let number { $0.appendJSON(Int(number)) } else { $0.appendJSON(literal: "null") } }
    }

    mutating func add(_ name: StaticString, _ number: Double?) {
        add(name) { if let number { $0.appendJSON(number) } else { $0.appendJSON(literal: "null") } }
    }

    func end() -> [UInt8] { json + [UInt8(ascii: "}")] }
}
