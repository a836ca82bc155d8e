import Deflate
import TestKit
import Testing

@testable import Front

/// What a stranger may send, and the error that tells him what to do.
@Suite("Refusals", .timeLimit(.minutes(1)))
struct RefusalTests {
    private static let token = "admin-token-00001"
    private let front: FrontUnderTest
    private let header = ["Authorization": "Bearer \(token)"]

    init() async throws {
        front = try await FrontUnderTest(tokens: "admin \(Self.token)")
        front.hold("a", "/x", secondsAgo: 1, 10)
    }

    private func get(_ target: String, headers: [String: String] = [:]) async throws -> TestKit.HTTPResponse {
        try await front.client.get(target, headers: headers.merging(header) { own, _ in own })
    }

    /// A problem report that says so, with a detail that holds `word`.
    private func expectProblem(_ answer: TestKit.HTTPResponse, _ status: Int, _ word: String, _ what: String) {
        #expect(answer.status == status, "\(what): \(answer.status) \(answer.text)")
        #expect(answer["content-type"] == "application/problem+json", "\(what)")
        #expect(answer.text.hasPrefix(#"{"type":"about:blank","title":""#), "\(what): \(answer.text)")
        #expect(answer.text.contains("\"status\":\(status),\"detail\":\""), "\(what): \(answer.text)")
        #expect(answer.text.contains(word), "\(what): \(answer.text)")
    }

    private static let known = "/api/v1/query?metric=response_time"

    @Test(
        arguments: [
            // Unknown, repeated, badly encoded.
            ("\(known)&x=1", "x: is no parameter"), ("\(known)&metric=a", "metric: is given twice"),
            ("\(known)&agg=%zz", "agg: is not percent-encoded"), ("\(known)&label.=a", "label.: is no parameter"),
            ("\(known)&label.service=a&label.service=b", "label.service: is given twice"),
            ("\(known)&from=%00", "from: is no time"), ("\(known)&=1", ": is no parameter"),
            ("/api/v1/query", "metric: is missing"), ("/api/v1/query?metric=", "metric: is missing"),
            ("/api/v1/query?metric=nope", "there is no metric \\\"nope\\\"; there are events, response_time"),
            // Malformed or out of range.
            ("\(known)&agg=", "agg: "), ("\(known)&agg=p50,", "agg: "), ("\(known)&agg=p100.1", "agg: "),
            ("\(known)&agg=unique", "it answers p50"), ("\(known)&by=service,", "by: "),
            ("\(known)&by=host", "it has service"),
            ("\(known)&label.host=a", "label.host: "), ("\(known)&from=soon", "from: is no time"),
            ("\(known)&to=2026-13-01T00:00:00Z", "to: is no time"), ("\(known)&from=now", "from: must be before to"),
            ("\(known)&from=-1", "from: is no time"), ("\(known)&from=1969-12-31T23:59:59Z", "from: "),
            ("\(known)&from=0", "from: lies more than 11000 days"), ("\(known)&to=-999999999d", "from: must be before"),
            ("\(known)&step=0s", "step: must be"), ("\(known)&step=2d", "step: "), ("\(known)&step=5", "step: "),
            ("\(known)&step=1s&from=-30d", "step: gives more than 11000 points"), ("\(known)&limit=0", "limit: "),
            ("\(known)&limit=1001", "limit: "), ("\(known)&limit=%2B5", "limit: "), ("\(known)&limit=1e1", "limit: "),
            ("\(known)&limit=99999999999999999999", "limit: "), ("\(known)&fill=none", "fill: must be zero"),
            ("\(known)&fill=zero&step=1s&from=-3h&limit=1000", "fill: would fill in too much"),
            ("/api/metrics/response_time?from=-1h", "from: is no parameter here; there are start, end"),
            ("/api/metrics/response_time?metric=a", "metric: is no parameter"),
            ("/api/metrics/response_time?start=x", "start: is no time"),
            ("/api/metrics/response_time?end=x", "end: is no"),
            ("/api/metrics/response_time?start=now", "start: must be before end"),
            ("/api/v1/top?metric=response_time", "metric: none of the kind top is"),
            ("/api/v1/top", "metric: is missing"),
            ("/api/v1/top?metric=a&k=0", "k: must be a whole number from 1 to 1000"),
            ("/api/v1/top?agg=p50", "agg: is no"),
            ("/api/v1/metrics?a=1", "a: is no parameter here; this address takes none"),
            ("/api/v1/metrics/events/series?metric=a", "metric: is no parameter"),
            ("/api/v1/labels/service/values?metric=nope", "metric: there is no metric"),
            ("/api/v1/labels/service/values?metric=events&metric=events", "metric: is given twice"),
            ("/api/v1/audit?from=x", "from: "), ("/api/v1/audit?from=-41d", "40 days"),
            ("/api/v1/audit?hours=1", "hours: "),
            ("/api/v1/refused?limit=0", "limit: "), ("/api/v1/refused?after=1", "after: must be the next"),
            ("/api/v1/refused?partition=-1", "partition: "), ("/api/v1/refused?partition=7", "there is no partition 7"),
            ("/api/v1/refused?after=9/1-0", "after: there is no partition 9"), ("/api/v1/live?token=x", "token: is no"),
        ])
    func aWrongParameterIsNamed(target: String, word: String) async throws {
        expectProblem(try await get(target), 400, word, target)
    }

    @Test func agreesThatTooManyAggregationsAreTooMany() async throws {
        let many = (1...33).map { "p\($0)" }.joined(separator: ",")
        expectProblem(try await get(Self.known + "&agg=" + many), 400, "agg: names more than 32", "agg")
        #expect(try await get(Self.known + "&agg=" + many.dropFirst(3)).status == 200)
    }

    @Test(
        arguments: [
            "/api", "/api/", "/api/v1", "/api/v1/queries", "/api/v1/query/", "//api/v1/query", "/api/v1/query/x",
            "/API/v1/query",
            "/api/metrics/", "/api/v1/metrics//series", "/healthz/", "/..", "/assets/", "/assets/%2e%2e/index.html",
            "/%00",
            "/api/metrics/nope", "/api/metrics/%ff", "/api/v1/metrics/nope/series", "/api/v1/labels/host/values",
        ])
    func whatIsNotThereIs404(target: String) async throws {
        expectProblem(
            try await get(target), 404, target.contains("nope") ? "GET /api/v1/metrics lists them" : ".", target)
    }

    @Test func eachRouteSaysWhichMethodsItKnows() async throws {
        var methods: [String: Set<String>] = [:]
        for route in front.routes {
            let parts = route.split(separator: " ").map(String.init)
            let path = parts[1].replacing("{name}", with: "events").replacing("{label}", with: "service")
            methods[path, default: ["OPTIONS"]].formUnion(parts[0] == "GET" ? ["GET", "HEAD"] : [parts[0]])
        }
        #expect(methods.count > 20)
        for (path, known) in methods {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"] {
                let answer = try await front.client.send(method, path, headers: header)
                if known.contains(method) && method != "OPTIONS" {
                    #expect(answer.status != 405 && answer.status < 500, "\(method) \(path): \(answer.status)")
                    continue
                }
                #expect(answer.status == (method == "OPTIONS" ? 204 : 405), "\(method) \(path): \(answer.status)")
                #expect(answer["allow"] == known.sorted().joined(separator: ", "), "\(method) \(path)")
            }
        }
    }

    @Test func headAnswersAsGetWithoutTheBody() async throws {
        for path in [
            Self.known + "&to=\(FrontUnderTest.nowMs)&agg=count", "/api/v1/metrics", "/openapi.yaml", "/healthz",
        ] {
            let (get, head) = (try await get(path), try await front.client.send("HEAD", path, headers: header))
            #expect(head.status == 200 && head.body.isEmpty && head["content-type"] == get["content-type"], "\(path)")
            #expect(head["etag"] == get["etag"] && head["content-length"] != "0", "\(path)")
        }
    }

    @Test func whatIsSentMustBeOfTheRightTypeAndSize() async throws {
        for path in ["/api/v1/events", "/api/v1/refused/retry", "/api/v1/refused/drop", "/api/v1/session"] {
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "application/json+x", "multipart/form-data",
            ] {
                let answer = try await front.client.post(path, "{}", type: type, headers: header)
                expectProblem(answer, 415, "application/json", "\(path) \(type)")
            }
            expectProblem(
                try await front.client.send("POST", path, headers: header, body: []), 415, "application/json", path)
            for (coding, body, status, word) in [
                ("br", "{}", 415, "gzip"), ("gzip, gzip", "{}", 415, "gzip"), ("gzip", "{}", 400, "gzip"),
            ] {
                let headers = header.merging(["Content-Encoding": coding]) { own, _ in own }
                let answer = try await front.client.post(path, body, type: "application/json", headers: headers)
                expectProblem(answer, status, word, "\(path) \(coding)")
                #expect(answer["accept-encoding"] == (status == 415 ? "gzip" : nil))
            }
        }
        // The server looks at the size before any route does.
        let large = String(repeating: " ", count: 8 << 20 + 1)
        let tooLarge = try await front.client.post("/api/v1/events", large, type: "application/json", headers: header)
        expectProblem(tooLarge, 413, "8388608", "a large body")
        let packed = header.merging(["Content-Type": "application/json", "Content-Encoding": "gzip"]) { own, _ in own }
        let bomb = Gzip.compress([UInt8](repeating: 32, count: 8 << 20 + 1), level: 6)
        let unpacked = try await front.client.send("POST", "/api/v1/events", headers: packed, body: bomb)
        expectProblem(unpacked, 413, "decompressed", "a gzip bomb")
        let deep = String(repeating: "[", count: 1 << 17)
        for (path, body) in [
            ("/api/v1/session", deep), ("/api/v1/session", #"{"token":"a","more":1}"#),
            ("/api/v1/session", #"{"token":7}"#),
            ("/api/v1/refused/retry", deep), ("/api/v1/refused/drop", "{\"ids\":[7]}"), ("/api/v1/events", deep),
        ] {
            let answer = try await front.client.post(path, body, type: "application/json", headers: header)
            expectProblem(answer, 400, ".", "\(path) \(body.prefix(20))")
        }
        for key in ["", " ", "ü", String(repeating: "k", count: 257)] {
            let headers = header.merging(["Idempotency-Key": key]) { own, _ in own }
            expectProblem(
                try await front.client.post("/api/v1/events", "{}", headers: headers), 400, "Idempotency-Key", key)
        }
        let long = try await get("/api/v1/query?metric=" + String(repeating: "a", count: 40_000))
        expectProblem(long, 414, "too long", "a long address")
    }

    @Test func whoseTokenIsNotKnownIsToldSoWhereverHeAsks() async throws {
        let open: Set = ["/", "/healthz", "/readyz", "/metrics", "/openapi.yaml", "/api/v1/session"]
        for route in front.routes {
            let parts = route.split(separator: " ").map(String.init)
            if open.contains(parts[1]) || parts[1].hasPrefix("/assets/") { continue }
            for headers in [[:], ["Authorization": "Bearer wrong-token-00001"], ["Cookie": "weir_session=00"]] {
                let answer = try await front.client.send(parts[0], parts[1], headers: headers)
                expectProblem(answer, 401, "oken", route)
                #expect(answer["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test func neitherJSONNorCSVIs406() async throws {
        for path in [Self.known, "/api/metrics/response_time"] {
            expectProblem(
                try await get(path, headers: ["Accept": "image/png"]), 406, "application/json or text/csv", path)
            let csv = try await get(path, headers: ["Accept": "application/json;q=0.5, text/csv;q=0.6"])
            #expect(csv["content-type"] == "text/csv; charset=utf-8")
            let json = try await get(path, headers: ["Accept": "text/html,application/xhtml+xml,*/*;q=0.8"])
            #expect(json["content-type"] == "application/json")
        }
    }
}
