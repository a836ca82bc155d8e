import Analytics
import Service
import TestKit
import Testing

@testable import Front

@Suite("Boards over HTTP", .timeLimit(.minutes(1)))
struct BoardRouteTests {
    private static let path = "/api/v1/boards/checkout"
    private static let body = #"{"title":"Checkout","panels":[{"metric":"response_time"}]}"#
    private let front: FrontUnderTest

    init() async throws { front = try await FrontUnderTest() }

    private func send(
        _ method: String, _ path: String = path, _ body: String? = nil, _ fields: [String: String] = [:]
    ) async throws -> TestKit.HTTPResponse {
        let type = body == nil ? [:] : ["Content-Type": "application/json"]
        return try await front.client.send(
            method, path, headers: type.merging(fields) { $1 }, body: body.map { Array($0.utf8) })
    }

    @Test func aBoardIsSavedReadListedAndForgotten() async throws {
        let text =
            #"{"format":1,"name":"checkout","title":"Check \"out\"","range":"6h","panels":[{"metric":"response_time","#
            + #""agg":["p50","p99.9"],"by":["service"],"filters":{"endpoint":"!/pay,/a*"},"title":"Fast?","size":"wide"},"#
            + #"{"metric":"events"}]}"#
        let created = try await send("PUT", Self.path, text)
        #expect(created.status == 201 && created.text == text, "\(created.text)")
        #expect(created["location"] == Self.path && created["etag"] == "\"1\"")
        let read = try await send("GET")
        #expect(read.status == 200 && read.text == text && read["etag"] == "\"1\"")
        #expect(read["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT" && read["vary"]?.contains("Cookie") == true)
        #expect(try await send("GET", Self.path, nil, ["If-None-Match": "\"1\""]).status == 304)
        let list = try await send("GET", "/api/v1/boards")
        #expect(
            list.text
                == #"{"boards":[{"name":"fixed","title":"From the file","from":"file","version":null,"updated":null},"#
                + #"{"name":"checkout","title":"Check \"out\"","from":"stored","version":1,"updated":1795428123456}],"#
                + #""writable":true,"degraded":[]}"#, "\(list.text)")
        let replaced = try await send("PUT", Self.path, Self.body, ["If-Match": "W/\"1\""])
        #expect(replaced.status == 200 && replaced["etag"] == "\"2\"")
        #expect(
            replaced.text == #"{"format":1,"name":"checkout","title":"Checkout","panels":[{"metric":"response_time"}]}"#
        )
        #expect(try await send("DELETE").status == 204)
        #expect(try await send("GET").status == 404)
        #expect(try await send("DELETE").status == 404)
    }

    @Test func nobodysChangeIsLost() async throws {
        for (condition, status) in [
            (["If-Match": "*"], 412), (["If-Match": "\"1\""], 412), (["If-None-Match": "*"], 201),
            (["If-None-Match": "*"], 412), (["If-Match": "\"2\""], 412), (["If-Match": "\"7\", \"1\""], 200),
            (["If-Match": "\"1\""], 412), (["If-Match": "\"nobody's\""], 412), (["If-Match": "*"], 200), ([:], 200),
        ] {
            let answer = try await send("PUT", Self.path, Self.body, condition)
            #expect(answer.status == status, "\(condition): \(answer.text)")
            if status == 412 { #expect(answer.text.contains("leav") && answer["etag"] == nil) }
        }
        for (condition, status) in [(["If-Match": "\"1\""], 412), (["If-Match": "\"4\""], 204)] {
            #expect(try await send("DELETE", Self.path, nil, condition).status == status)
        }
        for fields in [
            ["If-Match": "1"], ["If-Match": ""], ["If-Match": "\"1"], ["If-None-Match": "\"1\""],
            ["If-Match": "*", "If-None-Match": "*"],
        ] {
            let answer = try await send("PUT", Self.path, Self.body, fields)
            #expect(answer.status == 400 && answer.text.contains("Match: "), "\(fields): \(answer.text)")
        }
        #expect(try await send("DELETE", Self.path, nil, ["If-None-Match": "*"]).status == 400)
    }

    @Test(
        arguments: [
            ("[", "is no JSON: 1:2"), ("[]", "must be an object that describes a board"),
            ("{}", "panels: is missing"), (#"{"panels":{}}"#, "panels: must be a list, not an object"),
            (#"{"panels":[],"format":2}"#, "format: is not one that this program reads; it reads 1"),
            (#"{"panels":[],"name":"Übersicht"}"#, "name: must be 1 to 64 of a-z"),
            (#"{"panels":[],"name":"other"}"#, "name: is \\\"other\\\", but the address says \\\"checkout\\\""),
            (#"{"panels":[],"title":""}"#, "title: must be a text of 1 to 100 characters"),
            (#"{"panels":[],"title":"a\u0000"}"#, "title: "), (#"{"panels":[],"range":"5s"}"#, "range: must be"),
            (#"{"panels":[],"range":"15 min"}"#, "range: must be"),
            (#"{"panels":[],"colour":1}"#, "colour: is unknown"),
            (#"{"panels":[7]}"#, "panels[0]: must be an object that describes a panel, not a number"),
            (#"{"panels":[{}]}"#, "panels[0].metric: is missing"),
            (
                #"{"panels":[{"metric":"events"},{"metric":"foo"}]}"#,
                "panels[1].metric: there is no metric \\\"foo\\\"; there are events, response_time"
            ),
            (
                #"{"panels":[{"metric":"events","agg":["p99"]}]}"#,
                "panels[0].agg: events does not answer \\\"p99\\\"; it answers count"
            ),
            (#"{"panels":[{"metric":"events","agg":"count"}]}"#, "panels[0].agg: must be a list"),
            (#"{"panels":[{"metric":"events","agg":[1]}]}"#, "panels[0].agg[0]: must be a name, not a number"),
            (
                #"{"panels":[{"metric":"response_time","by":["host"]}]}"#,
                "panels[0].by: response_time has no label \\\"host\\\""
            ),
            (
                #"{"panels":[{"metric":"response_time","by":["service","service"]}]}"#,
                "panels[0].by[1]: names \\\"service\\\" twice"
            ),
            (
                #"{"panels":[{"metric":"response_time","filters":{"host":"a"}}]}"#,
                "panels[0].filters.host: response_time has no such label"
            ),
            (
                #"{"panels":[{"metric":"response_time","filters":{"service":""}}]}"#,
                "panels[0].filters.service: must be a text"
            ),
            (#"{"panels":[{"metric":"response_time","filters":[]}]}"#, "panels[0].filters: must be an object"),
            (#"{"panels":[{"metric":"events","size":"huge"}]}"#, "panels[0].size: must be one of normal, wide, full"),
            (#"{"panels":[{"metric":"a"},{"metric":"b"}]}"#, "; panels[1].metric: there is no metric"),
        ])
    func whatIsWrongIsNamedByItsPath(body: String, words: String) async throws {
        let answer = try await send("PUT", Self.path, body)
        #expect(answer.status == 400 && answer["content-type"] == "application/problem+json", "\(body)")
        #expect(answer.text.contains(words), "\(body): \(answer.text)")
        #expect(try await send("GET").status == 404)
    }

    @Test func thereIsABoundToEverything() async throws {
        let panel = #"{"metric":"events"}"#
        let most = Array(repeating: panel, count: 61).joined(separator: ",")
        let many = try await send("PUT", Self.path, #"{"panels":["# + most + "]}")
        #expect(many.status == 400 && many.text.contains("panels: has more than 60 elements"))
        let long = try await send("PUT", Self.path, Self.body + String(repeating: " ", count: 64 << 10))
        #expect(long.status == 413 && long.text.contains("65536"))
        let wrong = Array(repeating: #"{"metric":"a"}"#, count: 60).joined(separator: ",")
        let told = try await send("PUT", Self.path, #"{"panels":["# + wrong + "]}")
        #expect(told.text.contains("panels[9].metric") && told.text.contains("; and 50 more problems."))
        front.boards.change { state in
            for number in 0..<1_000 {
                state.boards["b\(number)"] = StoredBoard(board: Board(name: "b\(number)", title: "B"), version: 1)
            }
        }
        let full = try await send("PUT", Self.path, Self.body)
        #expect(full.status == 409 && full.text.contains("1000 boards"))
        #expect(try await send("PUT", "/api/v1/boards/b7", Self.body).status == 200)
        #expect(try await send("PUT", "/api/v1/boards/Not%20a%20name", Self.body).status == 400)
        let form = try await front.client.send("PUT", Self.path, headers: ["Content-Type": "text/plain"], body: [])
        #expect(form.status == 415)
    }

    @Test func boardsOfTheConfigurationAreReadOnlyAndHideOthers() async throws {
        let path = "/api/v1/boards/fixed"
        front.boards.change { $0.boards["fixed"] = StoredBoard(board: Board(name: "fixed", title: "Mine"), version: 3) }
        let read = try await send("GET", path)
        #expect(read.text == #"{"format":1,"name":"fixed","title":"From the file","panels":[{"metric":"events"}]}"#)
        #expect(read["allow"] == "GET, HEAD, OPTIONS" && read["etag"] != nil)
        for method in ["PUT", "DELETE"] {
            let answer = try await send(method, path, Self.body)
            #expect(answer.status == 409 && answer.text.contains("of the configuration file"), "\(method)")
        }
        let list = try JSON5.parse(try await send("GET", "/api/v1/boards").body)
        #expect(list["boards"]?.elements?.compactMap { $0["title"]?.string } == ["From the file"])
    }

    @Test func withoutTheStoreBoardsOfTheConfigurationAnswer() async throws {
        let away = StoreError(.unavailable, store: "postgres", operation: "read board", detail: "gone away")
        front.boards.change { $0.failure = away }
        let list = try JSON5.parse(try await send("GET", "/api/v1/boards").body)
        #expect(list["boards"]?.elements?.compactMap { $0["name"]?.string } == ["fixed"])
        #expect(list["degraded"]?.elements?.compactMap(\.string) == ["postgres"])
        #expect(try await send("GET", "/api/v1/boards/fixed").status == 200)
        for (method, body) in [("GET", nil), ("PUT", Self.body), ("DELETE", nil)] {
            let answer = try await send(method, Self.path, body)
            #expect(
                answer.status == 503 && answer["retry-after"] == "1" && answer.text.contains("gone away"), "\(method)")
        }
    }

    @Test func whoReadsSeesAndWhoIsAdminSaves() async throws {
        let tokens = "ingest ingest-token-0001\nread read-token-000001\nadmin admin-token-00001"
        let front = try await FrontUnderTest(tokens: tokens)
        for (token, read, write) in [
            ("ingest-token-0001", 403, 403), ("read-token-000001", 200, 403), ("admin-token-00001", 200, 201),
        ] {
            let header = ["Authorization": "Bearer \(token)"]
            let list = try await front.client.get("/api/v1/boards", headers: header)
            #expect(list.status == read && list.text.contains("\"writable\":true") == (write == 201), "\(token)")
            let json = header.merging(["Content-Type": "application/json"]) { $1 }
            let put = try await front.client.send("PUT", Self.path, headers: json, body: Array(Self.body.utf8))
            #expect(put.status == write, "\(token): \(put.text)")
        }
        let reader = ["Authorization": "Bearer read-token-000001"]
        let board = try await front.client.get(Self.path, headers: reader)
        #expect(board.status == 200 && board["allow"] == "GET, HEAD, OPTIONS")
        #expect(try await front.client.send("DELETE", Self.path, headers: reader).status == 403)
        // Signed in at the page, an admin saves as with the token.
        let begun = try await front.client.post(
            "/api/v1/session", #"{"token":"admin-token-00001"}"#, type: "application/json")
        let pair = String(try #require(begun["set-cookie"]).prefix { $0 != ";" })
        var fields = ["Cookie": pair, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"]
        #expect(
            try await front.client.send("PUT", Self.path, headers: fields, body: Array(Self.body.utf8)).status == 200)
        fields["Sec-Fetch-Site"] = "cross-site"
        for method in ["PUT", "DELETE"] {
            let answer = try await front.client.send(method, Self.path, headers: fields, body: Array(Self.body.utf8))
            #expect(answer.status == 403 && answer.text.contains("came from elsewhere"))
        }
    }
}
