import Glibc
import Service

/// All processes that `weir up` has started and that still run.
final class LivingChildren: Sendable {
    private struct Child: Sendable {
        let process: ChildProcess
        let killSignal: Int32
    }

    private struct State: Sendable {
        var children: [Child] = []
        var killCode: ExitCode?
    }

    private let state = Lock(State())

    /// What the process ends with once its children are being killed; none is started any more then.
    var killCode: ExitCode? { state.withLock { $0.killCode } }

    /// Starts a child and knows it from then on; `killSignal` is what ends it without delay.
    func start(_ specification: ChildSpecification, killSignal: Int32 = SIGKILL) throws(ChildError) -> ChildProcess {
        let process = try ChildProcess(specification)
        let isKilling = state.withLock { state in
            state.children.removeAll { $0.process.exit != nil }
            state.children.append(Child(process: process, killSignal: killSignal))
            return state.killCode != nil
        }
        if isKilling { process.send(SIGKILL, toGroup: true) }
        return process
    }

    /// Runs a child to its end; one that is cancelled meanwhile is stopped.
    func run(_ specification: ChildSpecification) async throws -> ChildExit {
        let child: ChildProcess
        do throws(ChildError) {
            child = try start(specification)
        } catch {
            throw StartError(.unavailable, "\(error)")
        }
        if let exit = await child.wait() { return exit }
        _ = await child.stop(deadline: .seconds(2))
        throw CancellationError()
    }

    /// Runs a child to its end; all that it wrote, if it ended well.
    func output(of arguments: [String]) async -> String? {
        let lines = Lock<[String]>([])
        let take: @Sendable (String) -> Void = { line in lines.withLock { $0.append(line) } }
        let specification = ChildSpecification(arguments, output: .lines(take), errors: .discard)
        guard let exit = try? await run(specification), exit == .exited(0) else { return nil }
        return lines.withLock { $0.joined(separator: "\n") }
    }

    /// Kills what still runs and leaves; called on the thread of the signals.
    func killAll(thenLeave code: ExitCode) {
        let living = state.withLock { state in
            state.killCode = code
            return state.children
        }
        for child in living { child.process.send(child.killSignal) }
        waitBriefly(for: living)
        for child in living { child.process.send(SIGKILL, toGroup: true) }
        waitBriefly(for: living)
        _exit(code.rawValue)
    }

    private func waitBriefly(for living: [Child]) {
        for _ in 0..<100 where living.contains(where: { $0.process.exit == nil }) { usleep(10_000) }
    }
}
