import Foundation
import Service
import TestKit
import Testing

@Suite("Whole path", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(5)))
struct WholePathTests {
    /// The real access log beside the project; absent elsewhere.
    static let accessLog = "../shared/data/access.log"
    static let hasAccessLog = FileManager.default.fileExists(atPath: accessLog)
    static let accessLogMetrics = "examples/access-log.json5"

    @Test(.enabled(if: hasAccessLog, "../shared/data/access.log is not here"))
    func aRealLogCountsTheSameInEveryTier() async throws {
        let lines = try String(contentsOfFile: Self.accessLog, encoding: .utf8).split(separator: "\n")
        // What awk '{print $9}' and '{print $7}' see, but for the one line whose quote is not closed.
        let words = lines.map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        let statuses = Dictionary(words.map { (status($0), 1) }, uniquingKeysWith: +)
        let paths = Dictionary(words.map { (String($0[6]), 1) }, uniquingKeysWith: +)
        #expect(lines.count == 10_000)

        let text = try String(contentsOfFile: Self.accessLogMetrics, encoding: .utf8)
        let (weir, front) = try await WeirInstallation.start(configuration: text)
        let worker = try await weir.startWorker()
        let sent = try await weir.run(["send", "--format", "combined", "--shift-to-now", Self.accessLog])
        #expect(sent.exit == .status(0), "\(sent.errors)")
        #expect(sent.output.contains { $0.contains("10,000 events accepted") }, "\(sent.output)")
        try await weir.waitUntilApplied(10_000)

        let range = "from=-4d&to=now&step=1h"
        let statusQuery = "metric=requests&agg=count&\(range)"
        let pathQuery = "metric=requests_by_path&agg=count&\(range)"
        #expect(try await weir.query(statusQuery)["tiers"]?.elements?.compactMap(\.string) == ["memory", "redis"])
        #expect(try await weir.totals(statusQuery, by: "status") == statuses)
        try await expectPaths(weir, pathQuery, paths)
        let bytesLive = try await weir.query("metric=response_bytes&agg=p50,p90,p99,count&from=-4d&step=1d")

        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        let answer = try await weir.query(statusQuery)
        #expect(answer["tiers"]?.elements?.compactMap(\.string).contains("postgres") == true)
        #expect(try await weir.totals(statusQuery, by: "status") == statuses)
        try await expectPaths(weir, pathQuery, paths)
        let bytesStored = try await weir.query("metric=response_bytes&agg=p50,p90,p99,count&from=-4d&step=1d")
        for name in ["t", "p50", "p90", "p99", "count"] {
            let live = bytesLive["series"]?.elements?.first?[name]?.elements?.map(\.number)
            let stored = bytesStored["series"]?.elements?.first?[name]?.elements?.map(\.number)
            #expect(live != nil && live == stored, "\(name)")
        }
        // The newest minutes are not over yet, so plain SQL has all but those.
        let open = try await weir.query("metric=requests&agg=count&from=-2m&step=1s")
        let recent = (open["series"]?.elements?.first?["count"]?.elements ?? []).reduce(0) { $0 + ($1.number ?? 0) }
        let sql = try await weir.postgres.query(
            "SELECT sum(n) FROM weir.minute_view WHERE metric = 'requests'", database: weir.database)
        let stored = try #require(Double(sql.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(stored <= 10_000 && stored >= 10_000 - recent)
        // Days that are over have hours and days, of as many.
        #expect(
            try await weir.postgres.query(
                """
                SELECT (SELECT sum(n) FROM weir.hour) = (
                    SELECT sum(n) FROM weir.minute WHERE bucket < (SELECT hours_until FROM weir.partition_cursor)
                ) AND (SELECT sum(n) FROM weir.day) = (
                    SELECT sum(n) FROM weir.hour WHERE bucket < (SELECT days_until FROM weir.partition_cursor)
                )
                """, database: weir.database) == "t")
        // Rows lost by hand are made anew.
        let counts = "SELECT (SELECT sum(n) FROM weir.hour), (SELECT sum(n) FROM weir.day)"
        let whole = try await weir.postgres.query(counts, database: weir.database)
        _ = try await weir.postgres.query(
            "DELETE FROM weir.day; UPDATE weir.hour SET n = 1 WHERE bucket >= now() - interval '4 hours'",
            database: weir.database)
        for (what, from) in [("hour", "-5h"), ("day", "-5d")] {
            let rebuilt = try await weir.run(["compact", "--rebuild", what, "--from", from])
            #expect(rebuilt.exit == .status(0), "\(rebuilt.errors)")
        }
        #expect(try await weir.postgres.query(counts, database: weir.database) == whole)
        try await eventually("the front tells of the compaction", deadline: .seconds(30)) {
            let metrics = try await weir.http.get("/metrics").text
            return ["last_success_timestamp_seconds", "duration_seconds", "rows", "watermark_timestamp_seconds"]
                .allSatisfy { metrics.contains("\nweir_compaction_\($0) ") }
        }

        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    @Test func quantilesAreWithinOnePercentAndTheSameInEveryTier() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        // Two hours ago, so that after the compaction PostgreSQL is asked; and a second ago, so that memory is.
        let nowMs = TimeSource.system.wallMs()
        var rng = SplitMix64(Seed(value: 7))
        let values = (0..<2_000).map { _ in (exp(Double.random(in: 0...9, using: &rng)) * 1_000).rounded() / 1_000 }
        let old = StepMs.floor(nowMs - 7_200_000, 60_000)
        for start in [old, nowMs - 1_000] {
            let body = values.map { "{\"ts\":\(start),\"service\":\"a\",\"endpoint\":\"/\",\"duration_ms\":\($0)}\n" }
            let response = try await weir.http.post(
                "/api/v1/events", body.joined(), type: "application/x-ndjson")
            #expect(response.status == 202, "\(response.text)")
        }
        try await weir.waitUntilApplied(4_000)
        let sorted = values.sorted()
        func exact(_ percent: Double) -> Double {
            sorted[Int((percent / 100 * Double(sorted.count - 1)).rounded(.down))]
        }
        let names: [(String, Double)] = [
            ("p0", 0), ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p100", 100),
        ]
        let ask = "metric=response_time&agg=\(names.map(\.0).joined(separator: ","))"

        func answered(_ answer: JSON5Value) -> [Double] {
            names.map { answer["series"]?.elements?.first?[$0.0]?.elements?.first?.number ?? .nan }
        }
        func tiers(_ answer: JSON5Value) -> [String] { answer["tiers"]?.elements?.compactMap(\.string) ?? [] }
        try await eventually("memory has the second") {
            tiers(try await weir.query("\(ask)&from=\(nowMs - 3_000)&to=\(nowMs + 1_000)&step=10s")) == ["memory"]
        }
        let memory = try await weir.query("\(ask)&from=\(nowMs - 3_000)&to=\(nowMs + 1_000)&step=10s")
        let redis = try await weir.query("\(ask)&from=\(old)&to=\(old + 60_000)&step=1m")
        #expect(tiers(redis) == ["redis"])
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        let postgres = try await weir.query("\(ask)&from=\(old)&to=\(old + 60_000)&step=1m")
        #expect(tiers(postgres) == ["postgres"])
        #expect(answered(memory) == answered(redis))
        #expect(answered(redis) == answered(postgres))
        for (index, (name, percent)) in names.enumerated() {
            let wanted = exact(percent)
            #expect(abs(answered(postgres)[index] - wanted) <= (0.01 + 5.06e-6) * wanted, "\(name)")
        }
        let sql = try await weir.postgres.query(
            """
            SELECT greatest(min, least(max, weir.quantile(sketch, 0.99))) FROM weir.minute_view
            WHERE metric = 'response_time' AND bucket = to_timestamp(\(old / 1_000))
            """, database: weir.database)
        let fromSQL = try #require(Double(sql.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(abs(fromSQL - answered(postgres)[3]) <= 1e-9 * fromSQL)
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    @Test func killedAndRacingWorkersChangeNoTotal() async throws {
        let (weir, front) = try await WeirInstallation.start()
        var worker = try await weir.startWorker()
        let second = try await weir.startWorker()
        let batches = 40
        let perBatch = 250
        for batch in 0..<batches {
            let lines = (0..<perBatch).map { index in
                "{\"service\":\"s\(index % 7)\",\"endpoint\":\"/e\(index % 11)\",\"status\":\(index % 5 == 0 ? 500 : 200),"
                    + "\"duration_ms\":\(batch * perBatch + index)}\n"
            }
            let response = try await weir.http.post(
                "/api/v1/events", lines.joined(), type: "application/x-ndjson",
                headers: ["Idempotency-Key": "batch-\(batch)"])
            #expect(response.status == 202, "\(response.text)")
            if batch % 13 == 6 {
                try await worker.crash()
                worker = try await weir.startWorker()
            }
        }
        try await weir.waitUntilApplied(batches * perBatch)
        let ask = "agg=count&from=-15m&step=10s"
        #expect(try await weir.totals("metric=events&\(ask)", by: "")[""] == batches * perBatch)
        var services: [String: Int] = [:]
        for index in 0..<perBatch { services["s\(index % 7)", default: 0] += batches }
        #expect(try await weir.totals("metric=request_count&\(ask)", by: "service") == services)
        #expect(try await weir.totals("metric=response_time&\(ask)", by: "service") == services)
        #expect(try await weir.totals("metric=error_rate&\(ask)", by: "service") == services)
        for process in [worker, second, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    @Test func badInputIsRefusedWithWordsThatHelp() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let mixed = "{\"service\":\"a\"}\nnot json\n\n{\"service\":[1]}\n{\"service\":\"b\"}\n"
        let accepted = try await weir.http.post(
            "/api/v1/events", mixed, type: "application/x-ndjson")
        #expect(accepted.status == 202)
        let answer = try JSON5.parse(accepted.body)
        #expect(answer["accepted"]?.integer == 2)
        #expect(answer["rejected"]?.integer == 2)
        #expect(answer["errors"]?.elements?.compactMap { $0["line"]?.integer } == [2, 4])
        #expect(answer["errors"]?.elements?.allSatisfy { !($0["error"]?.string ?? "").isEmpty } == true)

        let none = try await weir.http.post("/api/v1/events", "nope\n", type: "application/x-ndjson")
        #expect(none.status == 400 && none["content-type"] == "application/problem+json")
        let large = String(repeating: " ", count: 8 << 20 + 1)
        #expect(
            try await HTTPClient(port: weir.port).post("/api/v1/events", large, type: "application/json").status == 413)
        #expect(try await weir.http.post("/api/v1/events", "{}", type: "text/plain").status == 415)

        for (target, word) in [
            ("/api/v1/query?metric=events&frm=-1h", "frm"), ("/api/v1/query?metric=nothing", "metric"),
            ("/api/v1/query?metric=events&step=0.5s", "step"), ("/api/v1/query?metric=events&agg=p99", "agg"),
            ("/api/v1/query?metric=events&from=yesterday", "from"), ("/api/v1/query?metric=events&by=x", "by"),
            ("/api/v1/query?metric=events&limit=0", "limit"), ("/api/v1/query?metric=events&step=1s&from=-30d", "step"),
        ] {
            let response = try await weir.http.get(target)
            #expect(response.status == 400, "\(target)")
            #expect(try JSON5.parse(response.body)["detail"]?.string?.contains(word) == true, "\(response.text)")
        }
        #expect(try await weir.http.get("/api/v1/nothing").status == 404)
        let wrongMethod = try await weir.http.send("DELETE", "/api/v1/query")
        #expect(wrongMethod.status == 405 && wrongMethod["allow"]?.contains("GET") == true)
        front.terminate()
        #expect(try await front.exit() == .status(0))
    }

    @Test func aFrontForOtherHostsNeedsTokens() async throws {
        let refused = try await WeirProcess.run(["serve", "--listen", "0.0.0.0:\(try FreePort.next())"])
        #expect(refused.exit == .status(64))
        #expect(refused.errors.joined().contains("--tokens"))

        let (weir, front) = try await WeirInstallation.start()
        front.terminate()
        try await front.exit()
        let tokens = try weir.folder.write(
            "ingest ingest-token-0123456789\nread read-token-0123456789abc\n", to: "tokens")
        let port = try FreePort.next()
        let guarded = try WeirProcess(
            ["serve", "--listen", "0.0.0.0:\(port)", "--tokens", tokens], environment: weir.environment)
        _ = try await guarded.errors.line(containing: "listening")
        let http = HTTPClient(port: port)
        let body = "{\"service\":\"a\"}"
        #expect(try await http.post("/api/v1/events", body, type: "application/json").status == 401)
        let bearer = { (token: String) in ["Authorization": "Bearer \(token)"] }
        let read = bearer("read-token-0123456789abc")
        let ingest = bearer("ingest-token-0123456789")
        #expect(try await http.post("/api/v1/events", body, type: "application/json", headers: read).status == 403)
        #expect(try await http.post("/api/v1/events", body, type: "application/json", headers: ingest).status == 202)
        #expect(try await http.get("/api/v1/query?metric=events", headers: ingest).status == 403)
        #expect(try await http.get("/api/v1/query?metric=events", headers: read).status == 200)
        #expect(try await http.get("/healthz").status == 200)
        guarded.terminate()
        #expect(try await guarded.exit() == .status(0))
    }

    /// The status of a line as awk's $9 has it; where the request's quote is not closed the words stand elsewhere.
    private func status(_ words: [Substring]) -> String {
        let ninth = words.count > 8 ? String(words[8]) : ""
        return Int(ninth) == nil ? words.first { $0.count == 3 && Int($0) != nil }.map(String.init) ?? "" : ninth
    }

    /// There are more paths than an answer may have series, so they are asked for in three parts.
    private func expectPaths(_ weir: WeirInstallation, _ query: String, _ expected: [String: Int]) async throws {
        var found: [String: Int] = [:]
        for pattern in ["/p*", "/b*", "!/p*,!/b*"] {
            found.merge(try await weir.totals("\(query)&label.path=\(pattern)", by: "path")) { $0 + $1 }
        }
        #expect(found == expected)
    }
}

/// Rounding of times, as the product does it.
enum StepMs {
    static func floor(_ ms: Int64, _ step: Int64) -> Int64 { ms - ms % step }
}
