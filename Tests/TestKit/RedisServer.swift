import Glibc
import Synchronization

/// A throwaway redis-server on a loopback port and a Unix socket, its data in a temporary folder.
///
/// Gone with this object or with the test run, whichever ends first, however it ends.
package final class RedisServer: Sendable {
    /// How a server is set up.
    package struct Options: Sendable {
        /// What an answered write is worth after a crash.
        package enum AppendOnly: String, Sendable {
            case off, everysec, always
        }

        package var appendOnly = AppendOnly.off
        /// Redis' `maxmemory`, such as `50mb`; no limit unless told.
        package var maxMemory: String?
        /// Further arguments for redis-server's command line.
        package var arguments: [String] = []

        package init(appendOnly: AppendOnly = .off, maxMemory: String? = nil, arguments: [String] = []) {
            self.appendOnly = appendOnly
            self.maxMemory = maxMemory
            self.arguments = arguments
        }
    }

    /// The loopback port; the same through all restarts.
    package let port: Int
    /// The path of the Unix socket.
    package let socketPath: String
    package let folder: TemporaryFolder
    private let arguments: [String]
    private let process = Mutex<ChildProcess?>(nil)

    static let program = findProgram("redis-server", alsoIn: ["/usr/bin", "/usr/local/bin", "/usr/sbin"])
    private static let one = Once<RedisServer>()
    private static let databases = Atomic<Int>(0)
    private static let databaseCount = 1024

    /// Starts a private server and waits until it answers.
    ///
    /// - Throws: `TestKitError` with the server's last words.
    package static func start(_ options: Options = Options()) async throws -> RedisServer {
        let server = try RedisServer(options)
        try await server.launch()
        return server
    }

    /// The server of the whole test run, without persistence; take a database number of your own from `nextDatabase()`.
    ///
    /// Functions are the server's, not a database's: load them with REPLACE, never flush them.
    package static func shared() async throws -> RedisServer {
        try await one.get {
            let server = try RedisServer(Options())
            try server.launchBlocking()
            return server
        }
    }

    /// A number that no other suite of this test run is given.
    package static func nextDatabase() -> Int {
        let number = databases.add(1, ordering: .relaxed).newValue
        precondition(number < databaseCount, "more than \(databaseCount) databases asked for")
        return number
    }

    private init(_ options: Options) throws {
        port = try FreePort.next()
        folder = try TemporaryFolder("redis")
        socketPath = folder.file("redis.sock")
        var arguments = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socketPath, "--dir", folder.path, "--save", "",
            "--databases", "\(Self.databaseCount)", "--maxmemory-policy", "noeviction", "--enable-debug-command",
            "local",
            "--appendonly", options.appendOnly == .off ? "no" : "yes",
        ]
        if options.appendOnly != .off { arguments += ["--appendfsync", options.appendOnly.rawValue] }
        if let limit = options.maxMemory { arguments += ["--maxmemory", limit] }
        self.arguments = arguments + options.arguments
    }

    /// The server's address by TCP, for `WEIR_REDIS_URL`.
    package func url(database: Int = 0) -> String { "redis://127.0.0.1:\(port)/\(database)" }

    /// The server's address by Unix socket, for `WEIR_REDIS_URL`.
    package var socketURL: String { "unix://\(socketPath)" }

    /// The address that a `FaultProxy` needs.
    package var address: SocketAddress { .loopback(port) }

    package var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// Starts a stopped server again, on the same port and data, and waits until it answers.
    package func launch() async throws {
        try await offThread { [self] in try launchBlocking() }
    }

    /// Stops the server in order (SIGTERM) and waits for its end.
    package func stop() async throws { try await end(with: SIGTERM) }

    /// Kills the server with SIGKILL and waits for its end.
    package func crash() async throws { try await end(with: SIGKILL) }

    /// Stops the server in order and starts it again.
    package func restart() async throws {
        try await stop()
        try await launch()
    }

    /// Stops the process (SIGSTOP): connections stay open, and nothing is answered until `thaw()`.
    package func freeze() { process.withLock { $0?.signal(SIGSTOP) } }

    /// Lets a frozen server go on.
    package func thaw() { process.withLock { $0?.signal(SIGCONT) } }

    /// A new connection to look at the server from outside, by way of its Unix socket.
    package func connect(database: Int = 0) async throws -> RedisProbe {
        try await offThread { [self] in
            let probe = RedisProbe(try TestSocket(to: .unix(socketPath)))
            if database != 0 { _ = try probe.exchange(["SELECT", "\(database)"], within: .seconds(10)) }
            return probe
        }
    }

    private func end(with signal: Int32) async throws {
        guard let process = process.withLock({ $0 }) else { return }
        process.signal(signal)
        process.signal(SIGCONT)
        try await process.exit()
    }

    private func launchBlocking() throws {
        guard let program = Self.program else { throw TestKitError("redis-server is not installed (./dev setup)") }
        precondition(!isRunning, "the server runs already")
        let child = try ChildProcess(program, arguments, folder: folder.path)
        process.withLock { $0 = child }
        let end = ContinuousClock.now + .seconds(20)
        var last = "no connection yet"
        while child.isRunning, .now < end {
            do {
                let reply = try RedisProbe(TestSocket(to: .unix(socketPath))).exchange(["PING"], within: .seconds(1))
                if reply == .text("PONG") { return }
                last = "\(reply)"
            } catch { last = "\(error)" }
            usleep(2000)
        }
        throw TestKitError(
            "redis-server did not start (\(last)):\n\(child.output.lines.suffix(20).joined(separator: "\n"))")
    }
}
