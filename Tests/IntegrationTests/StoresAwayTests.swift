import Service
import TestKit
import Testing

/// Stores that are stopped, frozen or slow, while questions are asked: all are answered, soon, and say what is missing.
///
/// The promises are 2 s for the first answers, 250 ms once a breaker is open, and 10 s to recover. What is asserted leaves room
/// for a machine that does much else, and is still less than the 10 s that a question without a breaker waits for a store that
/// says nothing; what was measured is printed.
@Suite("Stores that go away", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct StoresAwayTests {
    private static let configuration = """
        { metrics: [
          { name: "requests", kind: "counter", by: ["service"] },
          { name: "bytes", kind: "counter", value: "bytes", by: ["service"] },
        ] }
        """
    private static let services = 8
    /// Of each service: in history, and in memory.
    private static let old = 5
    private static let new = 3
    private static let atFirst = Duration.seconds(8)
    private static let onceOpen = Duration.seconds(4)
    private static let toRecover = Duration.seconds(30)

    private enum Fault: String { case stopped, frozen }

    @Test func postgresStoppedFrozenOrSlow() async throws {
        let weir = try await Self.start()
        let (front, worker) = try await Self.run(weir)
        for (service, fault) in [Fault.stopped, .frozen].enumerated() {
            // Another service each time, so that nothing can have been kept from an earlier answer.
            let question = "metric=requests&agg=count&step=1h&from=-5h&label.service=s\(service)"
            let recent = "metric=requests&agg=count&step=1s&from=-5m&label.service=s\(service)"
            fault == .stopped ? try await weir.postgres.stop(.immediate) : weir.postgres.freeze()
            let first = try await Self.ask(question, of: weir)
            for answer in first.answers {
                #expect(
                    Self.degraded(answer) == ["postgres"] && WeirInstallation.sum(answer, "count") == Double(Self.new))
            }
            #expect(first.worst < Self.atFirst, "\(fault)")
            try await Self.waitFor("open", of: "postgres", weir)
            let later = try await Self.ask(question, of: weir)
            #expect(later.answers.allSatisfy { Self.degraded($0) == ["postgres"] } && later.worst < Self.onceOpen)
            let live = try await Self.ask(recent, of: weir)
            #expect(live.answers.allSatisfy { Self.degraded($0) == [] }, "memory needs no PostgreSQL")
            let (status, took) = try await Self.status(weir)
            #expect(status["degraded"]?.elements?.compactMap(\.string) == ["postgres"] && took < Self.onceOpen)
            #expect(status["stores"]?["postgres"]?["breaker"]?["last_error"]?.string != nil)
            fault == .stopped ? try await weir.postgres.launch() : weir.postgres.thaw()
            let back = try await Self.whole(question, of: weir)
            print(
                "PostgreSQL \(fault.rawValue): first \(first.worst), then \(later.worst), status \(took), back \(back)")
            #expect(back < Self.toRecover)
        }

        // A question that takes its time is left alone while PostgreSQL is well.
        let question = "metric=bytes&agg=sum&step=1h&from=-5h"
        let openings = try await Self.breaker("postgres", weir)["openings"]?.integer
        #expect((openings ?? 0) >= 2, "one for each fault")
        _ = try await weir.sql("CREATE TABLE lock_over (at timestamptz)")
        async let lock = weir.sql(
            """
            BEGIN; LOCK TABLE weir.minute, weir.hour, weir.label_rollup;
            DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM lock_over) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$; COMMIT
            """)
        func locks(_ condition: String) async throws -> Bool {
            try await weir.sql("SELECT count(*) FROM pg_locks WHERE \(condition)") != "0"
        }
        try await eventually("the lock is held") { try await locks("mode = 'AccessExclusiveLock' AND granted") }
        async let asked = Self.ask(question, of: weir, times: 3)
        try await eventually("the question waits for it") { try await locks("NOT granted") }
        // More than a breaker takes to open, and less than the question may take.
        try await Task.sleep(for: .seconds(2))
        _ = try await weir.sql("INSERT INTO lock_over VALUES (now())")
        let slow = try await asked
        let sum = Double(10 * Self.services * (Self.old + Self.new))
        #expect(slow.answers.allSatisfy { Self.degraded($0) == [] && WeirInstallation.sum($0, "sum") == sum })
        #expect(slow.worst > .seconds(1), "the question had to wait for the lock: \(slow.worst)")
        _ = try await lock
        #expect(try await Self.breaker("postgres", weir)["openings"]?.integer == openings)

        // What was answered once is kept, and is an answer without PostgreSQL.
        let nowMs = TimeSource.system.wallMs()
        let past =
            "metric=bytes&agg=sum&step=1h&by=service&from=\(nowMs - 5 * 3_600_000)&to=\(nowMs - 3 * 3_600_000)"
        let read = try await Self.ask(past, of: weir, times: 1).answers[0]
        #expect(Self.tiers(read) == ["postgres"])
        try await weir.postgres.stop(.immediate)
        try await Self.waitFor("open", of: "postgres", weir)
        let kept = try await Self.ask(past, of: weir)
        for answer in kept.answers {
            #expect(Self.degraded(answer) == [] && Self.tiers(answer) == ["memory"])
            #expect(WeirInstallation.sum(answer, "sum") == Double(10 * Self.services * Self.old))
        }
        #expect(kept.worst < Self.onceOpen)
        let cache = try await Self.status(weir).status["queries"]?["cache"]
        #expect(cache?["hits"]?.integer ?? 0 > 0 && cache?["bytes"]?.integer ?? 0 > 0)
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    @Test func redisStoppedOrFrozen() async throws {
        let weir = try await Self.start()
        let (front, worker) = try await Self.run(weir)
        for (service, fault) in [Fault.stopped, .frozen].enumerated() {
            let long = "metric=requests&agg=count&step=1m&from=-5h&label.service=s\(service)"
            let recent = "metric=requests&agg=count&step=1s&from=-5m&label.service=s\(service)"
            // After a Redis that came back memory reads everything anew.
            try await eventually("memory is current", deadline: .seconds(30)) {
                try await Self.status(weir).status["tiers"]?["memory"]?["state"]?.string == "current"
            }
            fault == .stopped ? try await weir.redis.stop() : weir.redis.freeze()
            let first = try await Self.ask(long, of: weir)
            for answer in first.answers {
                #expect(Self.degraded(answer) == ["redis"] && Self.tiers(answer) == ["memory", "postgres"])
                #expect(
                    WeirInstallation.sum(answer, "count") == Double(Self.old + Self.new),
                    "\(fault): history and memory have all")
            }
            #expect(first.worst < Self.atFirst, "\(fault)")
            try await Self.waitFor("open", of: "redis", weir)
            let later = try await Self.ask(recent, of: weir)
            for answer in later.answers {
                // Memory is what is left, and says that it may be behind; its resolution is still its own.
                #expect(Self.degraded(answer) == ["redis"] && Self.tiers(answer) == ["memory"])
                #expect(answer["step"]?.integer == 1_000)
            }
            let (status, took) = try await Self.status(weir)
            #expect(status["degraded"]?.elements?.compactMap(\.string) == ["redis"])
            #expect(status["tiers"]?["memory"]?["state"]?.string == "behind")
            #expect(later.worst < Self.onceOpen && took < Self.onceOpen)
            let began = ContinuousClock.now
            let refused = try await weir.http.post("/api/v1/events", "{\"service\":\"s\(service)\"}")
            #expect(refused.status == 503 && .now - began < Self.onceOpen, "\(refused.text)")
            #expect(try await weir.http.get("/api/v1/audit").status == 503)
            #expect(try await weir.http.get("/readyz").status == 503)
            fault == .stopped ? try await weir.redis.launch() : weir.redis.thaw()
            let back = try await Self.whole(recent, of: weir)
            print("Redis \(fault.rawValue): first \(first.worst), then \(later.worst), status \(took), back \(back)")
            #expect(back < Self.toRecover)
            try await eventually("events are taken again", deadline: Self.toRecover) {
                try await weir.http.post("/api/v1/events", "{\"service\":\"other\"}").status == 202
            }
        }
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    @Test func aFrontStartsWithoutStoresAndTakesThemAsTheyCome() async throws {
        let weir = try await Self.start()
        try await weir.postgres.stop(.fast)
        try await weir.redis.stop()
        let front = try await weir.startFront()
        let question = "metric=requests&agg=count&step=1h&from=-5h"
        let none = try await weir.http.get("/api/v1/query?\(question)")
        #expect(none.status == 503 && none["Retry-After"] != nil, "\(none.text)")
        #expect(try await weir.http.post("/api/v1/events", "{\"service\":\"s0\"}").status == 503)
        #expect(try await weir.http.get("/readyz").status == 503)
        try await Self.waitFor("open", of: "postgres", weir)
        try await Self.waitFor("open", of: "redis", weir)
        let (status, took) = try await Self.status(weir)
        #expect(took < Self.onceOpen && status["stores"]?["redis"]?["read_at"]?.integer == nil)

        try await weir.postgres.launch()
        try await eventually("history is answered", deadline: Self.toRecover) {
            guard let answer = try? await weir.answer("/api/v1/query?\(question)") else { return false }
            return Self.degraded(answer) == ["redis"]
                && WeirInstallation.sum(answer, "count") == Double(Self.services * (Self.old + Self.new))
        }
        try await weir.redis.launch()
        let back = try await Self.whole(question, of: weir)
        #expect(back < Self.toRecover)
        try await eventually("events are taken", deadline: Self.toRecover) {
            try await weir.http.post("/api/v1/events", "{\"service\":\"s0\"}").status == 202
        }
        print("started without stores: status \(took), back \(back)")
        try await weir.stop(front)
    }

    // MARK: Parts

    /// Stores with events of four hours ago, in history, and of now, in both.
    private static func start() async throws -> WeirInstallation {
        let (weir, first) = try await WeirInstallation.start(
            configuration: configuration, redis: RedisServer.Options(appendOnly: .everysec), postgres: .own)
        try await weir.stop(first)
        let (front, worker) = try await run(weir)
        let nowMs = TimeSource.system.wallMs()
        let times = Array(repeating: nowMs - 4 * 3_600_000, count: old) + Array(repeating: nowMs - 90_000, count: new)
        let lines = (0..<services).flatMap { service in
            times.map { "{\"ts\":\($0),\"service\":\"s\(service)\",\"bytes\":10}\n" }
        }
        let sent = try await weir.http.post("/api/v1/events", lines.joined())
        #expect(sent.status == 202, "\(sent.text)")
        try await weir.waitUntilApplied(lines.count)
        try await weir.compact()
        try await weir.stop(worker)
        try await weir.stop(front)
        return weir
    }

    /// A front that has everything in memory, and a worker.
    private static func run(_ weir: WeirInstallation) async throws -> (front: WeirProcess, worker: WeirProcess) {
        let worker = try await weir.startWorker()
        let front = try await weir.startFront()
        try await eventually("the front is ready", deadline: .seconds(30)) {
            try await weir.http.get("/readyz").status == 200
        }
        return (front, worker)
    }

    /// Asks the same by so many clients at once; every one must be answered.
    private static func ask(
        _ question: String, of weir: WeirInstallation, times: Int = 16
    ) async throws -> (answers: [JSON5Value], worst: Duration) {
        try await withThrowingTaskGroup(of: (JSON5Value, Duration).self) { group in
            for _ in 0..<times {
                group.addTask {
                    let began = ContinuousClock.now
                    let answer = try await weir.answer("/api/v1/query?\(question)")
                    return (answer, .now - began)
                }
            }
            return try await group.reduce(into: ([], .zero)) {
                $0.answers.append($1.0)
                $0.worst = max($0.worst, $1.1)
            }
        }
    }

    /// Waits until nothing is missing from the answer, and says how long that took.
    private static func whole(_ question: String, of weir: WeirInstallation) async throws -> Duration {
        let began = ContinuousClock.now
        _ = try await weir.whole("/api/v1/query?\(question)")
        return .now - began
    }

    private static func status(_ weir: WeirInstallation) async throws -> (status: JSON5Value, took: Duration) {
        let began = ContinuousClock.now
        let response = try await weir.http.get("/api/v1/status")
        #expect(response.status == 200, "\(response.text)")
        return (try JSON5.parse(response.body), .now - began)
    }

    private static func breaker(_ store: String, _ weir: WeirInstallation) async throws -> JSON5Value {
        try #require(try await status(weir).status["stores"]?[store]?["breaker"])
    }

    private static func waitFor(_ state: String, of store: String, _ weir: WeirInstallation) async throws {
        try await eventually("the breaker of \(store) is \(state)") {
            try await breaker(store, weir)["state"]?.string == state
        }
    }

    private static func degraded(_ answer: JSON5Value) -> [String]? {
        answer["degraded"]?.elements?.compactMap(\.string)
    }

    private static func tiers(_ answer: JSON5Value) -> [String]? { answer["tiers"]?.elements?.compactMap(\.string) }
}
