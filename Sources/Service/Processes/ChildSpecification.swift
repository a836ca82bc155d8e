internal import Glibc

/// What to run as a child process, and how.
package struct ChildSpecification: Sendable {
    /// Where a child's output goes.
    package enum Output: Sendable {
        /// To the same place as ours.
        case inherit
        case discard
        /// To the end of a file, which is made if needed.
        case file(String)
        /// Line by line, without the line feed, to a closure that a thread of its own calls; a line is cut at 64 KiB.
        case lines(@Sendable (String) -> Void)
    }

    /// A signal by the name that `setpriv` knows it by.
    package enum ParentDeathSignal: String, Sendable {
        case terminate = "TERM"
        case interrupt = "INT"
    }

    /// The program, a path or a name to look for in PATH, and its arguments.
    package var arguments: [String]
    /// All of the child's variables; ours if nil.
    package var environment: [String: String]?
    /// Ours if nil.
    package var workingDirectory: String?
    /// The user and group to become, which only root may ask for; ours if nil.
    package var user: (name: String, group: String)?
    package var output: Output
    package var errors: Output
    /// What the kernel sends it when we die.
    package var parentDeathSignal = ParentDeathSignal.terminate

    /// Describes a child that runs `arguments` as we would.
    package init(_ arguments: [String], output: Output = .inherit, errors: Output = .inherit) {
        precondition(!arguments.isEmpty, "a program to run")
        self.arguments = arguments
        self.output = output
        self.errors = errors
    }

    /// The whole command line: the program behind what prepares its process.
    ///
    /// `setpriv` (util-linux) changes the user and has the kernel send a signal to the child when we die, however we die; `env`
    /// (coreutils) changes the folder. Both then become the program, so it keeps the process id. Swift can do neither by
    /// itself between fork and exec: prctl is variadic, and posix_spawn_file_actions_addchdir_np a GNU extension.
    func commandLine() throws(ChildError) -> [String] {
        guard let program = ChildSpecification.executable(arguments[0]) else {
            throw ChildError(code: ENOENT, operation: arguments[0])
        }
        guard let setpriv = ChildSpecification.executable("setpriv") else {
            throw ChildError(code: ENOENT, operation: "setpriv (of util-linux)")
        }
        var line = [setpriv, "--pdeathsig", parentDeathSignal.rawValue]
        if let user { line += ["--reuid", user.name, "--regid", user.group, "--init-groups"] }
        line.append("--")
        if let workingDirectory { line += ["/usr/bin/env", "--chdir=\(workingDirectory)"] }
        return line + [program] + arguments.dropFirst()
    }

    /// The path of a program, looked for as a shell does; nil if there is none that we may run.
    package static func executable(_ name: String) -> String? {
        if name.contains("/") { return unsafe access(name, X_OK) == 0 ? name : nil }
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
    }
}

/// A child process that could not be started.
package struct ChildError: Error, Equatable, CustomStringConvertible {
    /// `errno`.
    package let code: Int32
    /// What was tried.
    package let operation: String

    /// `redis-server: No such file or directory`
    package var description: String { "\(operation): \(unsafe String(cString: strerror(code)))" }
}

/// How a child process ended.
package enum ChildExit: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    init(status: Int32) {
        // The layout of wait(2): the macros that take it apart are not imported.
        self = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
    }

    /// `exit code 1`, `signal 9`
    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let number): "signal \(number)"
        }
    }
}
