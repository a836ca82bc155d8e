import Glibc
import Synchronization

/// A throwaway PostgreSQL cluster on a loopback port and a Unix socket, its data in a temporary folder.
///
/// Runs as an unprivileged user where the tests run as root. Gone with this object or with the test run, whichever ends
/// first, however it ends.
package final class PostgresServer: Sendable {
    /// How a server is set up.
    package struct Options: Sendable {
        /// Whether commits reach the disk; needless unless a test is about that, as a process's death loses nothing.
        package var isDurable = false
        /// Further settings, by name.
        package var settings: [String: String] = [:]

        package init(isDurable: Bool = false, settings: [String: String] = [:]) {
            self.isDurable = isDurable
            self.settings = settings
        }
    }

    /// How `stop` ends a server.
    package enum StopMode: Sendable {
        /// Sessions are ended, data is written.
        case fast
        /// As after a crash: the next start recovers from the log.
        case immediate
    }

    /// The loopback port; the same through all restarts.
    package let port: Int
    package let folder: TemporaryFolder
    /// The role that owns the cluster; it needs no password.
    package let user = "weir"
    private let options: Options
    private let process = Mutex<ChildProcess?>(nil)
    private let templates = PostgresTemplates()

    /// The folder that holds `postgres` and `initdb`.
    static let programs: String? = {
        let versions = (14...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        let found = versions.first { access("\($0)/initdb", X_OK) == 0 }
        return found ?? findProgram("initdb").map { String($0.dropLast("/initdb".count)) }
    }()
    private static let one = Once<PostgresServer>()
    private static let databases = Atomic<Int>(0)

    /// Starts a private server and waits until it answers.
    ///
    /// - Throws: `TestKitError` with the server's last words.
    package static func start(_ options: Options = Options()) async throws -> PostgresServer {
        try await offThread {
            let server = try PostgresServer(options)
            try server.launchBlocking()
            return server
        }
    }

    /// The server of the whole test run; make a database of your own with `createDatabase`.
    package static func shared() async throws -> PostgresServer {
        try await one.get {
            let server = try PostgresServer(Options(settings: ["max_connections": "200"]))
            try server.launchBlocking()
            return server
        }
    }

    private init(_ options: Options) throws {
        self.options = options
        port = try FreePort.next()
        folder = try TemporaryFolder("postgres", owner: .unprivileged)
        try PostgresTemplateCluster.copy(to: folder.file("data"))
    }

    /// The address of a database by TCP, for `WEIR_POSTGRES_URL`.
    package func url(database: String = "postgres") -> String { "postgres://\(user)@127.0.0.1:\(port)/\(database)" }

    /// The address of a database by Unix socket, as a libpq connection string.
    package func socketURL(database: String = "postgres") -> String {
        "host=\(folder.path) port=\(port) user=\(user) dbname=\(database)"
    }

    /// The address that a `FaultProxy` needs.
    package var address: SocketAddress { .loopback(port) }

    package var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Makes a database, a copy of `template`, and returns its name.
    ///
    /// - Complexity: some 50 ms.
    package func createDatabase(template: String = "template1") async throws -> String {
        let name = "test_\(Self.databases.add(1, ordering: .relaxed).newValue)"
        _ = try await query("CREATE DATABASE \(name) TEMPLATE \(template)")
        return name
    }

    /// The name of a database to copy from, made ready by `prepare` (given its name) for the first who asks for `name`.
    ///
    /// `prepare` must close all its connections, as PostgreSQL does not copy a database that is in use.
    package func template(
        _ name: String, prepare: @escaping @Sendable (String) async throws -> Void
    ) async throws -> String {
        try await templates.get(name) { [self] in
            let database = try await createDatabase()
            try await prepare(database)
            return database
        }
    }

    /// Runs SQL with psql, stopping at the first error, and returns the rows: columns joined by `|`, rows by a newline.
    ///
    /// - Throws: `TestKitError` with PostgreSQL's message.
    @discardableResult
    package func query(_ sql: String, database: String = "postgres") async throws -> String {
        guard let programs = Self.programs else { throw missing }
        return try await ChildProcess.run(
            "\(programs)/psql", ["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", socketURL(database: database), "-c", sql])
    }

    /// Starts a stopped server again, on the same port and data, and waits until it answers.
    package func launch() async throws {
        try await offThread { [self] in try launchBlocking() }
    }

    /// Stops the server and waits for its end.
    package func stop(_ mode: StopMode = .fast) async throws { try await end(with: mode == .fast ? SIGINT : SIGQUIT) }

    /// Kills the server with SIGKILL and waits for its end.
    package func crash() async throws { try await end(with: SIGKILL) }

    /// Stops the server and starts it again.
    package func restart(_ mode: StopMode = .fast) async throws {
        try await stop(mode)
        try await launch()
    }

    /// Stops the server and all its sessions (SIGSTOP): connections stay open, nothing is answered until `thaw()`.
    package func freeze() {
        process.withLock { process in
            guard let process else { return }
            process.signal(SIGSTOP)  // first, so that it starts no session meanwhile
            for child in children(of: process.pid) { kill(child, SIGSTOP) }
        }
    }

    /// Lets a frozen server go on.
    package func thaw() {
        process.withLock { process in
            guard let process else { return }
            for child in children(of: process.pid) { kill(child, SIGCONT) }
            process.signal(SIGCONT)
        }
    }

    private var missing: TestKitError { TestKitError("PostgreSQL is not installed (./dev setup)") }

    private func end(with signal: Int32) async throws {
        guard let process = process.withLock({ $0 }) else { return }
        let sessions = children(of: process.pid)
        process.signal(signal)
        for session in sessions { kill(session, SIGCONT) }  // they notice the end only while they run
        process.signal(SIGCONT)
        try await process.exit(within: .seconds(20))
        // A killed postmaster's sessions outlive it by a moment, and hold the memory that the next start asks for.
        try await eventually("its sessions end") { !sessions.contains(where: ProcessTable.isAlive) }
    }

    private func launchBlocking() throws {
        guard let programs = Self.programs else { throw missing }
        precondition(!isRunning, "the server runs already")
        var settings = [
            "port": "\(port)", "listen_addresses": "127.0.0.1", "unix_socket_directories": folder.path,
            "shared_buffers": "32MB", "log_min_messages": "warning",
        ]
        if !options.isDurable {
            // `synchronous_commit` stays on: without it a killed server loses what it has not written yet.
            settings.merge(["fsync": "off", "full_page_writes": "off"]) { $1 }
        }
        settings.merge(options.settings) { $1 }
        let arguments = ["-D", folder.file("data")] + settings.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let child = try ChildProcess("\(programs)/postgres", arguments, folder: folder.path, as: .unprivileged)
        process.withLock { $0 = child }
        let end = ContinuousClock.now + .seconds(30)
        while child.isRunning, .now < end {
            // The eighth line of the file is the server's state, `ready` once it accepts connections.
            if let file = try? readFile(folder.file("data/postmaster.pid")) {
                let lines = String(decoding: file, as: UTF8.self).split(
                    separator: "\n", omittingEmptySubsequences: false)
                let isOurs = lines.first.map(String.init) == "\(child.pid)"
                if isOurs, lines.count > 7, lines[7].hasPrefix("ready") { return }
            }
            usleep(3000)
        }
        let said = child.errors.lines.suffix(20).joined(separator: "\n")
        throw TestKitError("PostgreSQL did not start:\n\(said)")
    }
}

private func children(of pid: Int32) -> [Int32] {
    let list = (try? readFile("/proc/\(pid)/task/\(pid)/children")) ?? []
    return String(decoding: list, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
}
