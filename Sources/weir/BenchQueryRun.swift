import Bench
import Glibc
import Reactor
import Service
import WebClient
import Wire

/// Finds out what can be asked, asks it, and says what it cost.
final class BenchQueryRun: Sendable {
    private let settings: Settings
    private let loop: EventLoop
    private let front: FrontRequest
    private let load: QueryLoad

    /// - Throws: where the address is none.
    init(_ settings: Settings, loop: EventLoop) throws {
        self.settings = settings
        self.loop = loop
        front = FrontRequest(client: try frontClient(settings, loop: loop), token: settings[Shared.token])
        var configuration = QueryLoadConfiguration()
        configuration.duration = settings[BenchQueryCommand.duration]
        configuration.warmUp = settings[BenchQueryCommand.warmUp]
        configuration.rate = settings[BenchQueryCommand.rate]
        configuration.seed = UInt64(settings[BenchQueryCommand.seed])
        load = QueryLoad(configuration, pause: { try await Task.sleep(for: $0) })
    }

    /// Ends early; what was measured is reported. From any thread.
    func stop() { load.stop() }

    /// Asks everything, one after the other.
    ///
    /// - Throws: `StartError` where the front cannot be asked what it has, or has nothing to ask for.
    func run() async throws -> QueryReport {
        var report = QueryReport(
            server: "\(front.client.endpoint)", clients: settings[BenchQueryCommand.clients],
            rate: settings[BenchQueryCommand.rate])
        let asked =
            settings[BenchQueryCommand.ask].isEmpty
            ? [QuestionPreset.dashboard.rawValue] : settings[BenchQueryCommand.ask]
        let presets = asked.compactMap(QuestionPreset.init)
        let catalog = presets.contains { $0 != .healthz } ? try await readCatalog() : nil
        var connection = HTTPClientConfiguration()
        connection.maxConnections = 1
        connection.acceptsGzip = settings[BenchQueryCommand.gzip]
        var askers: [HTTPAsker] = []
        for _ in 0..<report.clients {
            let client = try frontClient(settings, loop: loop, configuration: connection)
            askers.append(HTTPAsker(client: client, token: front.token))
        }
        for one in asked where !load.isStopped {
            report.add(try await measure(one, catalog, askers))
        }
        for asker in askers { await asker.client.close() }
        return report
    }

    private func measure(_ asked: String, _ catalog: FrontCatalog?, _ askers: [HTTPAsker]) async throws
        -> QueryReport.Run
    {
        let questions = try questions(asked, catalog)
        let bar = ProgressBar.start(on: loop) { [load] _ in "\(asked): \(load.counted) answers" }
        let (ownBefore, frontBefore) = (Self.ownCPUSeconds(), await frontCPUSeconds())
        let began = ContinuousClock.now
        let result = await load.run(questions, askers: askers)
        let whole = (ContinuousClock.now - began) / .seconds(1)
        let (own, front) = (Self.ownCPUSeconds(), await frontCPUSeconds())
        bar.cancel()
        _ = await bar.result
        return QueryReport.Run(
            asked: asked, questions: questions, result: result, wholeSeconds: whole, clientCPUSeconds: own - ownBefore,
            frontCPUSeconds: zip(front, frontBefore).map { $0 - $1 })
    }

    private func questions(_ asked: String, _ catalog: FrontCatalog?) throws(StartError) -> [Question] {
        if asked.hasPrefix("/") { return [Question(asked, targets: [asked])] }
        if asked.hasPrefix("@") {
            let bytes: [UInt8]
            do {
                bytes = try readFile(String(asked.dropFirst()))
            } catch {
                throw StartError(.noInput, "--ask: \(error)")
            }
            guard let question = Question(asked, lines: String(decoding: bytes, as: UTF8.self)) else {
                throw StartError(
                    .dataError, "--ask: \(asked.dropFirst()) must have a path that begins with / on each line")
            }
            return [question]
        }
        guard let preset = QuestionPreset(rawValue: asked) else { preconditionFailure("checked with the settings") }
        return preset.questions(catalog)
    }

    private func readCatalog() async throws -> FrontCatalog {
        let endpoint = front.client.endpoint
        let notUs = StartError(.protocolError, "\(endpoint): the answer is none of Weir's API")
        guard let metrics = FrontCatalog.metrics(try await front.send(.get, "/api/v1/metrics")) else { throw notUs }
        let name = settings[BenchQueryCommand.metric]
        let chosen = name == nil ? FrontCatalog.preferred(of: metrics) : metrics.first { $0.name == name }
        guard let chosen else {
            let names = metrics.map(\.name).joined(separator: ", ")
            throw StartError(.usage, "--metric: there is no metric \"\(name ?? "")\"; there are \(names)")
        }
        let answer = try await front.send(.get, FrontCatalog.seriesTarget(of: chosen.name))
        guard let series = FrontCatalog.series(answer) else { throw notUs }
        guard !series.isEmpty else {
            throw StartError(
                .failure, "\(endpoint): \(chosen.name) has no series yet; send events first, as with weir generate")
        }
        return FrontCatalog(metrics: metrics, metric: chosen, series: series)
    }

    // MARK: CPU

    /// CPU that this process has used, user and system, in seconds.
    private static func ownCPUSeconds() -> Double {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// CPU that the front says it has used, in seconds; nil where it does not say.
    private func frontCPUSeconds() async -> Double? {
        guard let text = try? await front.answer(.get, "/metrics").text else { return nil }
        let name = "process_cpu_seconds_total "
        return text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Double($0.dropFirst(name.count)) }
    }
}

/// A client of a load: one connection.
struct HTTPAsker: QuestionAsker {
    let client: HTTPClient
    let token: String?

    func ask(_ target: String) async throws(AskError) -> Answer {
        var request = HTTPClientRequest(.get, target)
        if let token { request.fields.append("Authorization", "Bearer \(token)") }
        do throws(HTTPClientError) {
            let response = try await client.send(request)
            return Answer(status: response.status.code, body: response.body)
        } catch {
            throw AskError(error.detail)
        }
    }
}

/// Both, where both are there.
private func zip(_ one: Double?, _ other: Double?) -> (Double, Double)? {
    guard let one, let other else { return nil }
    return (one, other)
}
