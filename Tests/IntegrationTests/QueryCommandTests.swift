import Service
import TestKit
import Testing

/// `weir query` asks a real front; how answers are drawn is tested in TerminalTests.
@Suite("weir query", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct QueryCommandTests {
    @Test("a table, a chart, the API's own CSV and JSON, the errors, and a watch that ends with Ctrl-C")
    func asksTheFront() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        var at = StepMs.floor(TimeSource.system.wallMs() - 7_200_000, 60_000)
        // Within one day, so that the table needs no dates.
        if at / 86_400_000 != (at + 180_000) / 86_400_000 { at -= 600_000 }
        var lines = ""
        for (service, minute, durationMs) in [("a", 0, 10.0), ("a", 0, 30), ("a", 2, 5), ("b \"x\"", 0, 1.5)] {
            let service = service.replacing("\"", with: "\\\"")
            lines +=
                "{\"ts\":\(at + Int64(minute) * 60_000),\"service\":\"\(service)\",\"endpoint\":\"/\",\"duration_ms\":\(durationMs)}\n"
        }
        let sent = try await weir.http.post("/api/v1/events", lines, type: "application/x-ndjson")
        #expect(sent.status == 202, "\(sent.text)")
        try await weir.waitUntilApplied(4)

        func query(_ options: [String], metric: String = "response_time") async throws -> (
            exit: TestKit.ChildProcess.Exit, output: [String], errors: [String]
        ) {
            try await weir.run(["query", metric] + options)
        }
        let range = ["--from", "\(at)", "--to", "\(at + 180_000)", "--step", "1m"]
        let table = try await query(range + ["--utc", "--by", "service", "--agg", "max"])
        #expect(table.exit == .status(0), "\(table.errors)")
        let clock = (0..<3).map { String(rfc3339(milliseconds: at + $0 * 60_000).dropFirst(11).prefix(5)) }
        #expect(table.output[0].hasPrefix("response_time (ms)  ") && table.output[0].hasSuffix("(UTC)  step 1 min"))
        #expect(
            table.output.dropFirst() == [
                "time       a  b \"x\"", "\(clock[0])  30.00   1.50", "\(clock[2])   5.00      –",
            ])
        #expect(table.errors.contains { $0.contains("newest event ") && $0.contains("from Redis") }, "\(table.errors)")

        let csv = try await query(range + ["--format", "csv", "--by", "service", "--agg", "count,max", "--limit", "1"])
        #expect(csv.exit == .status(0), "\(csv.errors)")
        let api = try await weir.http.get(
            "/api/v1/query?metric=response_time&from=\(at)&to=\(at + 180_000)&step=1m&by=service&agg=count,max&limit=1",
            headers: ["Accept": "text/csv"])
        #expect(csv.output.map { $0.filter { $0 != "\r" } } == api.text.split(separator: "\r\n").map(String.init))
        #expect(csv.output.count == 3)
        #expect(csv.errors.contains { $0.contains("more series match") }, "\(csv.errors)")

        let json = try await query(
            range + [
                "--format", "json", "--label", "service=a", "--label", "service=b*", "--fill", "zero", "--agg", "count",
            ])
        let answer = try JSON5.parse(Array(try #require(json.output.first).utf8))
        #expect(answer["series"]?.elements?.first?["count"]?.elements?.map(\.integer) == [3, 0, 1], "\(json.output)")

        let plot = try await query(range + ["--plot"])
        #expect(plot.exit == .status(0) && plot.output.contains { $0.contains("┤") }, "\(plot.output)")
        #expect(plot.output.contains { $0.contains(where: { ("\u{2801}"..."\u{28FF}").contains($0) }) })
        #expect(!plot.output.joined().contains("\u{1B}"), "a pipe gets no colours")

        for (options, metric, code, words) in [
            ([], "nothing", 64, "there is no metric \"nothing\"; there are events"),
            (["--agg", "p101"], "response_time", 64, "agg: response_time does not answer"),
            (["--step", "7x"], "response_time", 64, "step: must be auto"),
            (["--label", "service"], "response_time", 64, "--label: expected NAME=VALUE"),
            (["--plot", "--format", "csv"], "response_time", 64, "--plot: draws"),
            (["--url", "http://127.0.0.1:1"], "response_time", 69, "http://127.0.0.1:1"),
        ] as [([String], String, Int32, String)] {
            let failed = try await query(options, metric: metric)
            #expect(failed.exit == .status(code) && failed.output.isEmpty, "\(options): \(failed.exit)")
            #expect(failed.errors.contains { $0.hasPrefix("weir query: ") && $0.contains(words) }, "\(failed.errors)")
        }

        let watching = try WeirProcess(
            ["query", "events", "--watch=100ms", "--format", "json"], environment: weir.environment)
        _ = try await eventually("it has asked three times") { watching.output.lines.count >= 3 }
        // A front that restarts is asked again until it answers.
        front.terminate()
        #expect(try await front.exit() == .status(0))
        _ = try await watching.errors.line(containing: "trying again")
        let again = try await weir.startFront()
        let before = watching.output.lines.count
        _ = try await eventually("it asks on") { watching.output.lines.count > before + 2 }
        watching.interrupt()
        #expect(try await watching.exit() == .status(0))
        for process in [worker, again] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
