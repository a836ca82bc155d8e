import Analytics
import Deflate
import Service
import TestKit
import Testing

@testable import Front

@Suite("Questions over HTTP", .timeLimit(.minutes(1)))
struct QueryRouteTests {
    private let front: FrontUnderTest
    private var client: HTTPClient { front.client }
    /// The 10 s buckets around now.
    private let bucket = FrontUnderTest.nowMs / 10_000 * 10_000

    init() async throws {
        front = try await FrontUnderTest()
        front.hold("a", "/x", secondsAgo: 1, 10)
        front.hold("a", "/x", secondsAgo: 2, 20)
        front.hold("a", "/y,\"z\"", secondsAgo: 20, 30)
        front.hold("b", "/x", secondsAgo: 1, 0.5)
    }

    @Test func answersAsTheContractShows() async throws {
        let answer = try await client.get(
            "/api/v1/query?metric=response_time&agg=count,mean,max&by=service&label.endpoint=/x&from=-1m&to=now&step=10s"
        )
        #expect(answer.status == 200)
        let text = answer.text.prefix { $0 != "k" }  // took_ms is what it is
        #expect(
            text == #"{"metric":"response_time","unit":"ms","from":\#(bucket - 60_000),"to":\#(bucket + 10_000),"#
                + #""step":10000,"series":[{"labels":{"service":"a"},"t":[\#(bucket)],"count":[2],"mean":[15],"max":[20]},"#
                + #"{"labels":{"service":"b"},"t":[\#(bucket)],"count":[1],"mean":[0.5],"max":[0.5]}],"#
                + #""tiers":["redis"],"as_of":\#(FrontUnderTest.nowMs),"degraded":[],"too"#)
        let short = try await client.get("/api/metrics/response_time?start=-1m&agg=count&limit=1&by=service")
        #expect(short.text.contains(#""truncated":true"#) && short.text.contains(#"{"labels":{"service":"a"}"#))
    }

    @Test func givesCSVToThoseWhoAskForIt() async throws {
        let answer = try await client.get(
            "/api/v1/query?metric=response_time&agg=count,p50&by=endpoint&from=-1m&step=10s",
            headers: ["Accept": "text/csv"])
        #expect(answer["content-type"] == "text/csv; charset=utf-8" && answer["vary"]?.contains("Accept") == true)
        let lines = answer.text.split(separator: "\r\n").map(String.init)
        #expect(lines[0] == "time,endpoint,count,p50")
        #expect(lines[1].hasPrefix("\(bucket),/x,3,") && lines[2].hasPrefix("\(bucket - 20_000),\"/y,\"\"z\"\"\",1,"))
        #expect(lines.count == 3)
        #expect(answer["weir-degraded"] == nil && answer["weir-truncated"] == nil)
    }

    @Test func saysBesideCSVWhatIsMissingFromIt() async throws {
        let target = "/api/v1/query?metric=response_time&by=endpoint&limit=1&from=-2h"
        let truncated = try await client.get(target, headers: ["Accept": "text/csv"])
        #expect(truncated["weir-truncated"] == "true" && truncated["weir-degraded"] == nil, "\(truncated.text)")
        front.tiers.change { $0.down = [.redis] }
        let degraded = try await client.get(target, headers: ["Accept": "text/csv"])
        #expect(degraded.status == 200 && degraded["weir-degraded"] == "redis", "\(degraded.text)")
    }

    @Test func saysWhichParameterIsWrong() async throws {
        for (query, word) in [
            ("", "metric"), ("metric=nothing", "request"), ("metric=response_time&stpe=1s", "stpe"),
            ("metric=response_time&agg=p101", "agg"), ("metric=response_time&by=host", "by"),
            ("metric=response_time&from=soon", "from"), ("metric=response_time&step=x", "step"),
            ("metric=response_time&limit=0", "limit"), ("metric=response_time&fill=1", "fill"),
            ("metric=response_time&label.host=a", "label.host"), ("metric=response_time&metric=events", "metric"),
            ("metric=%ff", "metric"), ("metric=response_time&start=-1m", "start"),
        ] {
            let answer = try await client.get("/api/v1/query?" + query)
            #expect(answer.status == 400 && answer["content-type"] == "application/problem+json", "\(query)")
            #expect(answer.text.contains(word == "request" ? "nothing" : word), "\(query): \(answer.text)")
        }
        #expect(try await client.get("/api/metrics/response_time?from=-1m").status == 400)
        #expect(try await client.get("/api/v1/metrics?x=1").status == 400)
    }

    @Test func listsMetricsSeriesAndLabels() async throws {
        let metrics = try await client.get("/api/v1/metrics").text
        #expect(
            metrics
                == #"{"metrics":[{"name":"events","kind":"counter","unit":"","by":[],"aggregations":["count","rate"],"#
                + #""series":1},{"name":"response_time","kind":"distribution","unit":"ms","by":["service","endpoint"],"#
                + #""aggregations":["p50","p90","p99","mean","min","max","sum","count","rate"],"value":"duration_ms","#
                + #""series":3}]}"#)
        let series = try await client.get("/api/v1/metrics/response_time/series")
        #expect(
            series.text.hasPrefix(#"{"metric":"response_time","series":[{"labels":{"endpoint":"/x","service":"a"},"#))
        #expect(series.text.hasSuffix(#""last_seen":null}],"degraded":[]}"#))
        let values = try await client.get("/api/v1/labels/service/values?metric=response_time")
        #expect(values.text == #"{"label":"service","values":["a","b"],"degraded":[]}"#)
        #expect(try await client.get("/api/v1/labels/service/values").text == values.text)
        #expect(try await client.get("/api/v1/labels/host/values").status == 404)
        #expect(try await client.get("/api/v1/labels/service/values?metric=nothing").status == 400)
        #expect(try await client.get("/api/v1/metrics/nothing/series").status == 404)
    }

    @Test(
        arguments: [
            ("/x", ["/x"]), ("/x,/y%2C%22z%22", ["/x"]), ("!/x", ["/*b", "/y,\"z\"", "\\!"]),
            ("*", ["/*b", "/x", "/y,\"z\"", "\\!"]),
            ("/*", ["/*b", "/x", "/y,\"z\""]), ("/%5C*b", ["/*b"]), ("/y%5C,*", ["/y,\"z\""]), ("%5C!", []),
            ("%5C%5C!", ["\\!"]), ("/*,!*z*", ["/*b", "/x"]), ("!*x,!*z*", ["/*b", "\\!"]), ("", []), ("/X", []),
        ] as [(String, [String])])
    func labelsAreFiltered(filter: String, endpoints: [String]) async throws {
        front.hold("c", "/*b", secondsAgo: 1, 1)
        front.hold("c", "\\!", secondsAgo: 1, 1)
        let answer = try JSON5.parse(
            try await client.get("/api/v1/query?metric=response_time&by=endpoint&from=-1m&label.endpoint=\(filter)")
                .body)
        let found = answer["series"]?.elements?.compactMap { $0["labels"]?["endpoint"]?.string } ?? []
        #expect(found.sorted() == endpoints)
    }

    @Test func theHeaviestSeriesAreKeptAndEmptyBucketsFilled() async throws {
        let ask = "/api/v1/query?metric=response_time&agg=count,rate,p50&by=service&from=-30s&to=now&step=10s&limit=1"
        let sparse = try JSON5.parse(try await client.get(ask).body)
        let filled = try JSON5.parse(try await client.get(ask + "&fill=zero").body)
        for (answer, counts) in [(sparse, [1, 2]), (filled, [0, 1, 0, 2])] as [(JSON5Value, [Double])] {
            #expect(answer["truncated"]?.bool == true && answer["series"]?.elements?.count == 1)
            let series = answer["series"]?.elements?.first
            #expect(series?["labels"]?["service"]?.string == "a")
            #expect(series?["count"]?.elements?.compactMap(\.number) == counts)
            #expect(series?["rate"]?.elements?.compactMap(\.number) == counts.map { $0 / 10 })
            #expect(series?["p50"]?.elements?.map { $0.number == nil } == counts.map { $0 == 0 })
        }
        let csv = try await client.get(ask, headers: ["Accept": "text/csv"])
        #expect(csv["weir-truncated"] == "true" && csv["weir-degraded"] == nil)
        let auto = try JSON5.parse(try await client.get("/api/v1/query?metric=response_time&step=auto&from=-1d").body)
        #expect(auto["step"]?.integer == 300_000)
    }

    @Test func whereAStoreIsMissingNothingIsFilledIn() async throws {
        front.tiers.change { state in
            state.states[0].watermarkMs = FrontUnderTest.nowMs
            state.down = [.postgres]
        }
        let ask = "/api/v1/query?metric=response_time&agg=count&from=-3h&step=1h&fill=zero"
        let answer = try JSON5.parse(try await client.get(ask).body)
        #expect(answer["degraded"]?.elements?.compactMap(\.string) == ["postgres"])
        #expect(answer["series"]?.elements?.first?["t"]?.elements?.count == 1)
        let csv = try await client.get(ask, headers: ["Accept": "text/csv"])
        #expect(csv["weir-degraded"] == "postgres" && csv["weir-truncated"] == nil)
    }

    @Test func bodiesArePackedBothWays() async throws {
        let ask = "/api/v1/query?metric=response_time&agg=count&by=endpoint&from=-1h&step=1s&fill=zero"
        let plain = try await client.get(ask)
        #expect(plain.body.count > 10_000 && plain["content-encoding"] == nil)
        let packed = try await client.get(ask, headers: ["Accept-Encoding": "br, gzip;q=0.3"])
        #expect(packed["content-encoding"] == "gzip" && packed.body.count < plain.body.count / 5)
        #expect(packed["etag"] == plain["etag"])
        var body: [UInt8] = []
        try GzipDecoder(maxBytes: 10_000_000).decode(packed.body.span, into: &body)
        #expect(body.count > plain.body.count - 20 && body.starts(with: plain.body.prefix(10_000)))
        for refusal in ["gzip;q=0, *", "identity, gzip;q=0.9", "br"] {
            let answer = try await client.get(ask, headers: ["Accept-Encoding": refusal])
            #expect(answer["content-encoding"] == nil, "\(refusal)")
        }
        let events = Gzip.compress(Array("{\"a\":1}\n{\"a\":2}\n".utf8), level: 6)
        let taken = try await client.send(
            "POST", "/api/v1/events",
            headers: ["Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"], body: events)
        #expect(taken.status == 202 && taken.text.contains(#""accepted":2"#) && front.log.eventCount == 2)
    }

    @Test func aMissingStoreIsNamedAndNoStoreIs503() async throws {
        front.tiers.change { $0.down = [.postgres] }
        let series = try await client.get("/api/v1/metrics/response_time/series")
        #expect(series.status == 200 && series.text.hasSuffix(#""degraded":["postgres"]}"#))
        front.tiers.change { $0.down = [.redis, .postgres] }
        let answer = try await client.get("/api/v1/query?metric=response_time")
        #expect(answer.status == 503 && answer["retry-after"] == "1")
    }
}
