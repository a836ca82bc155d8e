import Service
import TestKit
import Testing

/// `weir bench query` against a real front; how it paces and counts is tested in BenchTests.
@Suite("weir bench query", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct BenchQueryCommandTests {
    @Test("asks each preset, a path and a file, reports both ways, tells what failed, and ends with Ctrl-C")
    func asksTheFront() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()

        func bench(_ options: [String]) async throws -> (
            exit: TestKit.ChildProcess.Exit, output: [String], errors: [String]
        ) {
            try await weir.run(
                ["bench", "query", "--clients", "4", "--duration", "200ms", "--warm-up", "0s"] + options)
        }
        let empty = try await bench([])
        #expect(
            empty.exit == .status(1) && empty.errors.contains { $0.contains("has no series yet") }, "\(empty.errors)")

        let at = TimeSource.system.wallMs() - 60_000
        var lines = ""
        for number in 0..<40 {
            lines +=
                "{\"ts\":\(at + Int64(number) * 1_000),\"service\":\"s,\(number % 4)\",\"endpoint\":\"/\",\"status\":200,\"duration_ms\":\(number),\"user\":\"u\"}\n"
        }
        #expect(try await weir.http.post("/api/v1/events", lines, type: "application/x-ndjson").status == 202)
        try await weir.waitUntilApplied(40)
        try await weir.compact()

        let file = try weir.folder.write("# two\n/api/v1/query?metric=events\n/healthz\n", to: "questions.txt")
        let asked = ["5m", "1h", "30d", "30d-one", "dashboard", "healthz", "/api/v1/query?metric=events", "@\(file)"]
        let json = try await bench(["--format", "json"] + asked.flatMap { ["--ask", $0] })
        #expect(json.exit == .status(0), "\(json.errors)")
        let report = try JSON5.parse(Array(try #require(json.output.first).utf8))
        let runs = try #require(report["runs"]?.elements)
        #expect(runs.map { $0["ask"]?.string } == asked)
        for run in runs {
            let name = run["ask"]?.string ?? ""
            #expect((run["requests"]?.integer ?? 0) > 0 && run["failed"]?.integer == 0, "\(name)")
            #expect((run["round_trip_ms"]?["p50"]?.number ?? 0) > 0, "\(name)")
            #expect((run["client_cores"]?.number ?? 0) > 0 && run["front_cores"]?.number != nil, "\(name)")
            if name != "healthz" { #expect((run["took_ms"]?["p99"]?.number ?? 0) > 0, "\(name)") }
        }
        // Memory has the last minutes whole; 30 days need PostgreSQL, once.
        #expect(runs[0]["without_postgres"]?.number == 1)
        #expect((runs[2]["without_postgres"]?.number ?? 1) < 1)
        #expect(runs[4]["questions"]?.elements?.map { $0["name"]?.string } == ["5m", "15m", "1h", "6h", "24h", "7d"])

        let paced = try await bench(["--rate", "20", "--ask", "/healthz", "--format", "json"])
        let run = try JSON5.parse(Array(try #require(paced.output.first).utf8))["runs"]?.elements?.first
        #expect((1...4).contains(run?["requests"]?.integer ?? 0), "\(paced.output)")

        let failing = try await bench(["--ask", "/nothing"])
        #expect(failing.exit == .status(1), "\(failing.errors)")
        #expect(failing.output.contains { $0.contains("times status 404") }, "\(failing.output)")
        #expect(failing.errors.contains { $0.contains("requests failed") })

        for (options, code, words) in [
            (["--ask", "1d"], 64, "--ask: expected one of 5m, 1h, 30d"),
            (["--metric", "nothing"], 64, "there is no metric \"nothing\"; there are events"),
            (["--clients", "0"], 64, "--clients"), (["--ask", "@\(file).gone"], 66, "questions.txt.gone"),
            (["--url", "http://127.0.0.1:1"], 69, "http://127.0.0.1:1"),
        ] as [([String], Int32, String)] {
            let wrong = try await bench(options)
            #expect(wrong.exit == .status(code) && wrong.output.isEmpty, "\(options): \(wrong.exit)")
            #expect(wrong.errors.contains { $0.contains(words) }, "\(wrong.errors)")
        }

        func answered() async throws -> Int64 {
            try await weir.answer("/api/v1/status")["queries"]?["answered"]?.integer ?? 0
        }
        let before = try await answered()
        let long = try WeirProcess(
            ["bench", "query", "--ask", "5m", "--ask", "1h", "--clients", "2", "--warm-up", "0s", "--duration", "1h"],
            environment: weir.environment)
        try await eventually("it asks") {
            try await answered() > before + 50
        }
        long.interrupt()
        #expect(try await long.exit() == .status(0))
        try await eventually("the report is complete") { long.output.isComplete }
        #expect(
            long.output.lines.contains { $0.hasPrefix("5m ") } && !long.output.lines.contains { $0.hasPrefix("1h ") })
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
