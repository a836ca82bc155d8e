internal import Glibc

/// A running child process, which does not outlive us: it gets a signal, SIGTERM unless told, when our process dies,
/// in whatever way.
///
/// It leads a process group of its own, has no standard input, and inherits no descriptor but the standard three. A thread waits
/// for its end, so it never stays a zombie, also if nobody calls `wait`. All calls are safe from any thread.
package final class ChildProcess: Sendable {
    private struct State: Sendable {
        var isReaped = false
        var exit: ChildExit?
        var lastWaiter = 0
        var waiters: [Int: CheckedContinuation<ChildExit?, Never>] = [:]
    }

    /// The process's number, and that of its group.
    package let pid: Int32
    private let state = Lock(State())

    /// Starts a child; blocks the calling thread for the millisecond that takes.
    ///
    /// A program that is not there is found here; a user that does not exist shows as exit code 1 of `setpriv`, and a working
    /// directory that does not exist as exit code 125 of `env`.
    package init(_ specification: ChildSpecification) throws(ChildError) {
        let started = try ChildSpawner.shared.spawn(specification)
        pid = started.pid
        var readers: [Semaphore] = []
        if let pipe = started.outputPipe, case .lines(let receive) = specification.output {
            readers.append(readLines(from: pipe, name: "child out", receive))
        }
        if let pipe = started.errorPipe, case .lines(let receive) = specification.errors {
            readers.append(readLines(from: pipe, name: "child err", receive))
        }
        let allReaders = readers
        _ = NativeThread(name: "child wait") { self.reap(allReaders) }
    }

    /// Sends `signal` to the process, or to its whole group; nothing happens if the process has ended.
    package func send(_ signal: Int32, toGroup: Bool = false) {
        state.withLock { state in
            // Until it is reaped the number is its own; after that it may be somebody else's.
            if !state.isReaped { _ = kill(toGroup ? -pid : pid, signal) }
        }
    }

    /// How it ended; nil while it runs.
    package var exit: ChildExit? { state.withLock { $0.exit } }

    /// Waits for its end; nil only if the waiting task is cancelled. What it wrote has been handed on by then.
    package func wait() async -> ChildExit? {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let answer: ChildExit?? = state.withLock { state in
                    if let exit = state.exit { return .some(exit) }
                    if isCancelled { return .some(nil) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: nil)
        }
    }

    /// Waits for its end, but not longer than `deadline`; nil if it still runs then.
    package func wait(deadline: Duration) async -> ChildExit? {
        await withTaskGroup(of: ChildExit?.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// Asks it to end by `signal`, and kills its whole group if it has not by `deadline`.
    ///
    /// Takes its time also in a task that is cancelled, since that is when children are stopped.
    package func stop(signal: Int32 = SIGTERM, deadline: Duration) async -> ChildExit {
        send(signal)
        return await Task(executorPreference: nil) {
            if let exit = await self.wait(deadline: deadline) { return exit }
            self.send(SIGKILL, toGroup: true)
            return await self.wait() ?? .signalled(SIGKILL)
        }.value
    }

    private func reap(_ readers: [Semaphore]) {
        // First only look, and reap under the lock: so `send` never meets a number that is already free.
        var info = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        state.withLock { state in
            unsafe waitpid(pid, &status, 0)
            state.isReaped = true
        }
        // Its last words come first, unless a grandchild holds the pipe open.
        for reader in readers { _ = reader.wait(timeout: .milliseconds(500)) }
        let exit = ChildExit(status: status)
        let waiters = state.withLock { state in
            state.exit = exit
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: exit) }
    }
}

/// Hands on each line that comes from `descriptor` on a thread of its own, closes it at the end, and then signals.
private func readLines(
    from descriptor: Int32, name: String, _ receive: @escaping @Sendable (String) -> Void
) -> Semaphore {
    let ended = Semaphore()
    _ = NativeThread(name: name) {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") || line.count == 64 << 10 {
                    receive(String(decoding: line, as: UTF8.self))
                    line.removeAll(keepingCapacity: true)
                }
                if byte != UInt8(ascii: "\n") { line.append(byte) }
            }
        }
        if !line.isEmpty { receive(String(decoding: line, as: UTF8.self)) }
        close(descriptor)
        ended.signal()
    }
    return ended
}
