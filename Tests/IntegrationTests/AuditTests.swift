import Service
import TestKit
import Testing

@Suite("Audit of a whole installation", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct InstallationAuditTests {
    private static let hourMs: Int64 = 3_600_000
    private static let dayMs: Int64 = 86_400_000
    private let nowMs = TimeSource.system.wallMs()
    /// A minute that PostgreSQL answers for once it is compacted, in the middle of its ten.
    private var oldMs: Int64 { (nowMs - 2 * Self.hourMs) / 600_000 * 600_000 + 120_000 }

    /// The only partition's part of an audit, with the rest at hand.
    private func audit(_ weir: WeirInstallation) async throws -> (partition: JSON5Value, whole: JSON5Value) {
        let response = try await weir.http.get("/api/v1/audit?from=-3h")
        #expect(response.status == 200, "\(response.text)")
        let whole = try JSON5.parse(response.body)
        return (try #require(whole["partitions"]?.elements?.first), whole)
    }

    /// Waits until so many entries are applied, and expects a balance with these numbers.
    private func expect(
        _ weir: WeirInstallation, entries: Int, balanced: Bool = true, _ numbers: [String: Int],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("\(entries) entries are applied") {
            try await audit(weir).partition["entries"]?["applied"]?.integer == Int64(entries)
        }
        let (partition, whole) = try await audit(weir)
        for (name, number) in numbers {
            let found = name.split(separator: ".").reduce(Optional(partition)) { $0?[String($1)] }
            #expect(found?.integer == Int64(number), "\(name)", sourceLocation: sourceLocation)
        }
        #expect(whole["balanced"]?.bool == balanced, "\(partition["problems"] as Any)", sourceLocation: sourceLocation)
        #expect(whole["degraded"]?.elements?.isEmpty == true, sourceLocation: sourceLocation)
    }

    private func post(_ weir: WeirInstallation, _ lines: [String], key: String? = nil) async throws {
        let response = try await weir.http.post(
            "/api/v1/events", lines.joined(separator: "\n"), type: "application/x-ndjson",
            headers: key.map { ["Idempotency-Key": $0] } ?? [:])
        #expect(response.status == 202, "\(response.text)")
    }

    private func add(_ weir: WeirInstallation, _ fields: String...) async throws {
        let probe = try await weir.redis.connect()
        try await probe.command(["XADD", "weir:{0}:events", "*"] + fields)
    }

    private func old(_ second: Int64) -> String { #"{"ts":\#(oldMs + second * 1_000),"service":"a"}"# }

    @Test func everyEventIsAccountedForOnItsWayThroughTheTiers() async throws {
        let (weir, front) = try await WeirInstallation.start()
        var worker = try await weir.startWorker(["--late", "1d"])
        try await post(weir, [#"{"service":"a"}"#, #"{"service":"b"}"#, "{}"], key: "k")
        try await post(weir, [#"{"service":"a"}"#, #"{"service":"b"}"#, "{}"], key: "k")
        try await post(weir, [old(0), old(30)])
        try await add(weir, "service", "x")
        try await add(weir, "service", "x", "ts", "soon")
        try await add(weir, "service", "x", "ts", "\(nowMs - 2 * Self.dayMs)")
        try await add(weir, "service", "x", "ts", "\(nowMs + Self.hourMs)")
        try await add(weir, "batch", "{\"service\":\"x\"}\nnot json\n")
        var numbers = [
            "appended": 11, "applied": 7, "duplicate": 3, "late": 1, "refused": 3, "missing": 0, "foreign": 6,
            "waiting": 0, "counted.redis": 7, "counted.postgres": 0, "entries.missing": 0, "entries.waiting": 0,
        ]
        try await expect(weir, entries: 7, numbers)

        // History has what is old; what comes to it afterwards is Redis' until the next pass, in the bucket that is there …
        try await compact(weir)
        numbers.merge(["counted.redis": 5, "counted.postgres": 2]) { $1 }
        try await expect(weir, entries: 7, numbers)
        try await post(weir, [old(31)])
        numbers.merge(["appended": 12, "applied": 8, "counted.redis": 8, "counted.postgres": 0]) { $1 }
        try await expect(weir, entries: 8, numbers)
        try await compact(weir)
        numbers.merge(["counted.redis": 5, "counted.postgres": 3]) { $1 }
        try await expect(weir, entries: 8, numbers)
        let hours = try await audit(weir).whole["hours"]?.elements ?? []
        let compacted = hours.first { $0["hour"]?.integer == oldMs / Self.hourMs * Self.hourMs }?["compacted"]?.integer
        #expect(compacted == 3)

        // … and in a new one where that has expired.
        let probe = try await weir.redis.connect()
        for key in try await probe.command("KEYS", "weir:{0}:b10:*:\(oldMs / 600_000 * 600)").array ?? [] {
            try await probe.command("DEL", key.string ?? "")
        }
        try await post(weir, [old(32)])
        numbers.merge(["appended": 13, "applied": 9, "counted.redis": 6]) { $1 }
        try await expect(weir, entries: 9, numbers)
        try await compact(weir)
        numbers.merge(["counted.redis": 5, "counted.postgres": 4]) { $1 }
        try await expect(weir, entries: 9, numbers)

        // With a greater --late what was late is counted, once; the rest is refused anew.
        try await stop(worker)
        worker = try await weir.startWorker(["--late", "3d"])
        let listed = try await weir.run(["refused", "list", "--format", "json"])
        #expect(listed.exit == .status(0) && listed.output.count == 4, "\(listed.output)")
        let retried = try await weir.run(["refused", "retry", "--all"])
        #expect(retried.exit == .status(0) && retried.output == ["4 events put on the log again"])
        numbers.merge([
            "appended": 17, "applied": 10, "foreign": 10, "refused": 6, "counted.redis": 6,
        ]) { $1 }
        try await expect(weir, entries: 13, numbers)
        let dropped = try await weir.run(["refused", "drop", "--all"])
        #expect(dropped.output == ["3 events dropped"])
        #expect(try await weir.run(["refused", "list"]).output == ["no event is refused"])
        try await expect(weir, entries: 13, numbers)
        try await stop(worker)
        try await stop(front)
    }

    @Test func whatOthersTakeOffTheLogShows() async throws {
        let (weir, front) = try await WeirInstallation.start()
        var worker = try await weir.startWorker()
        try await post(weir, ["{}", "{}"])
        try await expect(weir, entries: 1, ["applied": 2])
        try await stop(worker)

        try await post(weir, ["{}", "{}", "{}", "{}", "{}"])
        let probe = try await weir.redis.connect()
        // Some wait, and that is in order.
        try await expect(weir, entries: 1, ["waiting": 5, "entries.waiting": 1, "entries.missing": 0])
        try await probe.command("XTRIM", "weir:{0}:events", "MAXLEN", "0")
        let trimmed = ["waiting": 5, "entries.waiting": 0, "entries.missing": 1, "missing": 0]
        try await expect(weir, entries: 1, balanced: false, trimmed)

        worker = try await weir.startWorker()
        try await post(weir, ["{}"])
        let found = ["appended": 8, "applied": 3, "missing": 5, "waiting": 0, "entries.missing": 1, "counted.redis": 3]
        try await expect(weir, entries: 2, balanced: false, found)
        let problems = try await audit(weir).partition["problems"]?.elements?.compactMap(\.string)
        #expect(problems?.first == "5 events that fronts appended were not found on the log")
        try await stop(worker)
        try await stop(front)
    }

    @Test func withoutPostgresTheBooksStillAnswer() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker()
        try await stop(front)
        var environment = weir.environment
        environment["WEIR_POSTGRES_URL"] = "postgres://127.0.0.1:1/nowhere"
        let lonely = try WeirProcess(["serve", "--listen", "127.0.0.1:\(weir.port)"], environment: environment)
        _ = try await lonely.errors.line(containing: "listening", deadline: .seconds(20))
        try await post(weir, ["{}", "{}"])
        try await eventually("applied") { try await audit(weir).partition["applied"]?.integer == 2 }
        let (partition, whole) = try await audit(weir)
        #expect(whole["degraded"]?.elements?.compactMap(\.string) == ["postgres"] && whole["balanced"]?.bool == true)
        #expect(partition["counted"]?["redis"]?.integer == 2 && partition["counted"]?["postgres"]?.integer == nil)
        try await stop(worker)
        try await stop(lonely)
    }

    @Test func theCommandsSayWhatIsWrong() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let nothing = try await weir.run(["refused", "retry", "--all"])
        #expect(nothing.exit == .status(0) && nothing.output == ["no event is refused: there is nothing to try again"])
        for (arguments, exit, word) in [
            (["refused", "retry"], 64, "--all"), (["refused", "drop", "0/1-0", "--all"], 64, "not both"),
            (["refused", "retry", "1-0"], 64, "no id"), (["refused", "retry", "0/1-0"], 65, "not any more"),
            (["refused", "list", "--url", "http://127.0.0.1:1"], 69, "127.0.0.1:1"),
            (["refused", "list", "--url", "nowhere"], 78, "--url"),
        ] as [([String], Int32, String)] {
            let run = try await weir.run(arguments)
            #expect(run.exit == .status(exit) && run.errors.joined().contains(word), "\(arguments): \(run)")
        }
        try await stop(front)
        let tokens = try weir.folder.write("admin admin-token-0123456789\n", to: "tokens")
        let guarded = try WeirProcess(
            ["serve", "--listen", "127.0.0.1:\(weir.port)", "--tokens", tokens], environment: weir.environment)
        _ = try await guarded.errors.line(containing: "listening", deadline: .seconds(20))
        #expect(try await weir.run(["refused", "list"]).exit == .status(77))
        #expect(try await weir.run(["refused", "list", "--token", "admin-token-0123456789"]).exit == .status(0))
        try await stop(guarded)
    }

    private func compact(_ weir: WeirInstallation) async throws {
        let pass = try await weir.run(["compact"])
        #expect(pass.exit == .status(0), "\(pass.errors)")
    }

    private func stop(_ process: WeirProcess) async throws {
        process.terminate()
        #expect(try await process.exit() == .status(0))
    }
}
