import Service
import TestKit
import Testing

/// What containers need of the processes: secrets in files, stores that come later, and a front that leaves in order.
@Suite("Deployment", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(2)))
struct DeploymentTests {
    @Test func migrateWaitsForItsStoreAndReadsSecretsFromFiles() async throws {
        let postgres = try await PostgresServer.start()
        let database = try await postgres.createDatabase()
        try await postgres.stop()
        let folder = try TemporaryFolder("secrets")
        let variables = [
            "WEIR_POSTGRES_URL_FILE": try folder.write(postgres.url(database: database) + "\n", to: "postgres_url")
        ]
        let short = try await WeirProcess.run(["migrate", "--wait", "300ms"], environment: variables)
        #expect(short.exit == .status(69), "the wait has an end")

        let migrate = try WeirProcess(["migrate", "--wait", "60s"], environment: variables)
        _ = try await migrate.errors.line(containing: "waiting for postgres", deadline: .seconds(20))
        try await postgres.launch()
        #expect(try await migrate.exit(within: .seconds(60)) == .status(0), "\(migrate.errors.lines)")
    }

    @Test func scriptsLoadWaitsForItsStore() async throws {
        let redis = try await RedisServer.start()
        try await redis.stop()
        let load = try WeirProcess(
            ["scripts", "load", "--wait", "60s"], environment: ["WEIR_REDIS_URL": redis.url()])
        _ = try await load.errors.line(containing: "waiting for redis", deadline: .seconds(20))
        try await redis.launch()
        #expect(try await load.exit(within: .seconds(60)) == .status(0), "\(load.errors.lines)")
        let version = try await redis.connect().command("FCALL_RO", "weir_version", "0")
        #expect(version.string?.isEmpty == false)
    }

    @Test func aFrontThatDrainsAnswersButIsNotReady() async throws {
        let (weir, first) = try await WeirInstallation.start()
        try await weir.stop(first)
        let front = try WeirProcess(
            ["serve", "--listen", "127.0.0.1:\(weir.port)", "--drain", "5s"], environment: weir.environment)
        _ = try await front.errors.line(containing: "listening", deadline: .seconds(30))
        try await eventually("it is ready", deadline: .seconds(30)) {
            (try? await weir.http.get("/readyz"))?.status == 200
        }
        let metrics = try await weir.http.get("/metrics").text
        for name in ["weir_build_info{version=", "weir_http_max_connections ", "weir_ingest_received_bytes_total "] {
            #expect(metrics.contains("\n\(name)"), "\(name)")
        }
        front.terminate()
        _ = try await front.errors.line(containing: "draining", deadline: .seconds(20))
        let ready = try await weir.http.get("/readyz")
        #expect(ready.status == 503 && ready.text == "not ready: this front is stopping\n")
        #expect(try await weir.http.get("/healthz").status == 200)
        let posted = try await weir.http.post("/api/v1/events", #"{"service":"a"}"#)
        #expect(posted.status == 202, "what comes meanwhile is taken")
        #expect(try await front.exit(within: .seconds(20)) == .status(0))
    }
}
