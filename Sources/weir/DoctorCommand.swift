import Analytics
import Doctor
import Glibc
import Reactor
import Service

/// `weir doctor`: looks whether all is well, and says what is wrong and how to mend it.
enum DoctorCommand {
    /// How the report looks.
    enum Format: String, CaseIterable, Sendable {
        case text, json
    }

    /// What `--health` asks of a process.
    enum Health: String, CaseIterable, Sendable {
        case live, ready

        var path: String { self == .live ? "/healthz" : "/readyz" }
    }

    static let format = Setting(
        "format", .choice(Format.self), default: .text, help: "A line a check for people, or all of it as JSON.")
    static let timeout = Setting(
        "timeout", .duration(.milliseconds(100) ... .seconds(300)), default: .seconds(5),
        help: "How long each store, and the front, may take to answer.")

    static let data = Setting(
        optional: "data", .text("FOLDER"), group: "Stores",
        help: "Look at the stores of the weir up that runs in this folder, instead of those named by URLs.")

    private static let container = "Of this machine's process"
    static let health = Setting(
        optional: "health", .choice(Health.self), bare: Health.live.rawValue, group: container,
        help:
            "Ask only the process here whether it lives (live) or can serve (ready): for the HEALTHCHECK of a container."
    )
    static let listen = Setting(
        optional: "listen", .address, environment: "WEIR_LISTEN", key: "listen", group: container,
        help: "Where that process listens; without it 8080, 8081 and 8082 are tried.")

    static let command = Command(
        "doctor", summary: "looks whether all is well, and says how to mend what is not",
        details:
            "Looks at the configuration, both stores, what is in them, how far worker and compaction are, and, where "
            + "WEIR_URL or --url names one, at a front. It changes nothing. Exits 0 where all is well, 69 where a store does not "
            + "answer, 78 where the configuration is wrong, else 1.",
        settings: [
            Shared.redis, Shared.postgres, data, Shared.url, Shared.token, ServeCommand.tokens, Shared.late,
            CompactCommand.keepMinutes, CompactCommand.keepHours, CompactCommand.keepDays, format, timeout, health,
            listen,
        ], check: CompactCommand.checkRetention)

    static func run(_ settings: Settings) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "doctor")
            if let health = settings[health] {
                return try await loop.run { await HealthProbe(settings, loop: loop).run(health) }
            }
            let examination = try Examination(settings, loop: loop)
            let found = try await loop.run { await examination.run() }
            tell(found.report, settings)
            if found.report.verdict == .ok { return .success }
            return found.isStoreAway ? .unavailable : .failure
        } catch {
            complain("doctor", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }

    private static func tell(_ report: Report, _ settings: Settings) {
        guard settings[format] == .text else {
            let json = report.json(version: Weir.version, atMs: TimeSource.system.wallMs())
            _ = writeAll(json, to: STDOUT_FILENO)
            return
        }
        for line in report.lines { say(line) }
        say(report.summary)
    }
}
