import Analytics
import Doctor
import Front
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service
import WebClient
import Wire

/// Gathers what there is to know of an installation, all at the same time, and has it judged.
struct Examination: Sendable {
    /// What was found.
    struct Result: Sendable {
        var report: Report
        /// A store could not be asked.
        var isStoreAway: Bool
    }

    private let settings: Settings
    private let loop: EventLoop
    private let timeout: Duration
    private let addresses: (redis: String, postgres: String)

    /// Throws `StartError` where the folder that is named has no stores that run.
    init(_ settings: Settings, loop: EventLoop) throws(StartError) {
        self.settings = settings
        addresses =
            try settings[DoctorCommand.data].map { data throws(StartError) in try StoreFolders.addresses(of: data) }
            ?? (settings[Shared.redis], settings[Shared.postgres])
        self.loop = loop
        timeout = settings[DoctorCommand.timeout]
    }

    /// Takes twice the timeout at most, whatever the stores do.
    func run() async -> Result {
        let made = redisClient()
        let redis = try? made.get()
        async let askedRedis = facts(of: made)
        async let askedPostgres = postgresFacts()
        async let askedFront = frontCheck()
        let (recent, history) = (await askedRedis, await askedPostgres)
        var checks = configuration()
        var clocks: [(store: String, clock: ClockReading)] = []
        let partitions = (try? recent.get())?.partitions ?? []
        switch recent {
        case .success(let facts):
            checks += RedisChecks.checks(
                facts, known: "\(RedisScripts.version)", configured: MetricsSection.metrics(settings))
            clocks.append(("Redis", facts.clock))
        case .failure(let error): checks.append(away("redis", "Redis", error))
        }
        let nowMs = TimeSource.system.wallMs()
        switch history {
        case .success(let facts):
            checks += PostgresChecks.checks(facts, nowMs: nowMs)
            clocks.append(("PostgreSQL", facts.clock))
        case .failure(let error): checks.append(away("postgres", "PostgreSQL", error))
        }
        if let check = FlowChecks.clocks(clocks) { checks.append(check) }
        if let check = FlowChecks.worker(partitions) { checks.append(check) }
        if let held = (try? history.get())?.history {
            checks.append(FlowChecks.compaction(held, partitions, nowMs: nowMs))
            if let redis, !partitions.isEmpty { checks.append(await storesCheck(partitions, redis)) }
        }
        if let check = await askedFront { checks.append(check) }
        await redis?.close()
        return Result(report: Report(checks), isStoreAway: recent.isFailure || history.isFailure)
    }

    // MARK: Configuration

    /// The settings were checked before this began; what they point to was not.
    private func configuration() -> [Check] {
        let count = MetricsSection.metrics(settings).count
        let file = settings.configuration?.name ?? "built-in defaults"
        var checks = [Check.ok("configuration", "\(file), \(count) metrics")]
        guard let path = settings[ServeCommand.tokens] else { return checks }
        do {
            _ = try ServeCommand.readTokens(settings)
            checks.append(.ok("tokens", path))
        } catch {
            checks.append(
                .fail("tokens", "\(error)", mend: "one \"scope token\" a line, in a file that weir serve may read"))
        }
        return checks
    }

    // MARK: Stores

    private static let address = "read address"

    private func redisClient() -> Swift.Result<RedisClient, StoreError> {
        do throws(RedisError) {
            var configuration = RedisConfiguration(url: try RedisURL(addresses.redis))
            configuration.clientName = "weir-doctor"
            configuration.connectTimeout = timeout
            configuration.commandTimeout = timeout
            return .success(RedisClient(configuration, loop: loop))
        } catch {
            return .failure(StoreError(.rejected, store: "redis", operation: Self.address, detail: error.detail))
        }
    }

    private func facts(of redis: Swift.Result<RedisClient, StoreError>) async -> Swift.Result<RedisFacts, StoreError> {
        let client: RedisClient
        switch redis {
        case .success(let made): client = made
        case .failure(let error): return .failure(error)
        }
        await client.start()
        return await within("redis") { () throws(StoreError) in
            if let reason = await failure(ofFirst: client) { throw StoreError(reason) }
            return try await RedisExaminer(client: client).facts()
        }
    }

    /// Why the first attempt to connect failed; nil where it did not. Later ones would only hide the reason.
    private func failure(ofFirst client: RedisClient) async -> RedisError? {
        for await state in await client.states() {
            switch state {
            case .connected: return nil
            case .disconnected(let error): if error != RedisClient.notStarted { return error }
            }
        }
        return nil
    }

    private func postgresFacts() async -> Swift.Result<PostgresFacts, StoreError> {
        await within("postgres") { () throws(StoreError) in try await examiner().facts() }
    }

    private func examiner() throws(StoreError) -> PostgresExaminer {
        do throws(PostgresError) {
            var configuration = try PostgresConfiguration(addresses.postgres)
            configuration.applicationName = "weir-doctor"
            configuration.connectTimeout = timeout
            configuration.statementTimeout = timeout
            // A server that does not answer would not answer a request to cancel either, and that would block a thread.
            configuration.cancelGrace = .zero
            return PostgresExaminer(configuration, loop: loop)
        } catch {
            throw StoreError(.rejected, store: "postgres", operation: Self.address, detail: error.message)
        }
    }

    /// Reads PostgreSQL once more, and then Redis: see `FlowChecks.stores`.
    private func storesCheck(_ partitions: [RedisFacts.Partition], _ redis: RedisClient) async -> Check {
        let read = await within("stores") { () throws(StoreError) in
            let known = try await examiner().cursors()
            return (known, try await RedisExaminer(client: redis).states().map(\.cursor))
        }
        switch read {
        case .success(let (known, cursors)):
            return FlowChecks.stores(watermarks: partitions.map(\.state.watermarkMs), known: known, cursors: cursors)
        case .failure(let error):
            return .fail("stores", "they cannot be compared: \(error)", mend: "try again")
        }
    }

    private func away(_ name: String, _ title: String, _ error: StoreError) -> Check {
        let (variable, setting): (String, any AnySetting) =
            name == "redis" ? ("WEIR_REDIS_URL", Shared.redis) : ("WEIR_POSTGRES_URL", Shared.postgres)
        if error.operation == Self.address {
            return .fail(name, "\(variable): \(error.detail)", mend: "weir doctor --help shows how it is written")
        }
        // What the server itself says, and not the system.
        if error.code == .rejected || error.code == .incompatible || error.detail.contains("FATAL:") {
            return .fail(
                name, "\(title) refuses: \(error.detail)",
                mend: "give \(variable) a user, a password and a database that it knows")
        }
        let hint = settings.origin(of: setting) == .builtIn ? "; under weir up say --data FOLDER" : ""
        return .fail(
            name, "\(title) does not answer: \(error.detail)",
            mend: "start it, or say by \(variable) where it is\(hint)")
    }

    // MARK: The front

    private func frontCheck() async -> Check? {
        guard settings.origin(of: Shared.url) != .builtIn else { return nil }
        guard let endpoint = HTTPEndpoint(settings[Shared.url]) else {
            return .fail(
                "front", "\"\(settings[Shared.url])\" is no address", mend: "write it as in http://127.0.0.1:8080")
        }
        var configuration = HTTPClientConfiguration()
        configuration.timeout = timeout
        configuration.connectTimeout = timeout
        let client = HTTPClient(loop: loop, endpoint: endpoint, configuration: configuration)
        var request = HTTPClientRequest(.get, "/api/v1/status")
        if let token = settings[Shared.token] { request.fields.append("Authorization", "Bearer \(token)") }
        do {
            let ready = try await client.send(HTTPClientRequest(.get, "/readyz"))
            let status = try await client.send(request)
            await client.close()
            return FrontChecks.check(
                FrontFacts(
                    address: "\(endpoint)", unreadyReasons: Self.unreadyReasons(ready), status: Self.status(status)),
                version: Weir.version)
        } catch {
            return .fail(
                "front", "\(endpoint) does not answer: \(error)",
                mend: "start weir serve, or say by WEIR_URL or --url where it is")
        }
    }

    /// `not ready: …`, a line each; whatever else an address answers is told by its status.
    private static func unreadyReasons(_ response: HTTPClientResponse) -> [String] {
        let start = "not ready: "
        guard response.status.code == 503 else { return [] }
        return response.text.split(whereSeparator: \.isNewline).map { line in
            String(line.hasPrefix(start) ? line.dropFirst(start.count) : line)
        }
    }

    private static func status(_ response: HTTPClientResponse) -> FrontFacts.Status {
        let body = try? JSON5.parse(response.body)
        guard response.status.code == 200, let body, let version = body["version"]?.string else {
            return .refused(response.status.code, body?["detail"]?.string ?? response.status.description)
        }
        return .known(version: version, degraded: body["degraded"]?.elements?.compactMap(\.string) ?? [])
    }

    // MARK: Time

    /// Runs `body`, and gives it up after the timeout.
    private func within<Success: Sendable>(
        _ store: StaticString, _ body: @escaping @Sendable () async throws(StoreError) -> Success
    ) async -> Swift.Result<Success, StoreError> {
        await withTaskGroup(of: Swift.Result<Success, StoreError>?.self) { group in
            group.addTask {
                do throws(StoreError) { return .success(try await body()) } catch { return .failure(error) }
            }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
                ?? .failure(
                    StoreError(.timedOut, store: store, operation: "examine", detail: "no answer within \(timeout)"))
        }
    }
}

extension Swift.Result {
    fileprivate var isFailure: Bool {
        if case .failure = self { true } else { false }
    }
}
