import Glibc
import Service

/// `weir up`: the embedded default, with stores of its own.
enum UpCommand {
    private static let stores = "Stores"

    static let data = Setting(
        "data", .text("FOLDER"), default: ".weir", help: "Where Redis and PostgreSQL keep their data; made if needed.")
    static let workListen = Setting(
        "work-listen", .address, default: HostPort(host: "127.0.0.1", port: 8081),
        help: "Health and metrics of the worker.")
    static let generateListen = Setting(
        "generate-listen", .address, default: HostPort(host: "127.0.0.1", port: 8082),
        help: "Health and metrics of the generator.")
    static let noGenerate = Setting(flag: "no-generate", help: "Make no synthetic events.")
    static let redisPort = Setting(
        optional: "redis-port", .int(1...65_535, "PORT"), group: stores,
        help: "Open Redis on this loopback port too, to every user of this machine.")
    static let postgresPort = Setting(
        optional: "postgres-port", .int(1...65_535, "PORT"), group: stores,
        help: "Open PostgreSQL on this loopback port too; the password of its user weir is in FOLDER.")

    static let command = Command(
        "up", summary: "starts everything, with private stores, and keeps it running",
        details:
            "Starts a private redis-server and PostgreSQL in a folder, brings them up to date, and runs serve, work, "
            + "compact (every minute) and generate. Ctrl-C stops everything in order; a second one kills it. What was "
            + "stored is there the next time.\n\n"
            + "The stores listen on Unix sockets in the folder. Started by root, they run as the user postgres, or nobody. "
            + "On a terminal only warnings of the other processes are shown, unless --log-level asks for more.\n\n"
            + "Exit codes: 69 a port is taken or a server program missing, 73 the folder cannot be used, 75 another "
            + "weir up uses the folder, 78 the folder's data does not fit.",
        settings: [
            data, ServeCommand.listen, workListen, generateListen, noGenerate, GenerateCommand.rate,
            ServeCommand.tokens, ServeCommand.insecure, redisPort, postgresPort,
        ],
        check: ServeCommand.check)

    static func run(_ settings: Settings) async -> ExitCode {
        let console = UpConsole(settings)
        let children = LivingChildren()
        let group = RunGroup(logger: console.logger, total: .milliseconds(9_500))
        let stopsOnHangup = !ignoresHangup()
        let signals = Signals(leave: { children.killAll(thenLeave: $0) }) { signal in
            if signal == .hangup, !stopsOnHangup { return }
            console.remark("stopping … (a second Ctrl-C kills)")
            switch signal {
            case .interrupt: group.stop("SIGINT")
            case .terminate: group.stop("SIGTERM")
            case .hangup: group.stop("SIGHUP")
            }
        }
        defer { withExtendedLifetime(signals) {} }
        do {
            let installation = try await Installation.prepare(settings, console: console, children: children)
            let code = await group.run(installation.parts())
            if let killCode = children.killCode { return killCode }
            installation.close()
            return code
        } catch {
            complain("up", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }

    /// Whether we were started by `nohup`: then the end of the terminal is nothing to us.
    private static func ignoresHangup() -> Bool {
        guard let bytes = try? readFile("/proc/self/status") else { return false }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let mask = lines.first { $0.hasPrefix("SigIgn:") }?.split(separator: "\t").last
        return mask.flatMap { UInt64($0, radix: 16) }.map { $0 & 1 != 0 } ?? false
    }
}
