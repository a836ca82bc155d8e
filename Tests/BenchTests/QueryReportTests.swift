import Service
import Testing

@testable import Bench

@Suite("Report of a bench")
struct QueryReportTests {
    private func answer(_ text: String, status: Int = 200) -> Answer { Answer(status: status, body: Array(text.utf8)) }

    @Test("the end of an answer tells how it came about")
    func readsAnswers() {
        let long = String(repeating: "1795428000000,", count: 500)
        let good = answer(
            #"{"metric":"m\"step\":7","step":1000,"series":[{"labels":{"a":"\"took_ms\":9,\"step\":8"},"t":[\#(long)1]}],"tiers":["memory","redis"],"as_of":1,"degraded":[],"took_ms":0.42}"#
        )
        #expect(good.tookMs == 0.42 && good.isWithoutPostgres == true && !good.isDegraded)
        #expect(good.bytes > 7_000 && good.stepMs == 1_000)
        let history = answer(
            #"{"series":[],"tiers":["redis","postgres"],"as_of":1,"degraded":[],"truncated":true,"took_ms":12}"#)
        #expect(history.tookMs == 12 && history.isWithoutPostgres == false)
        let missing = answer(#"{"series":[],"tiers":["redis"],"as_of":1,"degraded":["postgres"],"took_ms":1}"#)
        #expect(missing.isDegraded && missing.isWithoutPostgres == false)
        let other = answer("ok\n")
        #expect(other.stepMs == nil && history.stepMs == nil)
        #expect(other.tookMs == nil && other.isWithoutPostgres == nil && !other.isDegraded)
    }

    private var report: QueryReport {
        var tallies = ["x": AnswerTally(), "y": AnswerTally()]
        for ms in 1...100 {
            tallies["x"]?.add(
                answer(
                    #"{"step":\#(ms <= 60 ? 1_000 : 60_000),"tiers":["\#(ms <= 95 ? "redis" : "postgres")"],"degraded":[],"took_ms":\#(ms)}"#
                ),
                roundTripMs: Double(2 * ms))
        }
        tallies["y"]?.add(answer("no", status: 503), roundTripMs: 1)
        tallies["y"]?.fail("127.0.0.1:1 did not answer in time")
        var report = QueryReport(server: "http://127.0.0.1:8080", clients: 16, rate: 30)
        report.add(
            QueryReport.Run(
                asked: "mix",
                questions: [
                    Question("x", targets: ["/"]), Question("y", targets: ["/"]), Question("x", targets: ["/z"]),
                ],
                result: QueryLoad.Result(seconds: 4, tallies: tallies), wholeSeconds: 5, clientCPUSeconds: 0.5,
                frontCPUSeconds: nil))
        return report
    }

    @Test("as JSON, with every figure")
    func json() throws {
        let parsed = try JSON5.parse(report.json)
        #expect(parsed["clients"]?.integer == 16 && parsed["rate"]?.number == 30)
        let run = try #require(parsed["runs"]?.elements?.first)
        #expect(run["requests"]?.integer == 102 && run["failed"]?.integer == 2 && run["requests_per_s"]?.number == 25.5)
        #expect(run["failures"]?["status 503"]?.integer == 1)
        #expect(run["without_postgres"]?.number == 0.95)
        #expect(run["steps_ms"]?["1000"]?.integer == 60 && run["steps_ms"]?["60000"]?.integer == 40)
        #expect(run["client_cores"]?.number == 0.1)
        if case .null? = run["front_cores"]?.content {} else { Issue.record("what is not known is null") }
        let names = run["questions"]?.elements?.map { $0["name"]?.string }
        #expect(names == ["x", "y"])
        let x = try #require(run["questions"]?.elements?.first)
        #expect(abs(try #require(x["took_ms"]?["p99"]?.number) - 99) <= 1)
        #expect(x["round_trip_ms"]?["max"]?.number == 200)
        let y = try #require(run["questions"]?.elements?.last)
        if case .null? = y["took_ms"]?.content {} else { Issue.record("no times where nothing was answered") }
        #expect(report.failed == 2 && report.requests == 102)
    }

    @Test("as a table, a line for the whole and one for each question of a mix, and why requests failed")
    func table() {
        let lines = report.lines
        #expect(lines[0] == "http://127.0.0.1:8080, 16 clients, 30 requests/s")
        #expect(lines[3].hasPrefix("question") && lines[2].count <= lines[3].count)
        #expect(lines[4].hasPrefix("mix ") && lines[5].hasPrefix("  x ") && lines[6].hasPrefix("  y "))
        #expect(lines[5].contains(" 1s+ "), "most came with this step, some with another")
        #expect(lines[4].contains("95.0 %") && lines[6].contains("–"))
        #expect(Set(lines[3...6].map(\.count)).count == 1, "columns are aligned")
        #expect(lines.contains("mix: CPU of the clients 10 % of a core, of the front not known"))
        #expect(
            lines.contains("mix: 1 times 127.0.0.1:1 did not answer in time")
                && lines.contains("mix: 1 times status 503"))
    }
}
