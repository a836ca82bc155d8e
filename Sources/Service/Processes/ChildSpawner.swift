internal import Glibc

/// The one thread that starts all child processes.
///
/// It lives as long as the process, because the kernel sends the parent-death signal when the *thread* that started a child
/// ends, and threads of the shared pool end whenever they have been idle for a while. And since nobody else starts children,
/// no other child can inherit a pipe between its making and its marking.
final class ChildSpawner: Sendable {
    static let shared = ChildSpawner()

    private let work = Lock<[@Sendable () -> Void]>([])
    private let pending = Semaphore()

    private init() {
        _ = NativeThread(name: "spawner") { [work, pending] in
            while true {
                pending.wait()
                work.withLock { $0.removeFirst() }()
            }
        }
    }

    /// What a start gives: the process, and the pipe ends to read lines from.
    struct Started: Sendable {
        let pid: pid_t
        let outputPipe: Int32?
        let errorPipe: Int32?
    }

    /// Starts a child; blocks the calling thread for the millisecond that takes.
    func spawn(_ specification: ChildSpecification) throws(ChildError) -> Started {
        let commandLine = try specification.commandLine()
        let done = Semaphore()
        let result = Lock<Result<Started, ChildError>?>(nil)
        work.withLock { work in
            work.append {
                let outcome: Result<Started, ChildError>
                do throws(ChildError) {
                    outcome = .success(try start(specification, commandLine))
                } catch {
                    outcome = .failure(error)
                }
                result.withLock { $0 = outcome }
                done.signal()
            }
        }
        pending.signal()
        done.wait()
        guard let outcome = result.withLock({ $0 }) else { throw ChildError(code: EAGAIN, operation: "spawn") }
        return try outcome.get()
    }
}

/// Runs on the spawner's thread alone.
private func start(
    _ specification: ChildSpecification, _ commandLine: [String]
) throws(ChildError) -> ChildSpawner.Started {
    keepDescriptorsFromChildren()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    let output = try unsafe Redirection(specification.output, STDOUT_FILENO, &actions)
    defer { output.closeChildEnd() }
    let errors: Redirection
    do {
        errors = try unsafe Redirection(specification.errors, STDERR_FILENO, &actions)
    } catch {
        output.closeOurEnd()
        throw error
    }
    defer { errors.closeChildEnd() }

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // A group of its own: Ctrl-C on the terminal is for us, and we stop children in order. Our blocked and ignored signals
    // would be inherited, and a child that cannot be terminated is not what anybody wants.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

    let environment = (specification.environment ?? processEnvironment()).map { "\($0.key)=\($0.value)" }
    var pid: pid_t = 0
    let code = unsafe withCStrings(commandLine) { arguments in
        unsafe withCStrings(environment) { variables in
            unsafe posix_spawn(&pid, commandLine[0], &actions, &attributes, arguments, variables)
        }
    }
    guard code == 0 else {
        output.closeOurEnd()
        errors.closeOurEnd()
        throw ChildError(code: code, operation: commandLine[0])
    }
    return ChildSpawner.Started(pid: pid, outputPipe: output.ourEnd, errorPipe: errors.ourEnd)
}

/// One output stream of a child: its file action, and the pipe if we read it.
private struct Redirection {
    var ourEnd: Int32?
    var childEnd: Int32?

    init(
        _ output: ChildSpecification.Output, _ descriptor: Int32, _ actions: inout posix_spawn_file_actions_t
    ) throws(ChildError) {
        switch output {
        case .inherit: break
        case .discard: unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        case .file(let path):
            // Opened by the child, before it becomes another user.
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        case .lines:
            var ends: [Int32] = [-1, -1]
            guard unsafe pipe(&ends) == 0 else { throw ChildError(code: errno, operation: "pipe") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (ourEnd, childEnd) = (ends[0], ends[1])
            unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], descriptor)
        }
    }

    func closeOurEnd() { if let ourEnd { close(ourEnd) } }
    func closeChildEnd() { if let childEnd { close(childEnd) } }
}

/// Marks all our descriptors but the standard three as not for children: hiredis, for one, does not mark its sockets, and a
/// server that holds an old connection of ours open would be hard to explain.
private func keepDescriptorsFromChildren() {
    for descriptor in openDescriptors() ?? [] where descriptor > STDERR_FILENO {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
}

/// Lends `texts` as the null-terminated array of C strings that exec wants.
private func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = unsafe texts.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    return unsafe body(copies + [nil])
}
