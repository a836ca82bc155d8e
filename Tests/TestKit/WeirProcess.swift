import Glibc

/// The `weir` executable of this build, run by a test as a user runs it.
package final class WeirProcess: Sendable {
    /// The process itself, for signals and for whatever is not below.
    package let process: ChildProcess

    /// Starts `weir` with `arguments`.
    ///
    /// - Parameters:
    ///   - arguments: the command and its flags.
    ///   - environment: variables on top of this process's own, without its `WEIR_…`.
    ///   - folder: the working folder.
    ///   - user: whom to run it as.
    /// - Throws: `TestKitError` if there is no executable.
    package init(
        _ arguments: [String], environment: [String: String] = [:], folder: String? = nil, as user: UserAccount? = nil
    ) throws {
        var variables: [String: String?] = [:]
        for name in ownEnvironment().keys where name.hasPrefix("WEIR_") { variables[name] = .some(nil) }
        for (name, value) in environment { variables[name] = value }
        let executable = try user == nil ? Self.executable() : Self.openCopy.get().file("weir")
        process = try ChildProcess(executable, arguments, environment: variables, folder: folder, as: user)
    }

    /// The executable under a path that every user may run: the build may lie where only its owner can look.
    ///
    /// A second name where that is possible. A copy is written by a descriptor, and a process that another test starts at that
    /// moment holds it for a while; until then the system refuses to run what is open for writing (ETXTBSY).
    private static let openCopy = Result<TemporaryFolder, any Error> {
        let folder = try TemporaryFolder("bin")
        chmod(folder.path, 0o755)
        if link(try executable(), folder.file("weir")) == 0 { return folder }
        let source = open(try executable(), O_RDONLY | O_CLOEXEC)
        let copy = open(folder.file("weir"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
        defer {
            close(source)
            close(copy)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(source, &buffer, buffer.count)
            if count == 0 { return folder }
            guard count > 0, Glibc.write(copy, buffer, count) == count else {
                throw TestKitError("cannot copy the executable: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// The path of the executable: `WEIR_BIN`, or the one built beside the running test bundle.
    package static func executable() throws -> String {
        if let path = environmentVariable("WEIR_BIN") { return path }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw TestKitError("/proc/self/exe cannot be read") }
        let bundle = String(decoding: buffer[..<count], as: UTF8.self)
        let path = String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)]) + "/weir"
        guard access(path, X_OK) == 0 else { throw TestKitError("no executable at \(path)") }
        return path
    }

    /// What it has written to standard output.
    package var output: LineLog { process.output }

    /// What it has written to standard error: its log.
    package var errors: LineLog { process.errors }

    /// Asks it to stop in order, as a container engine does.
    package func terminate() { process.signal(SIGTERM) }

    /// Presses Ctrl-C: SIGINT to the whole process group.
    package func interrupt() { process.signalGroup(SIGINT) }

    /// Kills it, without a last word, and waits for its end; its own children are left alone.
    package func crash() async throws {
        process.signal(SIGKILL)
        try await process.exit()
    }

    /// Waits for its end.
    ///
    /// - Throws: `TestKitError` with its last words when the deadline has passed.
    @discardableResult
    package func exit(within deadline: Duration = .seconds(10)) async throws -> ChildProcess.Exit {
        try await process.exit(within: deadline)
    }

    /// Runs `weir` to its end.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], within deadline: Duration = .seconds(30)
    ) async throws -> (exit: ChildProcess.Exit, output: [String], errors: [String]) {
        let weir = try WeirProcess(arguments, environment: environment)
        let exit = try await weir.exit(within: deadline)
        try await eventually("the output is complete") { weir.output.isComplete && weir.errors.isComplete }
        return (exit, weir.output.lines, weir.errors.lines)
    }
}
