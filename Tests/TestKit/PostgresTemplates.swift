import Glibc
import Synchronization

/// A fresh cluster, made once for the whole test run; servers start from copies of it.
enum PostgresTemplateCluster {
    private static let made = Mutex<Result<TemporaryFolder, any Error>?>(nil)

    /// Copies the cluster to `path`, which must not exist; blocks for 50 ms, the first time for a second.
    static func copy(to path: String) throws {
        let template = try made.withLock { made in
            if let made { return made }
            let result = Result { try initialize() }
            made = result
            return result
        }.get()
        try runBlocking("cp", ["-a", template.file("data"), path], as: .unprivileged)
    }

    private static func initialize() throws -> TemporaryFolder {
        guard let programs = PostgresServer.programs else {
            throw TestKitError("PostgreSQL is not installed (./dev setup)")
        }
        let folder = try TemporaryFolder("initdb", owner: .unprivileged)
        // Small log segments make a cluster that is quick to copy.
        let arguments = [
            "-D", folder.file("data"), "-U", "weir", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            "--no-instructions", "--wal-segsize=1",
        ]
        try runBlocking("\(programs)/initdb", arguments, as: .unprivileged)
        return folder
    }

    private static func runBlocking(_ program: String, _ arguments: [String], as user: UserAccount?) throws {
        let process = try ChildProcess(program, arguments, folder: "/", as: user)
        let end = ContinuousClock.now + .seconds(60)
        while process.isRunning {
            if .now > end { throw TestKitError("\(program) did not end") }
            usleep(2000)
        }
        let exit = process.exitStatus
        guard exit == .status(0) else {
            throw TestKitError(
                "\(program) ended with \(exit.map { "\($0)" } ?? "nothing"):\n"
                    + process.errors.lines.joined(separator: "\n"))
        }
    }
}

/// Databases to copy from, each prepared once.
actor PostgresTemplates {
    private var tasks: [String: Task<String, any Error>] = [:]

    func get(_ name: String, make: @escaping @Sendable () async throws -> String) async throws -> String {
        if let task = tasks[name] { return try await task.value }
        let task = Task { try await make() }
        tasks[name] = task
        return try await task.value
    }
}
