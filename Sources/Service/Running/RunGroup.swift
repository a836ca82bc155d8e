/// A long-running part of a process, run by a `RunGroup`.
package struct RunPart: Sendable {
    let name: String
    let deadline: Duration
    let executor: (any TaskExecutor)?
    let endsGroup: Bool
    let start: @Sendable () async throws -> Void
    let run: @Sendable () async throws -> Void

    /// Declares a part.
    ///
    /// - Parameters:
    ///   - name: for the log.
    ///   - deadline: how long it may take to stop.
    ///   - executor: where it runs, such as an event loop; the shared pool if nil.
    ///   - endsGroup: whether the process stops when this part is done; a part that fails always stops it.
    ///   - start: what must be done before the next part starts.
    ///   - run: works until its task is cancelled, then cleans up and returns.
    package init(
        _ name: String, deadline: Duration = .seconds(5), executor: (any TaskExecutor)? = nil, endsGroup: Bool = true,
        start: @escaping @Sendable () async throws -> Void = {}, run: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.deadline = deadline
        self.executor = executor
        self.endsGroup = endsGroup
        self.start = start
        self.run = run
    }
}

/// An error that says which code the process ends with; any other ends it with 1.
package protocol ExitCodeError: Error {
    /// What the process ends with.
    var exitCode: ExitCode { get }
}

/// Runs the parts of a process together: starts them in order, and stops them in the reverse order as soon as somebody
/// asks for it, one of them fails, or one whose end is everybody's end is done.
///
/// A part is stopped by cancelling its task. One that is not done by its deadline is named in the log and left behind, since
/// the process is about to exit; all together have `total`.
package final class RunGroup: Sendable {
    private enum Event: Sendable {
        case started(Int)
        case ended(Int, (any Error)?)
        case stopAsked(String)
        case deadline(Int)
    }

    private let logger: Logger
    private let total: Duration
    private let time: TimeSource
    private let events: AsyncStream<Event>
    private let post: AsyncStream<Event>.Continuation

    /// Makes a group that runs nothing yet.
    package init(logger: Logger, total: Duration = .seconds(10), time: TimeSource = .system) {
        self.logger = logger
        self.total = total
        self.time = time
        (events, post) = AsyncStream.makeStream()
    }

    /// Asks all parts to stop; from any thread, also before `run`. Only the first reason is logged.
    package func stop(_ reason: String) { post.yield(.stopAsked(reason)) }

    /// Runs `parts` until all have stopped or been given up, and says how the process should end. Call it once.
    package func run(_ parts: [RunPart]) async -> ExitCode {
        var machine = RunGroupMachine(
            parts: parts.map { RunGroupMachine.Part(deadline: $0.deadline, endsGroup: $0.endsGroup) }, total: total)
        var tasks: [Int: Task<Void, Never>] = [:]
        var isStopping = false
        var actions = machine.begin()
        var incoming = events.makeAsyncIterator()
        while true {
            for action in actions {
                switch action {
                case .start(let index): tasks[index] = launch(parts[index], index)
                case .cancel(let index, let deadline):
                    logger.debug("stopping", ["part": "\(parts[index].name)"])
                    isStopping = true
                    tasks[index]?.cancel()
                    postDeadline(index, after: deadline)
                case .giveUp(let index):
                    logger.error("did not stop in time", ["part": "\(parts[index].name)"])
                case .finish(let code): return code
                }
            }
            guard let event = await incoming.next() else { return .software }
            let nowNs = time.monotonicNs()
            switch event {
            case .started(let index): actions = machine.handle(.started(index), nowNs: nowNs)
            case .deadline(let index): actions = machine.handle(.deadline(index), nowNs: nowNs)
            case .stopAsked(let reason):
                if !isStopping { logger.notice("stopping", ["reason": "\(reason)"]) }
                isStopping = true
                actions = machine.handle(.stopAsked, nowNs: nowNs)
            case .ended(let index, let error):
                actions = machine.handle(
                    .ended(index, failure: failure(of: parts[index], error, isStopping)), nowNs: nowNs)
            }
        }
    }

    private func launch(_ part: RunPart, _ index: Int) -> Task<Void, Never> {
        // Not structured: a part that does not stop must not keep the group from returning.
        Task(executorPreference: part.executor) { [post] in
            do {
                try await part.start()
                post.yield(.started(index))
                try await part.run()
                post.yield(.ended(index, nil))
            } catch {
                post.yield(.ended(index, error))
            }
        }
    }

    private func postDeadline(_ index: Int, after deadline: Duration) {
        Task(executorPreference: nil) { [post] in
            try? await Task.sleep(for: deadline)
            post.yield(.deadline(index))
        }
    }

    private func failure(of part: RunPart, _ error: (any Error)?, _ isStopping: Bool) -> ExitCode? {
        guard let error else {
            logger.debug("done", ["part": "\(part.name)"])
            return nil
        }
        // A task that was cancelled usually says so by this error.
        if isStopping, error is CancellationError { return nil }
        logger.error("failed", ["part": "\(part.name)", "error": "\(error)"])
        return (error as? any ExitCodeError)?.exitCode ?? .failure
    }
}
