import Service
import TestKit
import Testing

@Suite("Redis is full", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct FullRedisTests {
    private static let perRequest = 200

    /// Distinct label sets, so that buckets need memory too.
    private func body(_ number: Int) -> String {
        (0..<Self.perRequest).map { index in
            "{\"service\":\"s\(number % 9)\",\"endpoint\":\"/e\(index)\",\"status\":200,\"duration_ms\":\(index + 1),"
                + "\"note\":\"\(String(repeating: "x", count: 300))\"}\n"
        }.joined()
    }

    private func memory(_ redis: RedisServer) async throws -> (used: Int, limit: Int) {
        let info = try await redis.connect().command("INFO", "memory").string ?? ""
        func value(_ name: String) -> Int {
            info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") }
                .flatMap { Int($0.dropFirst(name.count + 1)) } ?? -1
        }
        return (value("used_memory"), value("maxmemory"))
    }

    @Test func ingestStopsFirstAndEverythingAcceptedIsKept() async throws {
        let (weir, front) = try await WeirInstallation.start(redis: .init(maxMemory: "24mb"))
        var accepted = 0
        var refusal: TestKit.HTTPResponse?
        // Nobody applies what comes, so Redis fills up.
        while refusal == nil, accepted < 100_000 {
            let response = try await weir.http.post("/api/v1/events", body(accepted / Self.perRequest))
            if response.status == 202 { accepted += Self.perRequest } else { refusal = response }
        }
        let refused = try #require(refusal)
        #expect(refused.status == 503 && refused["Retry-After"] != nil, "\(refused.text)")
        #expect(refused.text.contains("maxmemory"), "\(refused.text)")
        let full = try await memory(weir.redis)
        print("\(accepted) events, then refused at \(full.used) of \(full.limit) bytes: \(refused.text)")
        #expect(full.used < full.limit)

        // What was accepted is applied and can be compacted, and both make room.
        let worker = try await weir.startWorker()
        try await weir.waitUntilApplied(accepted)
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        try await eventually("ingest works again") { try await post(weir, &accepted) == 202 }

        // Full for another reason, until the limit is raised.
        let probe = try await weir.redis.connect()
        _ = try await probe.command("CONFIG", "SET", "maxmemory", "\(try await memory(weir.redis).used)")
        try await eventually("ingest is refused again") { try await post(weir, &accepted) == 503 }
        try await weir.waitUntilApplied(accepted)
        _ = try await front.errors.line(containing: "new events are refused")
        _ = try await probe.command("CONFIG", "SET", "maxmemory", "64mb")
        try await eventually("ingest works by itself") { try await post(weir, &accepted) == 202 }
        try await weir.waitUntilApplied(accepted)
        #expect(try await PartitionWatch(weir: weir, count: 1).applied() == accepted)
        let ask = "agg=count&from=-15m&step=1m"
        #expect(try await weir.totals("metric=events&\(ask)", by: "")[""] == accepted)
        #expect(try await weir.totals("metric=request_count&\(ask)", by: "service").values.reduce(0, +) == accepted)
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    /// Past its limit Redis refuses all but a few commands; those that make room are among them.
    @Test func aRedisFilledToTheBrimByOthersIsEmptied() async throws {
        let (weir, front) = try await WeirInstallation.start(redis: .init(maxMemory: "12mb"))
        let probe = try await weir.redis.connect()
        var count = 0
        let entry = ["XADD", "weir:{0}:events", "*", "batch", body(1)]
        while try await probe.command(entry) != .error("OOM command not allowed when used memory > 'maxmemory'.") {
            count += Self.perRequest
        }
        let worker = try await weir.startWorker()
        try await weir.waitUntilApplied(count)
        let compacted = try await weir.run(["compact"])
        #expect(compacted.exit == .status(0), "\(compacted.errors)")
        try await eventually("ingest works") { try await post(weir, &count) == 202 }
        try await weir.waitUntilApplied(count)
        for process in [worker, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    private func post(_ weir: WeirInstallation, _ accepted: inout Int) async throws -> Int {
        let response = try await weir.http.post("/api/v1/events", body(1))
        if response.status == 202 { accepted += Self.perRequest }
        return response.status
    }

    @Test("a Redis that evicts is refused", arguments: ["serve", "work"])
    func aRedisThatEvictsIsRefused(command: String) async throws {
        let redis = try await RedisServer.start(
            .init(maxMemory: "50mb", arguments: ["--maxmemory-policy", "allkeys-lru"]))
        let arguments = [command, "--listen", "127.0.0.1:\(try FreePort.next())", "--redis-url", redis.url()]
        let refused = try await WeirProcess.run(arguments)
        #expect(refused.exit == .status(78))
        let lines = refused.errors.filter { $0.contains("maxmemory-policy noeviction") }
        #expect(lines.count == 1, "\(refused.errors)")

        // Without a limit nothing is evicted: that is said, and no more.
        _ = try await redis.connect().command("CONFIG", "SET", "maxmemory", "0")
        let running = try WeirProcess(arguments)
        _ = try await running.errors.line(containing: "once Redis has a limit", deadline: .seconds(10))
        _ = try await running.errors.line(containing: "listening", deadline: .seconds(10))
        running.terminate()
        #expect(try await running.exit() == .status(0))
    }
}
