import Glibc
import Synchronization

/// A program started by a test, which never outlives this object, nor the test run, even if that is killed.
///
/// Its descendants go with it, unless they have got a new parent meanwhile. It leads a process group of its own. Both outputs are collected line by line; its input is empty.
package final class ChildProcess: Sendable {
    /// How a process ended.
    package enum Exit: Sendable, Hashable {
        case status(Int32)
        case signal(Int32)
    }

    package let pid: Int32
    package let output = LineLog()
    package let errors = LineLog()
    private let command: String
    private let fate: Fate

    /// - Parameters:
    ///   - program: a path, or a name to look for in `PATH`.
    ///   - arguments: what follows the name on a command line.
    ///   - environment: variables set on top of this process's own; nil takes one away.
    ///   - folder: the working folder; this process's own unless told.
    ///   - user: whom to run it as.
    /// - Throws: `TestKitError` if nothing could be started. A program that is missing ends with status 127.
    package init(
        _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:], folder: String? = nil,
        as user: UserAccount? = nil
    ) throws {
        command = ([program] + arguments).joined(separator: " ")
        var line = ["setpriv", "--pdeathsig", "KILL"]
        if let user { line += ["--reuid", "\(user.id)", "--regid", "\(user.group)", "--clear-groups"] }
        line += ["--", program] + arguments
        if let folder { line = ["env", "-C", folder] + line }
        let child = try Spawner.spawn(line, environment: merged(environment))
        pid = child.pid
        fate = Fate(pid: pid)
        output.collect(from: child.output)
        errors.collect(from: child.errors)
    }

    deinit { fate.kill() }

    package var isRunning: Bool { fate.exit == nil }

    /// How the process ended; nil while it runs.
    package var exitStatus: Exit? { fate.exit }

    /// Sends `signal` to the process alone; nothing happens if it has ended.
    package func signal(_ signal: Int32) { fate.signal(signal, toGroup: false) }

    /// Sends `signal` to the process and those of its children that stayed in its group, as a terminal's Ctrl-C does.
    package func signalGroup(_ signal: Int32) { fate.signal(signal, toGroup: true) }

    /// Waits until the process has ended.
    ///
    /// - Throws: `TestKitError` with the last lines of its errors when the deadline has passed.
    @discardableResult
    package func exit(within deadline: Duration = .seconds(10)) async throws -> Exit {
        do {
            return try await eventually("\(command) ends", deadline: deadline) { fate.exit }
        } catch let error as TestKitError {
            throw TestKitError("\(error); it said:\n\(errors.lines.suffix(20).joined(separator: "\n"))")
        }
    }

    /// Runs a program to its end and returns its output.
    ///
    /// - Throws: `TestKitError` if it ends other than with status 0, or too late.
    package static func run(
        _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:],
        as user: UserAccount? = nil, within deadline: Duration = .seconds(30)
    ) async throws -> String {
        let process = try ChildProcess(program, arguments, environment: environment, as: user)
        let exit = try await process.exit(within: deadline)
        try await eventually("the output is complete") { process.output.isComplete && process.errors.isComplete }
        guard exit == .status(0) else {
            let said = (process.output.lines + process.errors.lines).suffix(20).joined(separator: "\n")
            throw TestKitError("\(process.command) ended with \(exit):\n\(said)")
        }
        return process.output.lines.joined(separator: "\n")
    }

    static func killAll() { Fate.living.withLock { $0 }.forEach(Fate.killTree) }
}

/// What became of a child: keeps its id from being signalled after it may belong to somebody else.
private final class Fate: Sendable {
    static let living = Mutex<Set<Int32>>([])
    let pid: Int32
    private let ended = Mutex<ChildProcess.Exit?>(nil)

    var exit: ChildProcess.Exit? { ended.withLock { $0 } }

    init(pid: Int32) {
        self.pid = pid
        Self.living.withLock { _ = $0.insert(pid) }
        startThread { [self] in
            var info = siginfo_t()
            // The process stays a zombie, and its id its own, until the lock is held.
            while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            ended.withLock { ended in
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                let signal = status & 0x7f
                ended = signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
            }
            Self.living.withLock { _ = $0.remove(pid) }
        }
    }

    func signal(_ signal: Int32, toGroup: Bool) {
        ended.withLock { ended in
            if ended == nil { Glibc.kill(toGroup ? -pid : pid, signal) }
        }
    }

    /// Kills the process, its group, and those of its descendants that made a group of their own.
    func kill() {
        ended.withLock { ended in
            if ended == nil { Self.killTree(pid) }
        }
    }

    static func killTree(_ pid: Int32) {
        let descendants = ProcessTable.descendants(of: pid)
        Glibc.kill(-pid, SIGKILL)
        for descendant in descendants { Glibc.kill(descendant, SIGKILL) }
    }
}

private func merged(_ changes: [String: String?]) -> [String] {
    var variables = ownEnvironment()
    for (name, value) in changes { variables[name] = value }
    return variables.map { "\($0)=\($1)" }
}

/// This process's variables.
func ownEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
        let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        next += 1
    }
    return variables
}
