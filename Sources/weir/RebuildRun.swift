import Analytics
import PostgresStore
import Reactor
import Service

/// `weir compact --rebuild`: rolls hours or days of a range up anew.
struct RebuildRun {
    private let resolution: HistoryResolution
    private let fromMs: Int64
    private let toMs: Int64
    private let nowMs: Int64
    private let history: PostgresHistoryWriter
    private let logger: Logger

    /// Takes the range from settings that were checked.
    init(_ settings: Settings, _ resolution: HistoryResolution, _ history: PostgresHistoryWriter, _ logger: Logger) {
        self.resolution = resolution
        self.history = history
        self.logger = logger
        let nowMs = TimeSource.system.wallMs()
        self.nowMs = nowMs
        func time(_ text: String?) -> Int64 { text.flatMap { TimeExpression.parse($0, nowMs: nowMs) } ?? nowMs }
        fromMs = StepLadder.floor(time(settings[CompactCommand.from]), resolution.ms)
        toMs = min(StepLadder.ceiling(time(settings[CompactCommand.to]), resolution.ms), nowMs)
    }

    /// 0 done, 75 where a pass is under way, 69 where PostgreSQL is out of reach, 64 where the range is no longer held, else 1.
    func run(on loop: EventLoop) async -> ExitCode {
        let progress = Lock((done: 0, total: max(Int((toMs - fromMs) / resolution.ms), 0)))
        let bar = ProgressBar.start(on: loop) { [resolution] width in
            CompactCommand.progressText(progress.withLock { $0 }, of: "\(resolution.rawValue)s", width: width)
        }
        let code = await rebuild { progress.withLock { $0.done += 1 } }
        bar.cancel()
        _ = await bar.result
        return code
    }

    private func rebuild(onBucket: () -> Void) async -> ExitCode {
        do throws(StoreError) {
            guard let pass = try await history.beginPass() else {
                logger.notice("a pass of the compaction is under way")
                return .tryLater
            }
            do throws(StoreError) {
                let code = try await rebuild(pass, onBucket: onBucket)
                await pass.end()
                return code
            } catch {
                await pass.end()
                throw error
            }
        } catch {
            logger.error("PostgreSQL failed; what was rebuilt stays", ["reason": "\(error)"])
            return error.code == .unavailable || error.code == .timedOut ? .unavailable : .failure
        }
    }

    private func rebuild(_ pass: any HistoryPass, onBucket: () -> Void) async throws(StoreError) -> ExitCode {
        let held = try await pass.held(nowMs: nowMs)
        let heldFromMs = resolution == .day ? held.hoursFromMs : held.minutesFromMs
        guard fromMs >= heldFromMs else {
            logger.error(
                "what the first \(resolution.rawValue)s were made of is no longer held; nothing was rebuilt: begin later",
                ["held_from_ms": .int(Int(heldFromMs))])
            return .usage
        }
        var count = 0
        for bucketMs in stride(from: fromMs, to: toMs, by: Int(resolution.ms)) {
            if try await pass.rebuild(resolution, bucketMs: bucketMs) > 0 { count += 1 }
            onBucket()
        }
        logger.info("rebuilt \(count) \(resolution.rawValue)s", ["rebuilt": .int(count)])
        return .success
    }
}
