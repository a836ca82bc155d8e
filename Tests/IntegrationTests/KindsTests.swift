import Service
import TestKit
import Testing

@Suite("Uniques and tops, asked by HTTP", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(2)))
struct KindsTests {
    /// Events of a minute: each of 300 users once a service, paths so that `/p0` is the heaviest.
    private func send(_ weir: WeirInstallation, atMs: Int64) async throws {
        var body = ""
        for number in 0..<1_200 {
            body +=
                "{\"ts\":\(atMs + Int64(number)),\"service\":\"s\(number % 2)\",\"user\":\"u\(number / 2 % 300)\","
                + "\"endpoint\":\"/p\(Int(Double(number % 40).squareRoot()))\",\"status\":200,\"duration_ms\":5}\n"
        }
        let response = try await weir.http.post("/api/v1/events", body, type: "application/x-ndjson")
        #expect(response.status == 202, "\(response.text)")
    }

    @Test("the same answer from memory, Redis and PostgreSQL")
    func sameFromEveryTier() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        let nowMs = TimeSource.system.wallMs()
        let recent = (nowMs - 90_000) / 60_000 * 60_000
        let old = (nowMs - 7_200_000) / 60_000 * 60_000
        for at in [recent, old] { try await send(weir, atMs: at) }
        try await weir.waitUntilApplied(2_400)

        func uniques(_ at: Int64) async throws -> (tiers: [String], values: [String]) {
            let answer = try await weir.query(
                "metric=active_users&by=service&from=\(at)&to=\(at + 60_000)&step=10s")
            #expect(answer["step"]?.integer == 60_000, "sets are of whole minutes")
            let values = (answer["series"]?.elements ?? []).map { series in
                "\(series["labels"]?["service"]?.string ?? "") \(series["unique"]?.elements?.first?.integer ?? -1)"
            }
            return (answer["tiers"]?.elements?.compactMap(\.string) ?? [], values.sorted())
        }
        func top(_ at: Int64) async throws -> (tiers: [String], text: String) {
            let response = try await weir.http.get(
                "/api/v1/top?metric=top_endpoints&from=\(at)&to=\(at + 60_000)&k=3&label.service=s1")
            #expect(response.status == 200, "\(response.text)")
            let answer = try JSON5.parse(response.body)
            #expect(answer["exact"]?.bool == true)
            let items = (answer["items"]?.elements ?? []).map {
                "\($0["item"]?.string ?? "") \($0["count"]?.integer ?? 0)"
            }
            return (answer["tiers"]?.elements?.compactMap(\.string) ?? [], items.joined(separator: ", "))
        }
        let fromMemory = (try await uniques(recent), try await top(recent))
        let fromRedis = (try await uniques(old), try await top(old))
        #expect(fromMemory.0.tiers == ["memory"] && fromMemory.1.tiers == ["memory"])
        #expect(fromRedis.0.tiers == ["redis"] && fromRedis.1.tiers == ["redis"])
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        let fromPostgres = (try await uniques(old), try await top(old))
        #expect(fromPostgres.0.tiers == ["postgres"] && fromPostgres.1.tiers == ["postgres"])

        #expect(fromMemory.0.values == fromRedis.0.values && fromRedis.0.values == fromPostgres.0.values)
        for line in fromMemory.0.values {
            let count = Double(line.split(separator: " ")[1]) ?? 0
            #expect(abs(count - 300) <= 300 * 4 * 0.0081, "\(line)")
        }
        var counts: [String: Int] = [:]
        for number in 0..<1_200 where number % 2 == 1 {
            counts["/p\(Int(Double(number % 40).squareRoot()))", default: 0] += 1
        }
        let expected = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(3)
            .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        #expect(fromMemory.1.text == expected && fromRedis.1.text == expected && fromPostgres.1.text == expected)

        for (target, word) in [
            ("metric=active_users", "none of the kind top is"), ("metric=top_endpoints&k=0", "k:"),
            ("metric=top_endpoints&by=x", "by:"),
            ("metric=top_endpoints&from=-90d", "31 days"), ("", "metric"),
        ] {
            let response = try await weir.http.get("/api/v1/top?\(target)")
            #expect(response.status == 400 && response.text.contains(word), "\(target): \(response.text)")
        }
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}

@Suite("Definitions that change", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(2)))
struct ChangingDefinitionsTests {
    @Test("a changed configuration takes effect without a restart, and no event is lost")
    func takesEffectWithoutRestart() async throws {
        let first = """
            { metrics: [
              { name: "requests", kind: "counter", by: ["service", "endpoint"] },
              { name: "going", kind: "counter", by: ["service"] },
            ] }
            """
        let (weir, front) = try await WeirInstallation.start(configuration: first)
        let worker = try await weir.startWorker()
        let path = try #require(weir.configuration)
        var sent = 0
        func send(_ count: Int) async throws {
            let lines = (0..<count).map { "{\"service\":\"s\($0 % 2)\",\"endpoint\":\"/e\($0 % 3)\",\"status\":500}\n" }
            let response = try await weir.http.post("/api/v1/events", lines.joined(), type: "application/x-ndjson")
            #expect(response.status == 202)
            sent += count
        }
        let ask = "agg=count&from=-15m&step=10s"
        try await send(60)
        try await weir.waitUntilApplied(sent)
        #expect(try await weir.totals("metric=requests&\(ask)", by: "service") == ["s0": 30, "s1": 30])

        // Other labels for one, another taken out, one new; events go on coming.
        let second = """
            { metrics: [
              { name: "requests", kind: "counter", by: ["service"] },
              { name: "errors", kind: "ratio", match: "status >= 500", by: ["service"] },
            ] }
            """
        _ = try weir.folder.write(second, to: "weir.json5")
        for _ in 0..<10 { try await send(6) }
        try await eventually("the new metric is there", deadline: .seconds(20)) {
            try await send(6)
            let listed = try await weir.http.get("/api/v1/metrics")
            guard listed.text.contains("\"errors\"") else { return false }
            return (try await weir.totals("metric=errors&\(ask)", by: "service")["s0"] ?? 0) > 0
        }
        try await weir.waitUntilApplied(sent)
        // What was counted under the old labels still belongs to the metric.
        #expect(try await weir.totals("metric=requests&\(ask)", by: "service") == ["s0": sent / 2, "s1": sent / 2])
        #expect(try await weir.totals("metric=events&\(ask)", by: "")[""] == sent)
        let going = try await weir.totals("metric=going&\(ask)", by: "service")
        #expect((going["s0"] ?? 0) >= 30 && (going["s0"] ?? 0) < sent / 2, "it is not counted any more, and readable")

        // A mistake, and another kind under an old name: told, and nothing changes.
        _ = try weir.folder.write("{ metrics: [{ name: \"x\", kind: \"countr\" }] }", to: "weir.json5")
        _ = try await worker.errors.line(containing: "countr", deadline: .seconds(10))
        _ = try weir.folder.write("{ metrics: [{ name: \"errors\", kind: \"counter\" }] }", to: "weir.json5")
        _ = try await worker.errors.line(containing: "give the metric a new name", deadline: .seconds(10))
        try await send(6)
        try await weir.waitUntilApplied(sent)
        #expect(try await weir.totals("metric=requests&\(ask)", by: "service") == ["s0": sent / 2, "s1": sent / 2])
        let unchecked = try await weir.run(["work", "--check-config", "--config", path])
        #expect(unchecked.exit == .status(0), "a kind can only be compared with what Redis has")
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    @Test("functions of a newer minor version serve; of a newer major one they end the worker, with the reason")
    func meetsNewerFunctions() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        let source = try repositoryFile("redis-scripts/weir.lua")
        let version = try #require(source.firstMatch(of: #/local VERSION = '(\d+)\.(\d+)'/#))
        let (major, minor) = (Int(version.1) ?? 0, Int(version.2) ?? 0)
        func load(_ text: String) async throws {
            let probe = try await weir.redis.connect()
            _ = try await probe.command("FUNCTION", "LOAD", "REPLACE", text)
        }
        func send() async throws {
            let response = try await weir.http.post("/api/v1/events", "{\"service\":\"a\"}", type: "application/json")
            #expect(response.status == 202)
        }
        try await send()
        try await weir.waitUntilApplied(1)
        try await load(source.replacing("VERSION = '\(major).\(minor)'", with: "VERSION = '\(major).\(minor + 7)'"))
        try await send()
        try await weir.waitUntilApplied(2)
        let another = try await weir.startWorker()
        try await load(
            source.replacing("VERSION = '\(major).\(minor)'", with: "VERSION = '\(major + 1).0'")
                .replacing("local MAJOR = \(major)", with: "local MAJOR = \(major + 1)"))
        try await send()
        let exit = try await worker.exit(within: .seconds(15))
        #expect(exit != .status(0))
        #expect(worker.errors.lines.joined().contains("upgrade the program"))
        let fresh = try await weir.run(["work", "--listen", "127.0.0.1:\(try FreePort.next())"])
        #expect(fresh.exit != .status(0) && fresh.errors.joined().contains("upgrade the program"))
        another.terminate()
        try await another.exit()
        front.terminate()
        try await front.exit()
    }

    /// A file of the repository, from wherever the tests run.
    private func repositoryFile(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return String(decoding: try readFile("/" + root + "/" + path), as: UTF8.self)
    }
}
