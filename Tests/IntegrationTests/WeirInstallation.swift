import Service
import TestKit
import Testing

/// Real stores and the processes of the real executable over them, as a user would run them.
final class WeirInstallation: Sendable {
    let redis: RedisServer
    let postgres: PostgresServer
    let database: String
    let port: Int
    let folder: TemporaryFolder
    let configuration: String?
    let http: HTTPClient

    private init(
        _ redis: RedisServer, _ postgres: PostgresServer, _ database: String, configuration text: String?
    ) throws {
        self.redis = redis
        self.postgres = postgres
        self.database = database
        port = try FreePort.next()
        let folder = try TemporaryFolder("weir")
        self.folder = folder
        configuration = try text.map { try folder.write($0, to: "weir.json5") }
        http = HTTPClient(port: port)
    }

    /// Starts the stores, migrates, loads the functions, and starts a front.
    static func start(
        configuration: String? = nil, redis options: RedisServer.Options = .init()
    ) async throws -> (WeirInstallation, front: WeirProcess) {
        let redis = try await RedisServer.start(options)
        let postgres = try await PostgresServer.shared()
        let database = try await postgres.createDatabase()
        let installation = try WeirInstallation(redis, postgres, database, configuration: configuration)
        let migrated = try await installation.run(["migrate"])
        #expect(migrated.exit == .status(0), "\(migrated.errors)")
        let front = try await installation.startFront()
        return (installation, front)
    }

    var environment: [String: String] {
        var variables = ["WEIR_REDIS_URL": redis.url(), "WEIR_POSTGRES_URL": postgres.url(database: database)]
        if let configuration { variables["WEIR_CONFIG"] = configuration }
        variables["WEIR_URL"] = "http://127.0.0.1:\(port)"
        return variables
    }

    func run(
        _ arguments: [String], within deadline: Duration = .seconds(60)
    ) async throws -> (exit: TestKit.ChildProcess.Exit, output: [String], errors: [String]) {
        try await WeirProcess.run(arguments, environment: environment, within: deadline)
    }

    func startFront() async throws -> WeirProcess {
        let front = try WeirProcess(["serve", "--listen", "127.0.0.1:\(port)"], environment: environment)
        _ = try await front.errors.line(containing: "listening", deadline: .seconds(20))
        return front
    }

    func startWorker(_ options: [String] = []) async throws -> WeirProcess {
        let worker = try WeirProcess(
            ["work", "--listen", "127.0.0.1:\(try FreePort.next())"] + options, environment: environment)
        _ = try await worker.errors.line(containing: "listening", deadline: .seconds(20))
        return worker
    }

    /// An answer of the query API.
    func query(_ parameters: String) async throws -> JSON5Value {
        let response = try await http.get("/api/v1/query?\(parameters)", within: .seconds(30))
        #expect(response.status == 200, "\(response.text)")
        return try JSON5.parse(response.body)
    }

    /// The sum of the counts of each series, by the value of `label`.
    func totals(_ parameters: String, by label: String, aggregation: String = "count") async throws -> [String: Int] {
        let answer = try await query("\(parameters)&by=\(label)&limit=1000")
        #expect(answer["truncated"] == nil)
        var totals: [String: Int] = [:]
        for series in answer["series"]?.elements ?? [] {
            let value = series["labels"]?[label]?.string ?? ""
            totals[value, default: 0] += (series[aggregation]?.elements ?? []).reduce(0) {
                $0 + Int($1.number ?? 0)
            }
        }
        return totals
    }

    /// Waits until so many events have been applied.
    func waitUntilApplied(_ count: Int, deadline: Duration = .seconds(60)) async throws {
        try await eventually("\(count) events are applied", deadline: deadline) {
            let probe = try await redis.connect()
            let hour = TimeSource.system.wallMs() / 3_600_000 * 3_600
            var applied = 0
            for hour in [hour - 3_600, hour] {
                applied += try await probe.command("HGET", "weir:{0}:audit:\(hour)", "applied").int ?? 0
            }
            return applied >= count
        }
    }
}
