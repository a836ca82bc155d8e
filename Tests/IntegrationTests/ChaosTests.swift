import Analytics
import Redis
import RedisStore
import Service
import TestKit
import Testing

/// Everything is killed at random while producers send, and every accepted event counts once.
///
/// `./dev chaos --minutes 10` runs it for longer, with another seed each time; the seed of a failure is in the report.
@Suite("Chaos", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(65)))
struct ChaosTests {
    /// What is killed.
    private enum Fault: CaseIterable { case none, worker, twoWorkers, front, redis }

    private static let producers = 3
    private static let batchesPerRound = 2
    private static let eventsPerBatch = 20

    @Test("whatever is killed, every accepted event counts once in every kind", arguments: [Chaos.seed])
    func countsEveryAcceptedEventOnce(seed: Seed) async throws {
        var rng = SplitMix64(seed)
        let (weir, first) = try await WeirInstallation.start(
            configuration: "{ metrics: \(EventLoad.configuration) }", redis: .init(appendOnly: .always))
        var front = first
        var workers: [WeirProcess] = []
        for _ in 0..<3 { workers.append(try await startWorker(weir)) }
        var load = EventLoad(seed: seed, startMs: TimeSource.system.wallMs() - 100_000, variety: 400)
        let end = ContinuousClock.now + Chaos.length
        var round = 0
        while round < Chaos.rounds || ContinuousClock.now < end {
            round += 1
            let batches = (0..<Self.producers).map { producer in
                (0..<Self.batchesPerRound).map { number in
                    (
                        key: "\(round)-\(producer)-\(number)",
                        body: load.entry(events: Self.eventsPerBatch).ndjson,
                        fate: UInt64.random(in: 0..<6, using: &rng)
                    )
                }
            }
            let fault = Fault.allCases.randomElement(using: &rng) ?? .none
            let delay = Duration.milliseconds(Int.random(in: 0...120, using: &rng))
            let victim = Int.random(in: 0..<workers.count, using: &rng)
            try await withThrowingTaskGroup { group in
                for mine in batches {
                    group.addTask {
                        for batch in mine { try await deliver(batch.body, batch.key, batch.fate, to: weir.port) }
                    }
                }
                try await Task.sleep(for: delay)
                switch fault {
                case .none: break
                case .worker, .twoWorkers:
                    for number in fault == .worker ? [victim] : [victim, (victim + 1) % workers.count] {
                        try await workers[number].crash()
                        workers[number] = try await startWorker(weir)
                    }
                case .front:
                    try await front.crash()
                    front = try await weir.startFront()
                case .redis:
                    try await weir.redis.crash()
                    try await weir.redis.launch()
                }
                try await group.waitForAll()
            }
            if round % 10 == 0 { try await check(load, weir, "round \(round)") }
        }
        try await check(load, weir, "the end")
        let audit = try await weir.http.get("/api/v1/audit?from=-24h")
        #expect(audit.status == 200, "\(audit.text)")
        let books = try JSON5.parse(audit.body)
        #expect(books["balanced"]?.bool == true, "\(audit.text)")
        #expect(books["partitions"]?.elements?.first?["applied"]?.integer == Int64(load.count))
        for process in workers + [front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    /// Without leases, so that all work on the one partition and only the cursor decides.
    private func startWorker(_ weir: WeirInstallation) async throws -> WeirProcess {
        let worker = try WeirProcess(
            ["work", "--lease", "0s", "--listen", "127.0.0.1:\(try FreePort.next())"], environment: weir.environment)
        _ = try await worker.errors.line(containing: "listening", deadline: .seconds(20))
        return worker
    }

    /// Sends a batch until it is answered with 202, under one key; now and then without waiting for the answer, and once more
    /// after it.
    private func deliver(_ body: [UInt8], _ key: String, _ fate: UInt64, to port: Int) async throws {
        let text = String(decoding: body, as: UTF8.self)
        let send = {
            try await HTTPClient(port: port).post(
                "/api/v1/events", text, type: "application/x-ndjson", headers: ["Idempotency-Key": key])
        }
        if fate == 0 {
            let socket = try? TestSocket(to: .loopback(port))
            let head =
                "POST /api/v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\n"
                + "Idempotency-Key: \(key)\r\nContent-Length: \(body.count)\r\n\r\n"
            try? await socket?.send(Array(head.utf8) + body)
        }
        try await eventually("\(key) is accepted", deadline: .seconds(40)) { (try? await send())?.status == 202 }
        if fate == 1 {
            try await eventually("\(key) is known", deadline: .seconds(40)) {
                guard let again = try? await send(), again.status == 202 else { return false }
                #expect(again.text.contains("\"duplicate\":true"), "\(key): \(again.text)")
                return true
            }
        }
    }

    private func check(_ load: EventLoad, _ weir: WeirInstallation, _ when: String) async throws {
        let fixture = try await RedisFixture.start(url: weir.redis.url(), name: "check")
        try await eventually("\(when): all \(load.count) events are applied", deadline: .seconds(40)) {
            let reply = try? await fixture.client.send(RedisCommand("HGET", "weir:{0}:cursor", "applied"))
            return (reply?.integer ?? 0) >= load.count
        }
        let stored = try await fixture.recentStore.definitions()
        let from = load.startMs / 1_000 - 20
        expectEqual(
            try await fixture.totals(from: from, to: from + 300, definitions: try #require(stored)), load.expected)
        await fixture.stop()
    }
}

/// How long the chaos lasts, and from which seed: `WEIR_CHAOS_MINUTES`, `WEIR_CHAOS_SEED`.
enum Chaos {
    static let rounds = 20

    static var length: Duration {
        .seconds(60) * (environmentVariable("WEIR_CHAOS_MINUTES").flatMap { Int($0) } ?? 0)
    }

    static var seed: Seed {
        Seed(value: environmentVariable("WEIR_CHAOS_SEED").flatMap { UInt64($0) } ?? 20_261_124)
    }
}
