import Service
import TestKit
import Testing

/// Boards of a real front over a real PostgreSQL, and those of its configuration.
@Suite("Boards of an installation", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(2)))
struct BoardsTests {
    private static let saved = #"{"title":"Saved","panels":[{"metric":"requests","by":["service"]}]}"#
    private static let files = [
        "one.json": #"{"format":1,"name":"one","title":"Of a file","panels":[{"metric":"requests","agg":["rate"]}]}"#,
        "several.json": #"[{"name":"two","panels":[]},{"name":"three","panels":[{"metric":"events"}]}]"#,
    ]

    private static func configuration(_ boards: String) -> String {
        "{ metrics: [{ name: \"requests\", kind: \"counter\", by: [\"service\"] }], boards: \(boards) }"
    }

    private func put(
        _ weir: WeirInstallation, _ name: String, _ fields: [String: String] = [:]
    ) async throws -> HTTPResponse {
        let headers = fields.merging(["Content-Type": "application/json"]) { own, _ in own }
        return try await weir.http.send(
            "PUT", "/api/v1/boards/\(name)", headers: headers, body: Array(Self.saved.utf8), within: .seconds(30))
    }

    @Test func savedOnesOutliveFrontsAndConfiguredOnesOutliveStores() async throws {
        let folder = try TemporaryFolder("boards")
        for (name, text) in Self.files { _ = try folder.write(text, to: name) }
        let list = #"["\#(folder.path)/one.json", { name: "here", panels: [] }, "\#(folder.path)/several.json"]"#
        let (weir, front) = try await WeirInstallation.start(
            configuration: Self.configuration(list), postgres: .own)
        // Whoever counts the metrics says which there are.
        let worker = try await weir.startWorker()
        func listed() async throws -> (names: [String], degraded: [String]) {
            let answer = try await weir.answer("/api/v1/boards")
            return (
                answer["boards"]?.elements?.compactMap { $0["name"]?.string } ?? [],
                answer["degraded"]?.elements?.compactMap(\.string) ?? []
            )
        }
        #expect(try await listed().names == ["one", "here", "two", "three"])
        try await eventually("the front knows the metrics", deadline: .seconds(30)) {
            try await weir.http.get("/api/v1/metrics").text.contains(#""requests""#)
        }
        #expect(try await put(weir, "here").status == 409)
        #expect(try await put(weir, "saved", ["If-Match": "*"]).status == 412)
        let created = try await put(weir, "saved", ["If-None-Match": "*"])
        let tag = try #require(created["etag"])
        #expect(created.status == 201)
        #expect(try await put(weir, "saved", ["If-None-Match": "*"]).status == 412)
        try await weir.stop(front)

        let again = try await weir.startFront()
        let read = try await weir.http.get("/api/v1/boards/saved", headers: ["Accept-Encoding": "gzip"])
        #expect(read.status == 200 && read["etag"] == tag)
        #expect(
            read.text
                == #"{"format":1,"name":"saved","title":"Saved","panels":[{"metric":"requests","by":["service"]}]}"#)
        #expect(try await put(weir, "saved", ["If-Match": tag]).status == 200)
        #expect(try await put(weir, "saved", ["If-Match": tag]).status == 412, "somebody else has saved it meanwhile")

        try await weir.postgres.stop(.immediate)
        try await eventually("the list says who is missing", deadline: .seconds(20)) {
            let found = try await listed()
            return found.names == ["one", "here", "two", "three"] && found.degraded == ["postgres"]
        }
        #expect(try await weir.http.get("/api/v1/boards/one").status == 200)
        for answer in [try await weir.http.get("/api/v1/boards/saved"), try await put(weir, "saved")] {
            #expect(answer.status == 503 && answer["retry-after"] == "1", "\(answer.text)")
        }
        try await weir.postgres.launch()
        try await eventually("it is back", deadline: .seconds(30)) {
            try await weir.http.get("/api/v1/boards/saved").status == 200
        }
        #expect(try await weir.http.send("DELETE", "/api/v1/boards/saved").status == 204)
        #expect(try await listed().names == ["one", "here", "two", "three"])
        try await weir.stop(again)
        try await weir.stop(worker)
    }

    @Test func whatIsWrongInTheConfigurationIsNamed() async throws {
        let folder = try TemporaryFolder("boards")
        for (name, text) in Self.files { _ = try folder.write(text, to: name) }
        _ = try folder.write("{\n  \"name\": \"one\", \"panels\": [{ \"metric\": \"gone\" }] }", to: "wrong.json")
        _ = try folder.write("{\n  \"name\" }", to: "broken.json")
        for (boards, words) in [
            (#""one.json""#, nil), (#"["several.json", "one.json"]"#, nil),
            ("{}", "boards: must be a list of boards, or the name of a file"),
            (
                #"["one.json", { name: "one", panels: [] }]"#,
                "weir.json5:1:91: boards[1].name: \"one\" is defined twice"
            ),
            (#"[{ name: "a" }]"#, "boards[0].panels: is missing"),
            (
                #"[{ name: "a", panels: [{ metric: "gone" }] }]"#,
                "boards[0].panels[0].metric: there is no metric \"gone\""
            ),
            (#""nowhere.json""#, "nowhere.json: No such file"),
            (
                #""wrong.json""#,
                "wrong.json:2:41: panels[0].metric: there is no metric \"gone\"; there are events, requests"
            ),
            (#""broken.json""#, "broken.json:2:10: "),
        ] {
            let file = try folder.write(Self.configuration(boards), to: "weir.json5")
            let checked = try await WeirProcess.run(["serve", "--check-config", "--config", file])
            #expect(checked.exit == .status(words == nil ? 0 : 78), "\(boards): \(checked.errors)")
            guard let words else { continue }
            #expect(checked.errors.contains { $0.contains(words) }, "\(boards): \(checked.errors)")
        }
        // Of another process the files of boards are no affair, but what stands in the shared file is.
        let elsewhere = try folder.write(Self.configuration(#"["nowhere.json"]"#), to: "weir.json5")
        #expect(try await WeirProcess.run(["work", "--check-config", "--config", elsewhere]).exit == .status(0))
        let wrong = try folder.write(Self.configuration(#"[{ name: "a", panels: [7] }]"#), to: "weir.json5")
        #expect(try await WeirProcess.run(["work", "--check-config", "--config", wrong]).exit == .status(78))
    }
}
