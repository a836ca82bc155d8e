import TestKit
import Testing

@testable import Front

@Suite("Access over HTTP", .timeLimit(.minutes(1)))
struct AccessTests {
    private let tokens = "ingest ingest-token-0001\nread read-token-000001\nadmin admin-token-00001"
    private let query = "/api/v1/query?metric=events"

    @Test func eachScopeOpensItsRoutes() async throws {
        let front = try await FrontUnderTest(tokens: tokens)
        for (token, ingest, read) in [
            ("ingest-token-0001", 202, 403), ("read-token-000001", 403, 200), ("admin-token-00001", 202, 200),
            ("wrong-token-00001", 401, 401),
        ] {
            let header = ["Authorization": "Bearer \(token)"]
            #expect(try await front.client.post("/api/v1/events", "{}", headers: header).status == ingest)
            for path in [
                query, "/api/v1/metrics", "/api/metrics/events", "/api/v1/metrics/events/series", "/api/v1/live",
                "/api/v1/labels/service/values", "/api/v1/audit", "/api/v1/status",
            ] {
                #expect(try await front.client.get(path, headers: header).status == read, "\(token) \(path)")
            }
        }
        for (token, status) in [
            ("ingest-token-0001", 403), ("read-token-000001", 403), ("admin-token-00001", 200),
            ("wrong-token-00001", 401),
        ] {
            let header = ["Authorization": "Bearer \(token)"]
            #expect(try await front.client.get("/api/v1/refused", headers: header).status == status)
            for path in ["/api/v1/refused/retry", "/api/v1/refused/drop"] {
                let answer = try await front.client.post(
                    path, #"{"all":true}"#, type: "application/json", headers: header)
                #expect(answer.status == status, "\(token) \(path)")
            }
        }
        let none = try await front.client.get(query)
        #expect(none.status == 401 && none["www-authenticate"] == #"Bearer realm="weir""#)
        let wrong = try await front.client.get(query, headers: ["Authorization": "Bearer wrong-token-00001"])
        #expect(wrong["www-authenticate"] == #"Bearer realm="weir", error="invalid_token""#)
        let weak = try await front.client.get(query, headers: ["Authorization": "Bearer ingest-token-0001"])
        #expect(weak["www-authenticate"] == #"Bearer realm="weir", error="insufficient_scope", scope="read""#)
        let head = try await front.client.send("HEAD", query)
        #expect(head.status == 401 && head.body.isEmpty && head["www-authenticate"] != nil)
        let options = try await front.client.send("OPTIONS", query)
        #expect(
            options.status == 204 && options["allow"] == "GET, HEAD, OPTIONS", "which methods there are is no secret")
        #expect(try await front.client.get(query, headers: ["Authorization": "Basic eDp5"]).status == 401)
        for open in ["/", "/healthz", "/readyz", "/metrics", "/assets/app.js"] {
            #expect(try await front.client.get(open).status == 200, "\(open)")
        }
    }

    @Test func aSessionDoesWhatItsTokenMay() async throws {
        let front = try await FrontUnderTest(tokens: tokens)
        let path = "/api/v1/session"
        let begun = try await front.client.post(path, #"{"token":"admin-token-00001"}"#, type: "application/json")
        let cookie = try #require(begun["set-cookie"])
        #expect(begun.status == 204 && !cookie.contains("admin-token"))
        #expect(cookie.contains("; HttpOnly; SameSite=Strict; ") && !cookie.contains("Secure"))
        let pair = String(cookie.prefix { $0 != ";" })
        // Another front of the installation knows it too.
        let other = try await FrontUnderTest(tokens: tokens)
        #expect(try await other.client.get(query, headers: ["Cookie": "a=b; \(pair)"]).status == 200)
        let withoutToken = try await FrontUnderTest(tokens: "read another-token-0001")
        #expect(try await withoutToken.client.get(query, headers: ["Cookie": pair]).status == 401)

        let ended = try await front.client.send("DELETE", path)
        #expect(ended.status == 204 && ended["set-cookie"]?.hasPrefix("weir_session=; ") == true)
        #expect(ended["set-cookie"]?.contains("Max-Age=0") == true)
        let ingestOnly = try await front.client.post(path, #"{"token":"ingest-token-0001"}"#, type: "application/json")
        let weak = String(try #require(ingestOnly["set-cookie"]).prefix { $0 != ";" })
        #expect(try await front.client.get(query, headers: ["Cookie": weak]).status == 403)
    }

    /// What changes something needs, beside the cookie, that a page of this very address asks.
    @Test(
        arguments: [
            (["Sec-Fetch-Site": "same-origin"], true), (["Origin": "http://front.test:8080"], true),
            (["Origin": "https://front.test:8080"], true),
            (["Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.test"], true),
            ([:], false), (["Sec-Fetch-Site": "cross-site"], false), (["Sec-Fetch-Site": "same-site"], false),
            (["Sec-Fetch-Site": "none"], false), (["Origin": "null"], false), (["Origin": "http://front.test"], false),
            (["Origin": "http://front.test:8080.evil.test"], false), (["Origin": "http://evil.test"], false),
            (["Sec-Fetch-Site": "cross-site", "Origin": "http://front.test:8080"], false),
        ] as [([String: String], Bool)])
    func aSessionChangesThingsForOurOwnPagesOnly(fields: [String: String], isAllowed: Bool) async throws {
        let front = try await FrontUnderTest(tokens: tokens)
        let begun = try await front.client.post(
            "/api/v1/session", #"{"token":"admin-token-00001"}"#, type: "application/json")
        let pair = String(try #require(begun["set-cookie"]).prefix { $0 != ";" })
        var headers = fields.merging(["Cookie": pair, "Host": "front.test:8080"]) { own, _ in own }
        #expect(try await front.client.get("/api/v1/refused", headers: headers).status == 200, "asking changes nothing")
        for (path, body) in [("/api/v1/events", "{}"), ("/api/v1/refused/drop", #"{"all":true}"#)] {
            let answer = try await front.client.post(path, body, type: "application/json", headers: headers)
            #expect((answer.status < 300) == isAllowed, "\(path): \(answer.status) \(answer.text)")
            if !isAllowed { #expect(answer.status == 403 && answer.text.contains("came from elsewhere")) }
        }
        // A token is sent by programs, and never by a browser that was tricked.
        headers["Cookie"] = nil
        headers["Authorization"] = "Bearer admin-token-00001"
        #expect(try await front.client.post("/api/v1/events", "{}", headers: headers).status == 202)
    }

    @Test func aSessionBeginsWithAKnownTokenSentAsJSON() async throws {
        let front = try await FrontUnderTest(tokens: tokens)
        for (body, type, status) in [
            (#"{"token":"wrong-token-00001"}"#, "application/json", 401), ("{}", "application/json", 400),
            ("token=read-token-000001", "application/x-www-form-urlencoded", 415), ("[", "application/json", 400),
            (#"{"token":"read-token-000001"}"#, "text/plain", 415),
        ] {
            let answer = try await front.client.post("/api/v1/session", body, type: type)
            #expect(answer.status == status && answer["set-cookie"] == nil, "\(body)")
        }
        let secure = try await front.client.post(
            "/api/v1/session", #"{"token":"read-token-000001"}"#, type: "application/json",
            headers: ["X-Forwarded-Proto": "https"])
        #expect(secure["set-cookie"]?.hasSuffix("; Secure") == true)
    }

    @Test func thePageLoadsNothingFromElsewhere() async throws {
        let front = try await FrontUnderTest()
        let page = try await front.client.get("/")
        #expect(page.status == 200 && page["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
        #expect(page["x-content-type-options"] == "nosniff" && page["referrer-policy"] == "no-referrer")
        let etag = try #require(page["etag"])
        #expect(try await front.client.get("/", headers: ["If-None-Match": etag]).status == 304)
        #expect(try await front.client.get("/assets/../Package.swift").status == 404)
        #expect(try await front.client.get("/nothing").status == 404)
    }

    @Test func readinessSaysWhatIsMissing() async throws {
        let front = try await FrontUnderTest(reasons: ["redis: connection refused"])
        let answer = try await front.client.get("/readyz")
        #expect(answer.status == 503 && answer.text.contains("redis: connection refused"))
        #expect(answer["retry-after"] == "1")
        #expect(try await front.client.get("/healthz").status == 200)
    }
}
