import Glibc
import Reactor
import Service

/// The redis-server of an installation: on a Unix socket in its folder, every write in its append-only file.
struct PrivateRedis: Sendable {
    let program: String
    let folders: StoreFolders
    let account: StoreAccount?
    /// A loopback port to listen on too.
    let port: Int?
    let console: UpConsole

    private var socket: Endpoint { .unix(path: folders.redisSocket) }

    /// For `WEIR_REDIS_URL`.
    var url: String { "unix://" + folders.redisSocket.utf8.map(Self.percentEncoded).joined() }

    var plan: Supervisor.Plan {
        var plan = Supervisor.Plan(
            name: "redis", specification: specification, receive: pass, stopsWithin: .milliseconds(9_300),
            isReady: { [socket] _ in await LocalSocket.ask(socket, "PING\r\n")?.hasPrefix("+PONG") ?? false })
        // A long append-only file takes its time to be read.
        plan.patience = .seconds(600)
        plan.isWorthRetrying = { _ in false }
        return plan
    }

    /// Waits until the server of a run that was killed has let go of the data.
    func waitForPredecessor() async throws {
        let end = ContinuousClock.now + .seconds(10)
        while await LocalSocket.ask(socket, "PING\r\n") != nil {
            if .now >= end {
                throw StartError(.tryLater, "a redis-server that we did not start still listens on \(socket): stop it")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private var specification: ChildSpecification {
        let settings = [
            "port": "\(port ?? 0)", "bind": "127.0.0.1", "unixsocket": folders.redisSocket, "unixsocketperm": "700",
            "dir": folders.redis, "appendonly": "yes", "appendfsync": "everysec", "aof-load-truncated": "yes",
            "save": "", "maxmemory-policy": "noeviction", "loglevel": "warning", "logfile": "", "daemonize": "no",
        ]
        let arguments = settings.sorted { $0.key < $1.key }.flatMap { ["--\($0.key)", $0.value] }
        var specification = ChildSpecification([program] + arguments)
        specification.workingDirectory = folders.redis
        specification.become(account)
        return specification
    }

    /// `4711:M 23 Nov 2026 10:00:00.123 # Something is wrong`
    @Sendable private func pass(_ line: String) {
        let words = line.split(separator: " ", maxSplits: 6)
        guard words.count == 7, words[5].utf8.count == 1 else {
            return console.pass(line, from: "redis", level: .debug)
        }
        // Starting and stopping, and advice about the kernel's settings, come at its level of warnings too.
        let isRoutine = Self.routine.contains { words[6].hasPrefix($0) }
        let level: LogLevel = words[5] == "#" && !isRoutine ? .warning : .debug
        console.pass(String(words[6]), from: "redis", level: level)
    }

    private static let routine = [
        "oO0Oo", "Redis version=", "Valkey version=", "Configuration loaded", "Server initialized", "WARNING ",
        "User requested",
        "Received SIG", "Redis is now ready to exit", "Valkey is now ready to exit",
    ]

    private static func percentEncoded(_ byte: UInt8) -> String {
        let scalar = Character(UnicodeScalar(byte))
        if byte < 0x80, scalar.isLetter || scalar.isNumber || "/-._~".contains(scalar) { return String(scalar) }
        return "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
    }
}
