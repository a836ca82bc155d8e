import Bench
import Glibc
import Reactor
import Service
import WebClient
import Wire

/// `weir bench query`: how fast a running front answers.
enum BenchQueryCommand {
    /// How the report is printed.
    enum Format: String, CaseIterable, Sendable {
        case table, json
    }

    static let ask = Setting(
        repeated: "ask", .text("WHAT"),
        help:
            "5m, 1h, 30d, 30d-one, dashboard, healthz, a path like /api/v1/query?metric=events, or @FILE with a path a line, "
            + "of which each request takes one; several are asked one after the other; dashboard unless told.")
    static let metric = Setting(
        optional: "metric", .text("NAME"),
        help: "What 5m, 1h, 30d and 30d-one are about; the first distribution unless told.")
    static let clients = Setting(
        "clients", .int(1...10_000), default: 16, help: "Connections, each with one request under way.")
    static let duration = Setting(
        "duration", .duration(.milliseconds(100) ... .seconds(86_400)), default: .seconds(10),
        help: "How long each is asked.")
    static let warmUp = Setting(
        "warm-up", .duration(.zero ... .seconds(3_600)), default: .seconds(1),
        help: "How long each is asked before that, without being counted.")
    static let rate = Setting(
        optional: "rate", .double(0.1...1e6, "REQUESTS"),
        help: "Requests a second over all clients; else each asks again once it is answered.")
    static let seed = Setting(
        "seed", .int(0 ... .max), default: 1, help: "The same seed picks the same series and ranges.")
    static let gzip = Setting(
        flag: "gzip", help: "Ask for compressed answers; the clients then spend CPU on unpacking them.")
    static let format = Setting(
        "format", .choice(Format.self), default: .table, help: "For people, or for programs.")

    static let command = Command(
        "bench query", summary: "measures how fast a running front answers",
        details:
            "Many clients ask at once; the report has requests a second, times of the whole round trip and those the "
            + "front itself tells (took_ms), the share of answers without PostgreSQL, sizes, failures, and the CPU of both "
            + "sides. 5m is the last 5 minutes of one series by the second, 1h the last hour by ten seconds and 30d the last 30 days "
            + "by the hour, both of all series grouped by the first label, 30d-one of the series with one value of it; dashboard is "
            + "a mix of what dashboards show, healthz the least that a request costs.",
        settings: [ask, metric, clients, duration, warmUp, rate, seed, gzip, format, Shared.url, Shared.token],
        check: check)

    @Sendable private static func check(_ settings: Settings, _ problems: inout Problems) {
        for text in settings[ask] where QuestionPreset(rawValue: text) == nil && text.first != "/" && text.first != "@"
        {
            let names = QuestionPreset.allCases.map(\.rawValue).joined(separator: ", ")
            problems.add(
                ask, in: settings, "expected one of \(names), a path that begins with /, or @FILE, found '\(text)'")
        }
    }

    static func run(_ settings: Settings) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "bench")
            let run = try BenchQueryRun(settings, loop: loop)
            let signals = Signals { signal in if signal != .hangup { run.stop() } }
            defer { withExtendedLifetime(signals) {} }
            let report = try await loop.run { try await run.run() }
            switch settings[format] {
            case .table: for line in report.lines { say(line) }
            case .json: guard writeAll(report.json, to: STDOUT_FILENO) == 0 else { return .signal(SIGPIPE) }
            }
            guard report.failed == 0 else {
                complain("bench query", "\(report.failed) of \(report.requests) requests failed")
                return .failure
            }
            return .success
        } catch {
            complain("bench query", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }
}
