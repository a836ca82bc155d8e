import Service
import TestKit
import Testing

@Suite("Caching of answers", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(5)))
struct AnswerCachingTests {
    @Test func whatWasAnsweredBeforeIsNotSentAgainAndWhatIsFinalIsKept() async throws {
        let (weir, front) = try await WeirInstallation.start(configuration: "{ late: '1h' }")
        let worker = try await weir.startWorker()
        let nowMs = TimeSource.system.wallMs()
        let event = "{\"ts\":\(nowMs - 1_000),\"service\":\"a\",\"endpoint\":\"/\",\"duration_ms\":5}"
        #expect(try await weir.http.post("/api/v1/events", event, type: "application/json").status == 202)
        try await weir.waitUntilApplied(1)

        // The range ends in the future, so that what has been applied meanwhile is all that can change the answer.
        let recent = "/api/v1/query?metric=request_count&from=\(nowMs - 60_000)&to=\(nowMs + 60_000)&step=10s"
        var tag = ""
        try await eventually("memory has the event and the answer rests") {
            let answers = (try await weir.http.get(recent), try await weir.http.get(recent))
            tag = answers.1["etag"] ?? ""
            return answers.1.text.contains("\"count\":[1]") && answers.0["etag"] == tag
        }
        let again = try await weir.http.get(recent, headers: ["If-None-Match": tag])
        #expect(again.status == 304 && again.body.isEmpty && again["cache-control"] == "private, no-cache")
        #expect(try await weir.http.post("/api/v1/events", event, type: "application/json").status == 202)
        try await weir.waitUntilApplied(2)
        try await eventually("another event makes another answer") {
            try await weir.http.get(recent, headers: ["If-None-Match": tag]).status == 200
        }

        let old = "/api/v1/query?metric=request_count&from=\(nowMs - 5 * 3_600_000)&to=\(nowMs - 4 * 3_600_000)&step=1m"
        #expect(try await weir.http.get(old)["cache-control"] == "private, no-cache")
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        let final = try await weir.http.get(old)
        #expect(final["cache-control"] == "private, max-age=86400, immutable", "\(final.text)")
        #expect(try await weir.http.get(recent)["cache-control"] == "private, no-cache")
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
