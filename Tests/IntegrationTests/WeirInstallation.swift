import Service
import TestKit
import Testing

/// Real stores and the processes of the real executable over them, as a user would run them.
final class WeirInstallation: Sendable {
    /// Which PostgreSQL an installation has.
    enum Postgres {
        /// A database of the server that all tests share.
        case shared
        /// A server of its own, which may be stopped and killed.
        case own
    }

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
        configuration: String? = nil, redis options: RedisServer.Options = .init(), postgres which: Postgres = .shared
    ) async throws -> (WeirInstallation, front: WeirProcess) {
        let redis = try await RedisServer.start(options)
        let postgres =
            switch which {
            case .shared: try await PostgresServer.shared()
            case .own: try await PostgresServer.start()
            }
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
        _ arguments: [String], within deadline: Duration = .seconds(120)
    ) async throws -> (exit: TestKit.ChildProcess.Exit, output: [String], errors: [String]) {
        try await WeirProcess.run(arguments, environment: environment, within: deadline)
    }

    func startFront() async throws -> WeirProcess {
        let front = try WeirProcess(["serve", "--listen", "127.0.0.1:\(port)"], environment: environment)
        _ = try await front.errors.line(containing: "listening", deadline: .seconds(30))
        return front
    }

    func startWorker(_ options: [String] = []) async throws -> WeirProcess {
        let worker = try WeirProcess(
            ["work", "--listen", "127.0.0.1:\(try FreePort.next())"] + options, environment: environment)
        _ = try await worker.errors.line(containing: "listening", deadline: .seconds(30))
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
            let applied = try await redis.connect().command("HGET", "weir:{0}:cursor", "applied")
            return Int(applied.string ?? "") ?? 0 >= count
        }
    }

    /// Stops a process in order.
    func stop(_ process: WeirProcess) async throws {
        process.terminate()
        #expect(try await process.exit(within: .seconds(30)) == .status(0))
    }

    /// A whole pass.
    func compact() async throws {
        let pass = try await run(["compact"])
        #expect(pass.exit == .status(0), "\(pass.errors)")
    }

    /// What psql prints for `text`.
    func sql(_ text: String) async throws -> String { try await postgres.query(text, database: database) }

    /// The rows of a statement, each as its columns.
    func rows(_ sql: String) async throws -> [[String]] {
        try await self.sql(sql).split(separator: "\n").map {
            $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
