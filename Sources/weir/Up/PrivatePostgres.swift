import Glibc
import Service

/// The PostgreSQL of an installation: a cluster in its folder, on a Unix socket that only its user and root can reach.
struct PrivatePostgres: Sendable {
    /// The role that owns everything, and the database.
    static let name = "weir"

    let programs: ServerPrograms.Postgres
    let folders: StoreFolders
    let account: StoreAccount?
    /// A loopback port to listen on too, for those who know the password.
    let openPort: Int?
    let console: UpConsole
    let children: LivingChildren

    private var port: Int { openPort ?? 5432 }

    /// For `WEIR_POSTGRES_URL`, as a libpq connection string.
    var url: String { connection(database: Self.name) }

    /// The major version that made the cluster in `folder`; nil if there is none.
    static func version(of folder: String) -> Int? {
        guard let bytes = try? readFile("\(folder)/PG_VERSION", maxBytes: 64) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).prefix { $0.isNumber })
    }

    /// Makes the cluster if there is none; all of it or nothing.
    func initialize() async throws {
        guard Self.version(of: folders.postgres) == nil else { return try forgetDeadServer() }
        console.report("creating the PostgreSQL cluster, this once …")
        let unfinished = "\(folders.postgres).new"
        _ = try await children.run(ChildSpecification(["rm", "-rf", unfinished]))
        try makeFolders(unfinished, mode: 0o700)
        account?.own(unfinished)
        try writePassword()
        // Messages in English, since we read them; texts sorted by code point, which no library update changes.
        let specification = specification([
            programs.initdb, "-D", unfinished, "-U", Self.name, "-E", "UTF8", "--locale=\(Self.locale)", "-k",
            "--lc-messages=C", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
            "--pwfile=\(folders.postgresPassword)",
        ])
        try await runOrThrow(specification, "initdb")
        guard unsafe rename(unfinished, folders.postgres) == 0 else {
            throw StartError(.cannotCreate, "\(FileError(path: folders.postgres, code: errno))")
        }
    }

    /// Makes the database if there is none; the server must be ready.
    func createDatabase() async throws {
        let exists = await children.output(
            of: psql("SELECT count(*) FROM pg_database WHERE datname = '\(Self.name)'"))
        if exists == "1" { return }
        try await runOrThrow(ChildSpecification(psql("CREATE DATABASE \(Self.name)")), "CREATE DATABASE")
    }

    var plan: Supervisor.Plan {
        var plan = Supervisor.Plan(
            name: "postgres", specification: server, receive: pass, stopsWithin: .milliseconds(8_500),
            isReady: { [folder = folders.postgres] in
                Self.serverLine(7, of: folder, pid: $0)?.hasPrefix("ready") ?? false
            })
        plan.stopSignal = SIGINT  // "fast": sessions are ended, data are written
        plan.killSignal = SIGQUIT  // "immediate": all its processes end at once
        plan.patience = .seconds(600)
        // Sessions of a server that was killed outlive it by a moment, and so may that server.
        plan.isWorthRetrying = { lines in
            lines.contains {
                $0.contains("pre-existing shared memory block") || $0.contains("postmaster.pid\" already")
            }
        }
        return plan
    }

    private var server: ChildSpecification {
        let settings = [
            "listen_addresses": openPort == nil ? "" : "127.0.0.1", "port": "\(port)",
            "unix_socket_directories": "\"\(folders.sockets)\"", "unix_socket_permissions": "0700",
            // For a small machine beside five other processes, and for /dev/shm as small as containers have it.
            "max_connections": "40", "shared_buffers": "128MB", "max_wal_size": "512MB", "checkpoint_timeout": "15min",
            "dynamic_shared_memory_type": "mmap", "max_parallel_workers_per_gather": "0", "jit": "off",
            "timezone": "UTC", "cluster_name": "weir",
            // Its lines come to us, with their level in front.
            "logging_collector": "off", "log_destination": "stderr", "log_line_prefix": "", "log_checkpoints": "off",
            "log_min_messages": "warning", "lc_messages": "C",
        ]
        let arguments = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        var server = specification([programs.server, "-D", folders.postgres] + arguments)
        // SIGTERM would let it wait for its clients, which may be anybody's psql.
        server.parentDeathSignal = .interrupt
        return server
    }

    private func specification(_ arguments: [String]) -> ChildSpecification {
        var specification = ChildSpecification(arguments)
        // Ours may be closed to its user.
        specification.workingDirectory = "/"
        specification.become(account)
        return specification
    }

    private func psql(_ statement: String) -> [String] {
        [programs.psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", connection(database: "postgres"), "-c", statement]
    }

    private func connection(database: String) -> String {
        Self.connection(folders.sockets, port: port, database: database)
    }

    /// A libpq connection string for the socket in a folder.
    static func connection(_ sockets: String, port: Int, database: String = name) -> String {
        "host='\(sockets)' port=\(port) dbname=\(database) user=\(name)"
    }

    private func runOrThrow(_ specification: ChildSpecification, _ what: String) async throws {
        let lines = Lock<[String]>([])
        let take: @Sendable (String) -> Void = { line in lines.withLock { $0.append(line) } }
        var specification = specification
        specification.output = .discard
        specification.errors = .lines(take)
        let exit = try await children.run(specification)
        guard exit != .exited(0) else { return }
        let said = lines.withLock { $0.suffix(5).joined(separator: " / ") }
        throw StartError(.cannotCreate, "\(what) failed (\(exit)): \(said)")
    }

    private func writePassword() throws(StartError) {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789".utf8)
        let password = (0..<24).map { _ in letters[Int(generator.next(upperBound: UInt(letters.count)))] }
        let path = folders.postgresPassword
        unsafe unlink(path)
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StartError(.cannotCreate, "\(FileError(path: path, code: errno))") }
        let line = password + [UInt8(ascii: "\n")]
        _ = unsafe line.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        close(file)
        account?.own(path)
    }

    /// Removes the note of a server that was killed if its number now belongs to a process that is no PostgreSQL, as it easily
    /// does in a container that was started again; PostgreSQL would refuse to start for ever.
    private func forgetDeadServer() throws {
        guard let text = Self.serverLine(0, of: folders.postgres), let pid = Int32(text),
            let name = try? readFile("/proc/\(pid)/comm", maxBytes: 64)
        else { return }
        if !String(decoding: name, as: UTF8.self).hasPrefix("postgres") {
            unsafe unlink("\(folders.postgres)/postmaster.pid")
        }
    }

    /// A line of the note that a running server keeps: 0 is its process number, 7 its state.
    static func serverLine(_ index: Int, of folder: String, pid: Int32? = nil) -> String? {
        guard let bytes = try? readFile("\(folder)/postmaster.pid", maxBytes: 4_096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > index, pid == nil || lines.first.flatMap({ Int32($0) }) == pid else { return nil }
        return String(lines[index])
    }

    private static let locale = unsafe newlocale(1 << LC_CTYPE, "C.UTF-8", nil) == nil ? "C" : "C.UTF-8"

    /// `WARNING:  something is wrong`
    @Sendable private func pass(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1)
        let level: LogLevel =
            switch parts.first {
            case "PANIC", "FATAL": .error
            case "ERROR", "WARNING": .warning
            // It talks much at this level, and one thing matters.
            case "LOG" where line.contains("was terminated by signal"): .warning
            default: .debug
            }
        let text = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : line
        console.pass(text, from: "postgres", level: level)
    }
}
