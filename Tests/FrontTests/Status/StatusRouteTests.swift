import Analytics
import Reactor
import Service
import TestKit
import Testing

@testable import Front

@Suite("The status over HTTP", .timeLimit(.minutes(1)))
struct StatusRouteTests {
    private static let down = StoreError(
        .unavailable, store: "postgres", operation: "probe", detail: "connection \"refused\"")

    /// The status, once both stores have been asked.
    private func status(_ front: FrontUnderTest) async throws -> JSON5Value {
        try await eventually("both stores have been asked") {
            let response = try await front.client.get("/api/v1/status")
            #expect(response.status == 200 && response["Cache-Control"] == "no-store")
            #expect(response["Content-Type"]?.hasPrefix("application/json") == true)
            let status = try JSON5.parse(response.body)
            let known = ["redis", "postgres"].allSatisfy { status["stores"]?[$0]?["read_at"]?.integer != nil }
            return known ? status : nil
        }
    }

    @Test func saysWhatIsKnownOfEverything() async throws {
        let front = try await FrontUnderTest()
        let status = try await status(front)
        #expect(status["version"]?.string == "1.2.3" && status["now"]?.integer == FrontUnderTest.nowMs)
        #expect(status["degraded"]?.elements?.isEmpty == true)
        let (redis, postgres) = (status["stores"]?["redis"], status["stores"]?["postgres"])
        #expect(redis?["version"]?.string == "7.0.15" && redis?["functions"]?.string == "2.1")
        #expect(redis?["breaker"]?["state"]?.string == "closed" && redis?["breaker"]?["openings"]?.integer == 0)
        #expect(postgres?["version"]?.string == "15.8" && postgres?["migration"]?.integer == 8)
        #expect(postgres?["known_migration"]?.integer == 8)
        let partition = try #require(status["partitions"]?.elements?.first)
        #expect(partition["partition"]?.integer == 0 && partition["cursor"]?.string == "1795428123000-4")
        #expect(partition["lag"]?["entries"]?.integer == 3 && partition["lag"]?["ms"]?.integer == 40)
        #expect(partition["watermark"]?.integer == 1_795_428_060_000)
        #expect(partition["boundary"]?.integer == 1_795_424_400_000, "an hour ago, in whole ten minutes")
        #expect(status["tiers"]?["redis"]?["from"]?.integer == 1_795_424_400_000)
        #expect(status["tiers"]?["postgres"]?["to"]?.integer == 1_795_424_400_000)
        let compaction = status["compaction"]
        #expect(compaction?["last_success"]?.integer == 1_795_428_100_000 && compaction?["rows"]?.integer == 12)
        #expect(compaction?["seconds"]?.number == 0.25)
    }

    @Test func countsQuestionsByWhereTheirAnswersCameFrom() async throws {
        let front = try await FrontUnderTest()
        front.hold("cart", "/", secondsAgo: 60, 1)
        front.tiers.change { $0.states[0].watermarkMs = FrontUnderTest.nowMs }
        for _ in 0..<3 { _ = try await front.client.get("/api/v1/query?metric=response_time&from=-10m") }
        _ = try await front.client.get("/api/v1/query?metric=response_time&from=-3h")
        front.tiers.change { $0.down = [.postgres] }
        _ = try await front.client.get("/api/v1/query?metric=response_time&from=-3h")
        _ = try await front.client.get("/api/v1/query?metric=nonsense")
        let status = try await status(front)
        // PostgreSQL was needed for two, and answered one of them.
        for counts in [status["queries"], status["queries"]?["recent"]] {
            #expect(counts?["answered"]?.integer == 5 && counts?["without_postgres"]?.integer == 3)
            #expect(counts?["hit_rate"]?.number == 0.6)
        }
        #expect(status["tiers"]?["redis"]?["answers"]?.integer == 5)
        #expect(status["tiers"]?["postgres"]?["answers"]?.integer == 1)
        let text = try await front.client.get("/metrics").text
        #expect(text.contains("weir_queries_without_postgres_total 3\n"))
        #expect(text.contains("weir_query_answers_total{tiers=\"redis+postgres\"} 1\n"))
        #expect(text.contains("weir_query_answers_total{tiers=\"redis\"} 4\n"))
    }

    @Test func aStoreThatIsAwayIsNamedWithTheReasonAndWhatWasLastKnown() async throws {
        let front = try await FrontUnderTest()
        _ = try await status(front)
        let breaker = front.postgresBreaker
        let probing = front.loop.spawn { await breaker.run(probe: { () throws(StoreError) in throw Self.down }) }
        defer { probing.cancel() }
        try await eventually("the breaker is open") { breaker.isOpen }
        let status = try await status(front)
        #expect(status["degraded"]?.elements?.compactMap(\.string) == ["postgres"])
        let postgres = status["stores"]?["postgres"]
        #expect(postgres?["breaker"]?["state"]?.string == "open" && postgres?["breaker"]?["openings"]?.integer == 1)
        #expect(postgres?["breaker"]?["last_error"]?.string == "probe: connection \"refused\"")
        #expect(postgres?["breaker"]?["last_error_at"]?.integer != nil)
        #expect(postgres?["version"]?.string == "15.8", "as it was")
        #expect(status["tiers"]?["postgres"]?["state"]?.string == "away")
    }

    @Test func needsTheScopeReadAndTakesNoParameters() async throws {
        let front = try await FrontUnderTest(tokens: "read read-0123456789abcdef\ningest ingest-0123456789abcdef\n")
        #expect(try await front.client.get("/api/v1/status").status == 401)
        #expect(
            try await front.client.get("/api/v1/status", headers: ["Authorization": "Bearer ingest-0123456789abcdef"])
                .status == 403)
        let read = ["Authorization": "Bearer read-0123456789abcdef"]
        #expect(try await front.client.get("/api/v1/status", headers: read).status == 200)
        #expect(try await front.client.get("/api/v1/status?all=1", headers: read).status == 400)
        #expect(try await front.client.post("/api/v1/status", "", headers: read).status == 405)
    }
}
