import Foundation
import Service
import TestKit
import Testing

/// `weir export` of what the real processes have put into PostgreSQL; pieces, merging and rows are tested in CompactorTests.
@Suite("weir export", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct ExportCommandTests {
    @Test("exports what the API answers, whole files only, and says what it cannot export")
    func exportsHistory() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        let start = StepMs.floor(TimeSource.system.wallMs() - 3 * 3_600_000, 3_600_000)
        var rng = SplitMix64(Seed(value: 5))
        let services = ["a", "b,\"c\"", "d\ne"]
        let count = 600
        var body = ""
        for number in 0..<count {
            let service = services[number % 3].replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            body +=
                "{\"ts\":\(start + Int64.random(in: 0..<5_400_000, using: &rng)),\"service\":\"\(service)\",\"endpoint\":\"/\","
                + "\"status\":\(number % 7 == 0 ? 500 : 200),\"user\":\"u\(number % 50)\","
                + "\"duration_ms\":\(Double.random(in: 1...900, using: &rng))}\n"
        }
        let sent = try await weir.http.post("/api/v1/events", body, type: "application/x-ndjson")
        #expect(sent.status == 202, "\(sent.text)")
        try await weir.waitUntilApplied(count)
        let compacted = try await weir.run(["compact", "--verbose"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        #expect(
            compacted.errors.contains { $0.contains("wrote rows in a transaction") && $0.contains("\"replaced\":0") })
        try await weir.stop(worker)

        let range = ["--from", "\(start)", "--to", "\(start + 7_200_000)"]
        let file = weir.folder.file("export.csv")
        for (metric, aggregations, resolution, step) in [
            ("response_time", "p50,p90,p99,mean,min,max,sum,count,rate", "minute", "1m"),
            ("response_time", "p99.9,count", "hour", "1h"), ("error_rate", "ratio,count", "minute", "1m"),
            ("active_users", "unique", "hour", "1h"), ("top_endpoints", "top", "minute", "1m"),
            ("events", "count,rate", "minute", "1m"),
        ] {
            let exported = try await weir.run(
                ["export", metric, "--agg", aggregations, "--resolution", resolution, "--output", file] + range)
            #expect(exported.exit == .status(0) && exported.output.isEmpty, "\(exported.errors)")
            let by =
                metric == "events"
                ? ""
                : metric == "active_users" || metric == "top_endpoints"
                    ? "service" : "endpoint,service"
            let api = try await weir.http.get(
                "/api/v1/query?metric=\(metric)&agg=\(aggregations)&by=\(by)&step=\(step)&from=\(start)&to=\(start + 7_200_000)",
                headers: ["Accept": "text/csv"])
            #expect(api.status == 200, "\(api.text)")
            let found = try String(contentsOfFile: file, encoding: .utf8)
            #expect(records(found) == records(withTimes(api.text)), "\(metric)")
            #expect(records(found).count > (resolution == "hour" ? 3 : 60), "\(metric)")
        }
        // All aggregations where none is named; NDJSON on standard output; only some series.
        let json = try await weir.run(
            ["export", "response_time", "--format", "ndjson", "--label", "service=d*"] + range)
        let rows = try json.output.map { try JSON5.parse(Array($0.utf8)) }
        #expect(json.exit == .status(0) && rows.count > 30, "\(json.errors)")
        for row in rows {
            #expect(row["labels"]?["service"]?.string == "d\ne" && row["time"]?.string?.hasSuffix(":00Z") == true)
            #expect(
                row.members?.map(\.key)
                    == ["time", "labels", "p50", "p90", "p99", "mean", "min", "max", "sum", "count", "rate"])
        }
        try await expectRefusals(weir, range, file)
        try await expectNoHalfFile(weir, range)
        try await weir.stop(front)
    }

    private func expectRefusals(_ weir: WeirInstallation, _ range: [String], _ file: String) async throws {
        let before = try String(contentsOfFile: file, encoding: .utf8)
        _ = try await weir.postgres.query(
            "UPDATE weir.retention SET keep_seconds = 86400 WHERE resolution = 'minute'", database: weir.database)
        for (arguments, code, words) in [
            (["nothing"], 64, "history has no metric \"nothing\"; there are active_users, "),
            (["events", "--agg", "p99"], 64, "events does not answer \"p99\""),
            (["response_time", "--label", "host=a"], 64, "no label \"host\"; it has endpoint, service"),
            (["events", "--from", "-5d"], 64, "minutes are held from 20"),
            (["events", "--from", "now", "--to", "-1h"], 64, "--from: must be before --to"),
            (["events", "--postgres-url", "postgres://127.0.0.1:1/weir"], 69, "127.0.0.1"),
            (["events", "--output", "/nowhere/file"], 73, "/nowhere/file: No such file"),
        ] as [([String], Int32, String)] {
            let output = arguments.contains("--output") ? [] : ["--output", file]
            let failed = try await weir.run(["export"] + arguments + output)
            #expect(failed.exit == .status(code), "\(arguments): \(failed.exit) \(failed.errors)")
            #expect(failed.errors.contains { $0.hasPrefix("weir export: ") && $0.contains(words) }, "\(failed.errors)")
        }
        #expect(
            try String(contentsOfFile: file, encoding: .utf8) == before, "a failed export leaves the file before it")
    }

    /// While PostgreSQL lets nobody read, an export is under way; Ctrl-C then leaves nothing of it.
    private func expectNoHalfFile(_ weir: WeirInstallation, _ range: [String]) async throws {
        let folder = try TemporaryFolder("export")
        func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
        // As a session that ends by itself, so that nothing hangs where the test fails.
        async let locked: String = weir.postgres.query(
            "BEGIN; LOCK TABLE weir.day; SELECT pg_sleep(20); ROLLBACK", database: weir.database)
        let pid = try await eventually("the table is locked") {
            let pid = try await weir.postgres.query(
                "SELECT pid FROM pg_locks WHERE relation = 'weir.day'::regclass AND mode = 'AccessExclusiveLock' AND granted",
                database: weir.database)
            return pid.isEmpty ? nil : pid
        }
        let export = try WeirProcess(
            ["export", "events", "--resolution", "day", "--output", folder.file("days.csv")] + range,
            environment: weir.environment)
        let partial = try await eventually("a partial file is there") { try names().first }
        #expect(partial.hasPrefix(".days.csv.") && partial.hasSuffix(".partial"))
        export.interrupt()
        #expect(try await export.exit() == .status(130))
        #expect(try names().isEmpty)
        _ = try await weir.postgres.query("SELECT pg_terminate_backend(\(pid))", database: weir.database)
        _ = try? await locked
    }

    /// The lines of CSV without quoted line ends, sorted: the API lists series one after the other, an export by time.
    private func records(_ csv: String) -> [String] { csv.components(separatedBy: "\r\n").sorted() }

    /// The API's times, ms since 1970, as an export writes them.
    private func withTimes(_ csv: String) -> String {
        csv.components(separatedBy: "\r\n").map { line in
            guard let comma = line.firstIndex(of: ","), let ms = Int64(line[..<comma]) else { return line }
            return String(rfc3339(milliseconds: ms).dropLast(5)) + "Z" + line[comma...]
        }.joined(separator: "\r\n")
    }
}
