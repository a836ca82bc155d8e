import Producer
import Reactor
import Service
import Synchronization
import WebClient

/// `weir generate`: synthetic log events.
enum GenerateCommand {
    static let listen = Shared.operationListen(port: 8082)
    static let rate = Setting(
        "rate", .double(0.1...1e6, "EVENTS"), default: 100, key: "generate.rate", help: "Events a second.")
    static let seed = Setting(
        "seed", .int(0 ... .max), default: 1, help: "The same seed makes the same events.")
    static let steady = Setting(flag: "steady", help: "An even rate, without the daily rhythm.")

    static let command = Command(
        "generate", summary: "makes synthetic log events",
        details: "Sends the traffic of a made-up shop through the ingest API: several services and endpoints, a daily "
            + "rhythm, slow tails, and an incident now and then.",
        settings: [Shared.url, Shared.token, rate, seed, steady, listen])

    static func run(_ settings: Settings) async -> ExitCode {
        let logger = settings.logger("generate")
        do {
            let loop = try EventLoop.start(name: "generate")
            let client = try frontClient(settings, loop: loop)
            let registry = MetricsRegistry()
            registry.addProcessMetrics()
            registry.addBuildInfo()
            registry.addLoopDelay(loop)
            var configuration = GeneratorConfiguration()
            configuration.rate = settings[rate]
            configuration.seed = UInt64(settings[seed])
            if settings[steady] { configuration.rhythm = 0 }
            let generator = GeneratorRun(
                configuration, sink: HTTPEventSink(client: client, token: settings[Shared.token]), retry: RetryPolicy(),
                time: .system, pause: { try await Task.sleep(for: $0) }, metrics: GeneratorMetrics(registry),
                runID: SendPipeline.randomRunID(), onNotice: { logger.notice($0.text) })
            let parts = [
                OperationServer.part(
                    on: settings[listen], loop: loop, registry: registry, logger: logger, unreadyReasons: { [] }),
                RunPart("generator", executor: loop) {
                    let ending = await withTaskCancellationHandler {
                        await generator.run()
                    } onCancel: {
                        generator.stop()
                    }
                    if let problem = ending.problem {
                        throw StartError(ExitCode(rawValue: ending.exitCode), problem)
                    }
                },
            ]
            return await runParts(parts, logger: logger)
        } catch {
            complain("generate", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .configuration
        }
    }
}
