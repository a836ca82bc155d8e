import Analytics
import Front
import Postgres
import PostgresStore
import Service
import TestKit
import Testing

/// Stream partitions, a worker, fronts, and query engines of the test's own over the same stores.
final class CaseInstallation: Sendable {
    private let partitions: Int
    let redis: RedisServer
    private let postgres: PostgresServer
    private let database: String
    private let folder: TemporaryFolder
    private let environment: [String: String]
    private let fixture: RedisFixture
    private let pool: PostgresPool
    /// Without memory; and without history besides.
    let storesOnly: QueryEngine
    let redisOnly: QueryEngine

    init(configuration: String = RawEvents.configuration, partitions: Int = 3) async throws {
        self.partitions = partitions
        redis = try await RedisServer.start()
        postgres = try await PostgresServer.shared()
        database = try await postgres.createDatabase()
        folder = try TemporaryFolder("weir")
        let url = postgres.url(database: database)
        environment = [
            "WEIR_REDIS_URL": redis.url(), "WEIR_POSTGRES_URL": url, "WEIR_PARTITIONS": "\(partitions)",
            "WEIR_CONFIG": try folder.write(configuration, to: "weir.json5"),
        ]
        fixture = try await RedisFixture.start(url: redis.url(), name: "cases")
        pool = PostgresPool(PostgresPoolConfiguration(try PostgresConfiguration(url)), loop: fixture.loop)
        storesOnly = QueryEngine(
            executor: fixture.loop, recent: fixture.recentStore, history: PostgresHistoryStore(pool: pool))
        redisOnly = QueryEngine(executor: fixture.loop, recent: fixture.recentStore, history: nil)
        try await run(["migrate"])
    }

    /// An engine without memory whose stores are counted.
    func engine(counting work: StoreWork) -> QueryEngine {
        QueryEngine(
            executor: fixture.loop, recent: CountedRecent(store: fixture.recentStore, work: work),
            history: CountedHistory(store: PostgresHistoryStore(pool: pool), work: work))
    }

    /// Runs a command that must succeed.
    func run(_ arguments: [String]) async throws {
        let done = try await WeirProcess.run(arguments, environment: environment, within: .seconds(120))
        try #require(done.exit == .status(0), "\(arguments): \(done.errors)")
    }

    func sql(_ text: String) async throws -> String { try await postgres.query(text, database: database) }

    func startWorker() async throws -> WeirProcess { try await start("work", try FreePort.next()) }

    func startFront(_ port: Int, _ options: [String] = []) async throws -> WeirProcess {
        try await start("serve", port, options)
    }

    private func start(_ command: String, _ port: Int, _ options: [String] = []) async throws -> WeirProcess {
        let process = try WeirProcess(
            [command, "--listen", "127.0.0.1:\(port)"] + options, environment: environment)
        _ = try await process.errors.line(containing: "listening", deadline: .seconds(30))
        return process
    }

    /// How many commands Redis has run, those of functions too.
    func redisCommandCount() async throws -> Int {
        let info = try await redis.connect().command("INFO", "commandstats").string ?? ""
        return info.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard let calls = line.firstRange(of: "calls=") else { return sum }
            return sum + (Int(line[calls.upperBound...].prefix { $0.isNumber }) ?? 0)
        }
    }

    /// Ends the processes and lets go of the stores.
    func stop(_ processes: [WeirProcess]) async throws {
        for process in processes { process.terminate() }
        for process in processes { #expect(try await process.exit(within: .seconds(30)) == .status(0)) }
        await pool.close()
        await fixture.stop()
    }

    /// Sends events, some 150 a request, under keys that spread them over the partitions.
    func send(_ events: [RawEvent], to port: Int, key: String, _ rng: inout SplitMix64) async throws {
        let http = HTTPClient(port: port)
        var rest = events[...]
        while !rest.isEmpty {
            let body = rest.prefix(150).map { RawEvents.line($0, &rng) }.joined()
            let answer = try await http.post(
                "/api/v1/events", body, headers: ["Idempotency-Key": "\(key)-\(rest.count)"], within: .seconds(30))
            try #require(answer.status == 202 && answer.text.contains("\"rejected\":0"), "\(answer.text)")
            rest = rest.dropFirst(150)
        }
    }

    /// Waits until the worker has applied so many events: only then are all of them there to be compacted.
    func waitUntilApplied(_ count: Int) async throws {
        let probe = try await redis.connect()
        try await eventually("\(count) events are applied", deadline: .seconds(60)) {
            var applied = 0
            for partition in 0..<partitions {
                let text = try await probe.command("HGET", "weir:{\(partition)}:cursor", "applied").string
                applied += text.flatMap { Int($0) } ?? 0
            }
            return applied == count
        }
    }

    /// Waits until a front answers with all of `events`, each of which was applied and, if it is old, compacted.
    func waitUntilAnswered(_ events: [RawEvent], by port: Int, nowMs: Int64) async throws {
        var question = RawQuestion(
            metric: RawMetric.all[0], fromMs: nowMs - 7 * RawQuestion.dayMs, toMs: nowMs + 600_000)
        question.stepMs = 60_000
        var problem: String?
        try await eventually("the front knows the metrics", deadline: .seconds(60)) {
            try await HTTPClient(port: port).get("/api/v1/metrics").text.contains(
                "\"\(RawMetric.all.last?.name ?? "")\"")
        }
        do {
            try await eventually("all \(events.count) events are answered", deadline: .seconds(60)) {
                let answer = try await ask(question, of: HTTPClient(port: port))
                problem = answer.problem(question, events, coarser: RawQuestion.steps)
                return problem == nil
            }
        } catch {
            throw TestKitError("\(error): \(problem ?? "")")
        }
    }

    /// Asks a front by HTTP.
    func ask(_ question: RawQuestion, of http: HTTPClient) async throws -> RawAnswer {
        let response = try await http.get(question.target, within: .seconds(30))
        guard response.status == 200 else { throw TestKitError("\(response.status) \(response.text)") }
        return try RawAnswer(response.body, of: question)
    }

    /// Asks an engine without memory.
    func ask(_ question: RawQuestion, of engine: QueryEngine, nowMs: Int64) async throws -> RawAnswer {
        let definition = try #require(try await engine.definitions()[question.metric.name])
        var texts = Query.Texts()
        if !question.aggregations.isEmpty { texts.aggregations = question.aggregations.joined(separator: ",") }
        texts.by = question.by.map { RawEvents.labelNames[$0] }.joined(separator: ",")
        texts.from = "\(question.fromMs)"
        texts.to = "\(question.toMs)"
        texts.step = question.stepText
        texts.limit = question.limit.map { "\($0)" }
        texts.fill = question.fillsZero ? "zero" : nil
        for condition in question.filterTexts {
            texts.filter.add(label: condition.label, patterns: condition.patterns)
        }
        return try RawAnswer(
            try await engine.answer(try Query(metric: definition, texts, nowMs: nowMs)), of: question)
    }
}
