import Service
import TestKit
import Testing

/// `weir doctor` over real stores: each fault is made, found, and taken away again. What is judged how is in DoctorTests.
@Suite("weir doctor", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(4)))
struct DoctorCommandTests {
    private struct Found {
        let exit: TestKit.ChildProcess.Exit
        /// By the names of the checks: verdict and detail.
        let checks: [String: String]

        /// The checks that are not well.
        var faults: [String: String] { checks.filter { !$0.value.hasPrefix("ok") } }
    }

    private func doctor(
        _ weir: WeirInstallation, _ options: [String] = [], _ variables: [String: String] = [:],
        asksFront: Bool = false
    ) async throws -> Found {
        var environment = weir.environment.merging(variables) { $1 }
        if !asksFront { environment["WEIR_URL"] = nil }
        let ran = try await WeirProcess.run(
            ["doctor", "--format", "json"] + options, environment: environment, within: .seconds(60))
        let json = try JSON5.parse(Array(try #require(ran.output.first, "\(ran.errors)").utf8))
        var checks: [String: String] = [:]
        for check in json["checks"]?.elements ?? [] {
            let verdict = check["verdict"]?.string ?? ""
            #expect((check["remedy"]?.string == nil) == (verdict == "ok"))
            checks[check["check"]?.string ?? ""] = "\(verdict): \(check["detail"]?.string ?? "")"
        }
        #expect(json["ok"]?.bool == (ran.exit == .status(0)))
        return Found(exit: ran.exit, checks: checks)
    }

    /// Makes a fault, expects that one check finds it, and no other, and takes it away.
    private func expect(
        _ weir: WeirInstallation, _ check: String, _ verdict: String, _ options: [String] = [],
        _ variables: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation,
        make: () async throws -> Void = {}, mend: () async throws -> Void = {}
    ) async throws {
        try await make()
        let found = try await doctor(weir, options, variables)
        try await mend()
        #expect(
            Array(found.faults.keys) == [check] && found.checks[check]?.hasPrefix(verdict) == true,
            "\(check): \(found.faults)", sourceLocation: sourceLocation)
        #expect(found.exit == .status(1), sourceLocation: sourceLocation)
    }

    @Test("a lag, no pass yet, and then all is well; each fault of the stores is found")
    func faultsOfTheStores() async throws {
        let (weir, front) = try await WeirInstallation.start(
            redis: RedisServer.Options(appendOnly: .always), postgres: .own)
        let redis = try await weir.redis.connect()
        let atMs = TimeSource.system.wallMs() - 300_000
        try await redis.command("XADD", "weir:{0}:events", "\(atMs)-0", "service", "a", "endpoint", "/")
        let new = try await doctor(weir)
        #expect(Set(new.faults.keys) == ["worker", "compaction"], "\(new.faults)")
        #expect(new.checks["worker"]?.hasPrefix("fail: partition 0 is not being worked off") == true)
        #expect(new.checks["compaction"] == "warn: there was no whole pass yet")
        let worker = try await weir.startWorker()
        try await weir.waitUntilApplied(1)
        try await weir.compact()
        let well = try await doctor(weir, asksFront: true)
        #expect(well.exit == .status(0) && well.faults.isEmpty, "\(well.faults)")
        #expect(
            well.checks.keys.sorted() == [
                "clocks", "compaction", "configuration", "front", "metrics", "partitions", "postgres", "redis",
                "redis-durability", "redis-functions", "redis-memory", "redis-policy", "rights", "schema", "stores",
                "worker",
            ])

        try await weir.stop(worker)
        try await weir.stop(front)
        let nobody = try await doctor(weir, asksFront: true).faults
        #expect(nobody.keys.sorted() == ["front"] && nobody["front"]?.contains("does not answer") == true, "\(nobody)")
        try await faultsOfSettings(weir)
        try await faultsOfRedis(weir, redis)
        try await faultsOfPostgres(weir)
    }

    private func faultsOfSettings(_ weir: WeirInstallation) async throws {
        let other = try weir.folder.write("{ metrics: [{ name: 'logins', kind: 'counter' }] }", to: "other.json5")
        try await expect(weir, "metrics", "warn", ["--config", other])
        let tokens = try weir.folder.write("read\n", to: "tokens")
        try await expect(weir, "tokens", "fail: --tokens: \(tokens), line 1", ["--tokens", tokens])
        let unknown = try weir.folder.write("{ metrixs: [] }", to: "unknown.json5")
        let refused = try await weir.run(["doctor", "--config", unknown])
        #expect(refused.exit == .status(78) && refused.errors.first?.contains("metrixs") == true, "\(refused.errors)")
        #expect(try await weir.run(["doctor", "--late", "8d"]).exit == .status(64), "minutes are kept for 9d")
        let scheme = try await doctor(weir, ["--redis-url", "localhost", "--postgres-url", "x y"])
        #expect(scheme.faults["redis"]?.hasPrefix("fail: WEIR_REDIS_URL: an address begins with") == true, "\(scheme)")
        #expect(scheme.faults["postgres"]?.hasPrefix("fail: WEIR_POSTGRES_URL: ") == true && scheme.exit == .status(69))
    }

    private func faultsOfRedis(_ weir: WeirInstallation, _ redis: RedisProbe) async throws {
        func set(_ name: String, _ value: String) async throws { try await redis.command("CONFIG", "SET", name, value) }
        try await expect(weir, "redis-policy", "warn") { try await set("maxmemory-policy", "allkeys-lru") }
        try await expect(weir, "redis-policy", "fail") {
            try await set("maxmemory", "1gb")
        } mend: {
            try await set("maxmemory-policy", "noeviction")
        }
        try await expect(weir, "redis-memory", "fail") {
            try await set("maxmemory", "1mb")
        } mend: {
            try await set("maxmemory", "0")
        }
        try await expect(weir, "redis-durability", "warn") {
            try await set("appendfsync", "no")
        } mend: {
            try await set("appendfsync", "always")
        }
        try await expect(weir, "redis-durability", "warn: appendonly is no") {
            try await set("appendonly", "no")
        } mend: {
            try await set("appendonly", "yes")
        }
        try await expect(weir, "redis", "fail") {
            try await redis.command("REPLICAOF", "127.0.0.1", "1")
        } mend: {
            try await redis.command("REPLICAOF", "NO", "ONE")
        }
        // What Redis knows of the partitions is out of reach without them.
        let library = try await redis.command("FUNCTION", "LIST", "LIBRARYNAME", "weir", "WITHCODE")
        let code = try #require(library.array?.first?.array?.last?.string)
        try await redis.command("FUNCTION", "DELETE", "weir")
        #expect(try await doctor(weir).faults["redis-functions"] == "fail: Redis has none of Weir's functions")
        let version = try #require(code.split(separator: "\n").first { $0.hasPrefix("local VERSION = ") })
        for (old, word) in [("0.9", "needs"), ("9999.0", "needs")] {
            try await redis.command(
                "FUNCTION", "LOAD", "REPLACE", code.replacing(version, with: "local VERSION = '\(old)'"))
            let fault = try await doctor(weir).faults["redis-functions"] ?? ""
            #expect(fault.hasPrefix("fail: Redis has version \(old) of") && fault.contains(word), "\(fault)")
        }
        #expect(try await weir.run(["scripts", "load", "--force"]).exit == .status(0))
    }

    private func faultsOfPostgres(_ weir: WeirInstallation) async throws {
        func sql(_ text: String) async throws { _ = try await weir.sql(text) }
        func fault(_ check: String, _ verdict: String, _ make: String, _ mend: String) async throws {
            try await expect(weir, check, verdict) {
                try await sql(make)
            } mend: {
                try await sql(mend)
            }
        }
        try await fault(
            "compaction", "fail: the last whole pass ended 2 h ago",
            "UPDATE weir.compaction SET last_success_at = last_success_at - interval '2 hours'",
            "UPDATE weir.compaction SET last_success_at = last_success_at + interval '2 hours'")
        // An older copy of either store, or another one.
        let keep = "CREATE TABLE kept AS SELECT * FROM weir.partition_cursor"
        let restore =
            "TRUNCATE weir.partition_cursor; INSERT INTO weir.partition_cursor SELECT * FROM kept; DROP TABLE kept"
        try await fault(
            "stores", "fail: Redis has lost data",
            "\(keep); UPDATE weir.partition_cursor SET stream_id = '9999999999999-0'",
            restore)
        try await fault(
            "stores", "fail: PostgreSQL has lost history",
            "\(keep); UPDATE weir.partition_cursor SET watermark = watermark - interval '1 hour'", restore)
        try await fault(
            "stores", "fail: PostgreSQL has lost history", "\(keep); DELETE FROM weir.partition_cursor", restore)
        // Somebody's clock.
        let database = "ALTER DATABASE \(weir.database)"
        try await fault(
            "clocks", "fail: Redis is in step, PostgreSQL is 59 min ahead",
            """
            CREATE SCHEMA wrong; CREATE FUNCTION wrong.clock_timestamp() RETURNS timestamptz LANGUAGE sql
                RETURN pg_catalog.clock_timestamp() + interval '59 minutes 59 seconds';
            \(database) SET search_path = wrong, pg_catalog, public
            """, "DROP SCHEMA wrong CASCADE; \(database) RESET search_path")
        try await fault(
            "postgres", "fail: PostgreSQL 1", "\(database) SET default_transaction_read_only = on",
            "BEGIN READ WRITE; \(database) RESET default_transaction_read_only; COMMIT")

        try await roles(weir)

        // Partitions that nobody made: those of tomorrow on, and today's too.
        let drop = { (days: Int) in
            """
            DO $$ DECLARE child regclass; BEGIN
                FOR child IN SELECT inhrelid FROM pg_inherits JOIN pg_class ON oid = inhrelid
                    WHERE inhparent = 'weir.minute'::regclass
                        AND relname > 'minute_' || to_char(now() AT TIME ZONE 'UTC' - interval '\(days) days', 'YYYY_MM_DD')
                LOOP EXECUTE format('DROP TABLE %s', child); END LOOP;
            END $$
            """
        }
        try await fault("partitions", "warn: partitions end in", drop(0), "SELECT 1")
        try await fault("partitions", "fail: there is no partition for now of weir.minute", drop(1), "SELECT 1")
        try await weir.compact()

        // A migration that was changed, one that is missing, a newer one, a function, all of it.
        for (make, mend, words) in [
            (
                "UPDATE weir.migration SET sha256 = decode(reverse(encode(sha256, 'hex')), 'hex') WHERE number = 3",
                "UPDATE weir.migration SET sha256 = decode(reverse(encode(sha256, 'hex')), 'hex') WHERE number = 3",
                "was changed after it was applied"
            ),
            (
                "CREATE TABLE kept AS SELECT * FROM weir.migration; INSERT INTO weir.migration SELECT max(number) + 1, '9999_new', '\\x00', now() FROM kept",
                "TRUNCATE weir.migration; INSERT INTO weir.migration SELECT * FROM kept; DROP TABLE kept", "9999_new"
            ),
            (
                "CREATE TABLE kept AS SELECT * FROM weir.migration; DELETE FROM weir.migration WHERE number = (SELECT max(number) FROM kept)",
                "TRUNCATE weir.migration; INSERT INTO weir.migration SELECT * FROM kept; DROP TABLE kept",
                "not applied yet: 0"
            ),
            (
                "DELETE FROM weir.installed_function WHERE name = 'weir.quantile.sql'", "SELECT 1",
                "not applied yet: weir.quantile"
            ),
            ("SELECT 1", "DROP SCHEMA weir CASCADE", "not applied yet: weir.quantile"),
            ("SELECT 1", "SELECT 1", "the database has no tables of Weir"),
        ] {
            try await sql(make)
            let found = try await doctor(weir).faults
            try await sql(mend)
            #expect(found.keys.sorted() == ["schema"] && found["schema"]?.contains(words) == true, "\(found)")
        }
        #expect(try await weir.run(["migrate"]).exit == .status(0))
    }

    /// Who may read, and who may nothing.
    private func roles(_ weir: WeirInstallation) async throws {
        _ = try await weir.sql("CREATE ROLE reader LOGIN; GRANT weir_reader TO reader; CREATE ROLE stranger LOGIN")
        func url(_ role: String) -> [String: String] {
            ["WEIR_POSTGRES_URL": weir.postgres.url(database: weir.database).replacing("//weir@", with: "//\(role)@")]
        }
        try await expect(
            weir, "rights", "warn: reader may read, which is enough for weir serve, but not", [], url("reader"))
        let stranger = try await doctor(weir, [], url("stranger"))
        #expect(stranger.faults == ["rights": "fail: stranger may not look into the schema weir"], "\(stranger.faults)")
        let unknown = try await doctor(weir, [], url("nobody_knows"))
        #expect(unknown.exit == .status(69))
        #expect(unknown.faults["postgres"]?.hasPrefix("fail: PostgreSQL refuses: ") == true, "\(unknown.faults)")
    }

    @Test("stores that are away, and one that says nothing, are named within the time given")
    func storesAway() async throws {
        let (weir, front) = try await WeirInstallation.start(postgres: .own)
        weir.redis.freeze()
        weir.postgres.freeze()
        let began = ContinuousClock.now
        let frozen = try await doctor(weir, ["--timeout", "1s"])
        // Twice the time at most, and what a stalled machine adds.
        #expect(ContinuousClock.now - began < .seconds(30))
        #expect(
            frozen.exit == .status(69) && frozen.faults.keys.sorted() == ["postgres", "redis"], "\(frozen)")
        #expect(frozen.faults["redis"]?.hasPrefix("fail: Redis does not answer: ") == true, "\(frozen)")
        #expect(frozen.faults["postgres"]?.hasPrefix("fail: PostgreSQL does not answer: ") == true, "\(frozen)")

        // The process lives all the same, and says that it cannot serve.
        let here = ["--listen", "127.0.0.1:\(weir.port)"]
        #expect(try await weir.run(["doctor", "--health"] + here).exit == .status(0))
        try await eventually("the front knows that Redis does not answer") {
            let ready = try await weir.run(["doctor", "--health", "ready"] + here)
            return ready.exit == .status(1)
                && ready.output.first?.contains("/readyz answers 503: not ready: Redis") == true
        }
        let unready = try await doctor(weir, ["--timeout", "1s"], asksFront: true).faults["front"]
        #expect(unready?.contains("is not ready: Redis") == true, "\(unready ?? "")")
        weir.redis.thaw()
        weir.postgres.thaw()
        try await eventually("the front is ready again", deadline: .seconds(30)) {
            try await weir.run(["doctor", "--health", "ready"] + here).exit == .status(0)
        }
        // By the variable that the process itself has, which names all addresses.
        let named = try await WeirProcess.run(["doctor", "--health"], environment: ["WEIR_LISTEN": ":\(weir.port)"])
        #expect(named.exit == .status(0) && named.output == ["OK    127.0.0.1:\(weir.port)/healthz"])
        try await weir.stop(front)
        #expect(try await weir.run(["doctor", "--health"] + here).exit == .status(1))

        try await weir.redis.stop()
        try await weir.postgres.stop(.immediate)
        let stopped = try await doctor(weir)
        #expect(stopped.exit == .status(69) && stopped.faults.keys.sorted() == ["postgres", "redis"], "\(stopped)")
        #expect(stopped.faults["redis"]?.contains("Connection refused") == true, "\(stopped)")
    }
}
