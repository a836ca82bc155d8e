import Glibc
import Synchronization

/// Starts all child processes from one thread that lives as long as the process.
///
/// The kernel sends a child's parent-death signal when the *thread* that made it ends, so the threads that run tests,
/// which come and go, may not start servers. Pipes are made there too, so that no child inherits another's.
enum Spawner {
    /// A running child and the ends of its outputs that we read.
    struct Child: Sendable {
        let pid: Int32
        let output: Int32
        let errors: Int32
    }

    private static let orders = Mutex<[@Sendable () -> Void]>([])

    /// The pipe that wakes the thread, one byte an order.
    private static let wake: Int32 = {
        let pipe = makePipe()
        precondition(pipe.reader >= 0, "no pipe")
        startThread {
            var byte: UInt8 = 0
            while true {
                if read(pipe.reader, &byte, 1) == 1 { orders.withLock { $0.removeFirst() }() }
            }
        }
        return pipe.writer
    }()

    /// Starts `arguments[0]`, found in `PATH`; blocks for the millisecond or two which that takes.
    static func spawn(_ arguments: [String], environment: [String]) throws -> Child {
        let answer = Answer()
        let wake = wake
        orders.withLock { orders in
            orders.append { answer.give(spawnHere(arguments, environment: environment)) }
        }
        var byte: UInt8 = 0
        write(wake, &byte, 1)
        return try answer.wait().get()
    }

    private final class Answer: Sendable {
        private let value = Mutex<Result<Child, TestKitError>?>(nil)
        private let pipe = makePipe()

        deinit {
            close(pipe.reader)
            close(pipe.writer)
        }

        func give(_ result: Result<Child, TestKitError>) {
            value.withLock { $0 = result }
            var byte: UInt8 = 0
            write(pipe.writer, &byte, 1)
        }

        func wait() -> Result<Child, TestKitError> {
            var byte: UInt8 = 0
            while read(pipe.reader, &byte, 1) != 1 {}
            return value.withLock { $0 } ?? .failure(TestKitError("nothing was started"))
        }
    }

    private static func spawnHere(_ arguments: [String], environment: [String]) -> Result<Child, TestKitError> {
        let output = makePipe()
        let errors = makePipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writer, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writer, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.map { strdup($0) } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let failure = posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, envp)
        close(output.writer)
        close(errors.writer)
        if failure == 0 { return .success(Child(pid: pid, output: output.reader, errors: errors.reader)) }
        close(output.reader)
        close(errors.reader)
        return .failure(TestKitError("cannot start \(arguments[0]): \(String(cString: strerror(failure)))"))
    }

    /// Both ends are closed in children; -1 if there are no descriptors left.
    private static func makePipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return (-1, -1) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
