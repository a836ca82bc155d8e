import Glibc
import Service

/// Keeps one process running: starts it, waits until it is ready, starts it again when it dies, and stops it.
final class Supervisor: Sendable {
    /// What to run, and how to tell that it runs well.
    struct Plan: Sendable {
        let name: String
        /// What is run; where its lines go is for the supervisor to say.
        let specification: ChildSpecification
        /// Takes each line that it writes.
        let receive: @Sendable (String) -> Void
        /// What asks it to end.
        var stopSignal = SIGTERM
        /// What ends it without delay.
        var killSignal = SIGKILL
        /// By when it must have ended, after the stop of everything began.
        let stopsWithin: Duration
        /// Whether it is ready to be used; asked again and again. It counts as ready once started if nil.
        var isReady: (@Sendable (_ pid: Int32) async -> Bool)?
        /// How long it may take to become ready.
        var patience = Duration.seconds(60)
        /// Whether another attempt may go better after it ended in vain, by its last lines.
        var isWorthRetrying: @Sendable (_ lastLines: [String]) -> Bool = { _ in true }
    }

    private struct State: Sendable {
        var child: ChildProcess?
        var startedAt = ContinuousClock.now
        var lastLines: [String] = []
    }

    private let plan: Plan
    private let logger: Logger
    private let children: LivingChildren
    private let schedule: StopSchedule
    private let state = Lock(State())

    init(_ plan: Plan, logger: Logger, children: LivingChildren, schedule: StopSchedule) {
        self.plan = plan
        self.logger = logger
        self.children = children
        self.schedule = schedule
    }

    /// Starts the process and returns once it is ready.
    func start() async throws {
        var policy = RestartPolicy(longest: .seconds(2))
        let end = ContinuousClock.now + plan.patience
        while true {
            let child = try launch()
            guard let exit = try await exitBeforeReady(child, until: end) else { return }
            try refuseHopeless(exit)
            let lastLines = state.withLock { $0.lastLines }
            guard .now < end, plan.isWorthRetrying(lastLines) else {
                let said = lastLines.isEmpty ? "" : "; it said: " + lastLines.suffix(5).joined(separator: " / ")
                throw StartError(.unavailable, "\(plan.name) cannot start (\(exit))\(said)")
            }
            try await pause(after: child, exit, &policy)
        }
    }

    /// Keeps it running until the task is cancelled; then stops it.
    func run() async throws {
        var policy = RestartPolicy()
        while let child = state.withLock({ $0.child }) {
            guard let exit = await child.wait(), !Task.isCancelled else { return await stop(child) }
            try refuseHopeless(exit)
            do {
                try await pause(after: child, exit, &policy)
                _ = try launch()
            } catch is CancellationError {
                return
            }
        }
    }

    private func launch() throws -> ChildProcess {
        var specification = plan.specification
        let take: @Sendable (String) -> Void = { [weak self, receive = plan.receive] line in
            self?.remember(line)
            receive(line)
        }
        specification.output = .lines(take)
        specification.errors = .lines(take)
        do throws(ChildError) {
            let child = try children.start(specification, killSignal: plan.killSignal)
            state.withLock { $0 = State(child: child) }
            return child
        } catch {
            throw StartError(.unavailable, "\(error)")
        }
    }

    private func remember(_ line: String) {
        state.withLock { state in
            if state.lastLines.count == 20 { state.lastLines.removeFirst() }
            state.lastLines.append(line)
        }
    }

    /// How it ended without becoming ready; nil as soon as it is ready.
    private func exitBeforeReady(_ child: ChildProcess, until end: ContinuousClock.Instant) async throws -> ChildExit? {
        guard let isReady = plan.isReady else { return nil }
        var interval = Duration.milliseconds(5)
        while true {
            if let exit = child.exit { return exit }
            if await isReady(child.pid) { return nil }
            if Task.isCancelled || .now >= end { break }
            try? await Task.sleep(for: interval)
            interval = min(interval * 2, .milliseconds(100))
        }
        let isCancelled = Task.isCancelled
        await stop(child)
        if isCancelled { throw CancellationError() }
        throw StartError(.unavailable, "\(plan.name) was not ready within \(seconds(plan.patience))")
    }

    /// A command line or a configuration that is wrong stays wrong.
    private func refuseHopeless(_ exit: ChildExit) throws {
        guard case .exited(let code) = exit else { return }
        let exitCode = ExitCode(rawValue: code)
        if exitCode == .usage || exitCode == .configuration {
            throw StartError(exitCode, "\(plan.name) cannot run (\(exit)); its own message says why")
        }
    }

    private func pause(after child: ChildProcess, _ exit: ChildExit, _ policy: inout RestartPolicy) async throws {
        guard children.killCode == nil else { throw CancellationError() }
        let lifetime = state.withLock { ContinuousClock.now - $0.startedAt }
        let delay = policy.delay(afterLifetime: lifetime)
        logger.warning(
            "ended and will be started again",
            [
                "part": "\(plan.name)", "pid": .int(child.pid), "how": "\(exit)", "after": "\(seconds(lifetime))",
                "again_in": "\(seconds(delay))",
            ])
        try await Task.sleep(for: delay)
    }

    private func stop(_ child: ChildProcess) async {
        let exit = await child.stop(signal: plan.stopSignal, deadline: schedule.timeLeft(until: plan.stopsWithin))
        if exit == .signalled(SIGKILL), children.killCode == nil {
            logger.warning("did not stop in time and was killed", ["part": "\(plan.name)", "pid": .int(child.pid)])
        }
    }
}
