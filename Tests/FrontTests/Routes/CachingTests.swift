import Analytics
import TestKit
import Testing

@testable import Front

@Suite("Answers that clients keep", .timeLimit(.minutes(1)))
struct CachingTests {
    private let front: FrontUnderTest
    private var client: HTTPClient { front.client }
    private static let day: Int64 = 86_400_000
    private static let now = FrontUnderTest.nowMs
    private let query = "/api/v1/query?metric=response_time&agg=count&from=-1m&to=now&step=10s"

    init() async throws {
        front = try await FrontUnderTest()
        front.hold("a", "/x", secondsAgo: 1, 10)
        front.hold("a", "/x", secondsAgo: 9 * 86_400, 10)
    }

    @Test func theSameAnswerIsNotSentTwice() async throws {
        for path in [
            query, "/api/metrics/response_time?start=-1m", "/api/v1/metrics", "/api/v1/metrics/response_time/series",
            "/api/v1/labels/service/values", "/", "/openapi.yaml",
        ] {
            let first = try await client.get(path)
            let tag = try #require(first["etag"], "\(path)")
            #expect(first.status == 200 && first["cache-control"]?.contains("no-cache") == true, "\(path)")
            for method in ["GET", "HEAD"] {
                let again = try await client.send(method, path, headers: ["If-None-Match": "\"other\", \(tag)"])
                #expect(again.status == 304 && again.body.isEmpty && again["content-length"] == nil, "\(path)")
                // What a cache needs to go on with what it has.
                for name in ["etag", "cache-control", "vary"] { #expect(again[name] == first[name], "\(path) \(name)") }
            }
            #expect(try await client.get(path, headers: ["If-None-Match": "\"other\""]).status == 200)
            #expect(try await client.get(path, headers: ["If-None-Match": "*"]).status == 304)
        }
        #expect(try await client.get("/api/v1/query", headers: ["If-None-Match": "*"]).status == 400)
    }

    @Test func anotherAnswerHasAnotherTag() async throws {
        let first = try await client.get(query)
        // as_of and took_ms change without a change of the answer.
        front.tiers.change { $0.states[0].newestMs += 5 }
        let later = try await client.get(query)
        #expect(later.text != first.text && later["etag"] == first["etag"])
        let csv = try await client.get(query, headers: ["Accept": "text/csv"])
        #expect(csv["etag"] != first["etag"] && csv["vary"] == "Accept, Authorization, Cookie")
        front.hold("a", "/x", secondsAgo: 2, 10)
        let tag = try #require(first["etag"])
        let changed = try await client.get(query, headers: ["If-None-Match": tag])
        #expect(changed.status == 200 && changed["etag"] != tag)
    }

    @Test func onlyWhatNothingCanChangeIsImmutable() async throws {
        front.tiers.change { $0.states[0].watermarkMs = Self.now }
        let final = "private, max-age=86400, immutable"
        // B is up to 70 minutes ago, an event may be 7 days late, and an hour is left for those that are behind.
        let end = Self.now - 7 * Self.day - 2 * 3_600_000 - 660_000
        let old = "from=\(end - Self.day)&to=\(end)"
        func caching(_ range: String, _ path: String = "/api/v1/query?metric=response_time&step=1m&") async throws
            -> String?
        {
            let answer = try await client.get(path + range)
            #expect(answer.status == 200, "\(answer.text)")
            return answer["cache-control"]
        }
        #expect(try await caching(old) == final)
        #expect(try await caching("start=\(end - Self.day)&end=\(end)", "/api/metrics/response_time?step=1m&") == final)
        #expect(try await caching("from=2025-10-01T00:00:00Z&to=2025-10-02T00:00:00Z") == final)
        for range in [
            "from=-9d&to=\(end)", "from=\(end - Self.day)&to=-8d", "from=\(end - Self.day)&to=\(end + 780_000)",
            "from=\(end)", "from=\(end)&to=now",
        ] { #expect(try await caching(range) == "private, no-cache", "\(range)") }
        front.tiers.change { $0.states[0].watermarkMs = Self.now - 4 * 3_600_000 }
        #expect(try await caching(old) == "private, no-cache", "the compaction is behind")
        front.tiers.change { $0.states[0].watermarkMs = Self.now }
        front.tiers.change { $0.down = [.redis] }
        #expect(try await caching(old) == "private, no-cache", "Redis is missing")
    }
}
