import Analytics
import Reactor
import Service
import Wire
import Worker

/// Follows the metrics of the configuration file while the process runs: a change takes effect without a restart.
///
/// A file that cannot be read, or has a mistake in it, is named in the log with all its problems, and changes nothing.
struct ConfigurationWatch: Sendable {
    private static let interval = Duration.seconds(1)
    private static let maxBytes = 4 << 20

    private let path: String?
    private let keeper: DefinitionKeeper
    private let loop: EventLoop
    private let logger: Logger
    /// As it was when the process read it.
    private let first: FileVersion?

    init(_ settings: Settings, keeper: DefinitionKeeper, loop: EventLoop, logger: Logger) {
        path = settings.configuration?.name
        self.keeper = keeper
        self.loop = loop
        self.logger = logger
        first = path.flatMap { FileVersion(path: $0) }
    }

    /// Looks every second until cancelled.
    func run() async throws {
        guard let path else { return }
        var known = first
        while true {
            try await Task.sleep(for: Self.interval)
            guard let version = FileVersion(path: path), version != known else { continue }
            known = version
            guard let metrics = await read(path) else { continue }
            do {
                try await keeper.put(metrics)
                logger.notice("the configuration's metrics have been read anew", ["file": "\(path)"])
            } catch let failure as DefinitionKeeper.Failure {
                logger.error("the changed configuration is not taken", ["file": "\(path)", "reason": "\(failure)"])
            } catch let error as StoreError {
                logger.error("the changed configuration is not taken", ["file": "\(path)", "reason": "\(error)"])
            }
        }
    }

    /// The metrics of the file; nil where it has a problem, which has then been told.
    private func read(_ path: String) async -> [MetricDefinition]? {
        do {
            let text = try await loop.runBlocking("configuration", within: .seconds(10)) {
                Result { () throws(FileError) in try readFile(path, maxBytes: Self.maxBytes) }
            }.get()
            let file = try ConfigurationFile(name: path, text: text)
            guard let list = file.root["metrics"] else { return MetricsSection.builtIn }
            var problems: [MetricDefinitionJSON.Problem] = []
            let metrics = MetricDefinitionJSON.read(list, path: "metrics", problems: &problems)
            for problem in problems {
                logger.error(
                    "the changed configuration is not taken",
                    ["at": "\(path):\(problem.position)", "reason": "\(problem.path): \(problem.detail)"])
            }
            return problems.isEmpty ? metrics : nil
        } catch let error as UsageError {
            logger.error(
                "the changed configuration is not taken", ["reason": "\(error.lines.joined(separator: "; "))"])
        } catch {
            logger.error("the changed configuration is not taken", ["reason": "\(error)"])
        }
        return nil
    }
}
