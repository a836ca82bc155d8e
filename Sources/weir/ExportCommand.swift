import Analytics
import Compactor
import Glibc
import Postgres
import PostgresStore
import Reactor
import Service

/// `weir export`: history out of PostgreSQL, as CSV or NDJSON.
enum ExportCommand {
    /// Lengths of the buckets.
    enum Resolution: String, CaseIterable, Sendable {
        case minute, hour, day

        var resolution: HistoryResolution {
            switch self {
            case .minute: .minute
            case .hour: .hour
            case .day: .day
            }
        }
    }

    private static let what = "What to export"

    static let from = Setting(
        "from", .text("TIME"), default: "-7d", group: what,
        help: "From when on: RFC 3339, ms since 1970, or relative as -6h, -7d.")
    static let to = Setting("to", .text("TIME"), default: "now", group: what, help: "Up to when.")
    static let resolution = Setting(
        "resolution", .choice(Resolution.self), default: .minute, group: what, help: "Length of the buckets.")
    static let label = Setting(
        repeated: "label", .text("NAME=VALUE"), group: what,
        help: "Only series with this label: a value, several (a,b), all but one (!a), with wildcards (a*).")
    static let agg = Setting(
        optional: "agg", .text("NAMES"), group: what,
        help: "Aggregations with commas between them, as in count,p99.9; all that the metric answers unless told.")
    static let format = Setting(
        "format", .choice(ExportRequest.Format.self), default: .csv,
        help: "A line a row: CSV with a head, or JSON objects.")
    static let output = Setting(
        optional: "output", .text("FILE"),
        help: "Write to this file, which is there when it is complete and not before; standard output unless told.")

    static let command = Command(
        "export", summary: "writes history as CSV or NDJSON",
        details: "A row for each series and bucket that PostgreSQL holds, ascending by time: the time, the labels, the "
            + "aggregations, with the values that the query API has for them. Up to what was compacted: the newest minutes "
            + "follow with the next pass.",
        settings: [Shared.postgres, from, to, resolution, label, agg, format, output],
        positional: Positional("METRIC", count: 1...1, help: "The metric, as in response_time."), check: check)

    @Sendable private static func check(_ settings: Settings, _ problems: inout Problems) {
        let nowMs = TimeSource.system.wallMs()
        let (fromMs, toMs) = (time(settings[from], nowMs), time(settings[to], nowMs))
        if fromMs == nil {
            problems.add(from, in: settings, "must be RFC 3339, ms since 1970, or relative such as -7d")
        }
        if toMs == nil {
            problems.add(to, in: settings, "must be now, RFC 3339, ms since 1970, or relative such as -7d")
        }
        if let fromMs, let toMs, fromMs >= toMs || fromMs < 0 {
            problems.add(from, in: settings, "must be before --to, and after 1970")
        }
        for text in settings[label] where QueryCommand.labelCondition(text) == nil {
            problems.add(label, in: settings, "expected NAME=VALUE, as in service=checkout, found '\(text)'")
        }
    }

    private static func time(_ text: String, _ nowMs: Int64) -> Int64? { TimeExpression.parse(text, nowMs: nowMs) }

    private static func request(_ settings: Settings, nowMs: Int64) -> ExportRequest {
        var request = ExportRequest(
            metric: settings.arguments[0], fromMs: time(settings[from], nowMs) ?? 0,
            toMs: time(settings[to], nowMs) ?? nowMs)
        request.aggregations = settings[agg]
        for condition in QueryCommand.labelConditions(settings[label]) {
            request.filter.add(label: condition.name, patterns: condition.patterns)
        }
        request.resolution = settings[resolution].resolution
        request.format = settings[format]
        return request
    }

    static func run(_ settings: Settings) async -> ExitCode {
        let nowMs = TimeSource.system.wallMs()
        do {
            let loop = try EventLoop.start(name: "export")
            let pool = try postgresPool(settings, process: "export", loop: loop, maxConnections: 1, failsFast: true)
            let request = request(settings, nowMs: nowMs)
            let file = try ExportFile(settings[output])
            // Nobody takes a half file for a whole one.
            let signals = Signals { signal in
                if signal == .hangup { return }
                file.abandon()
                leave(.signal(signal == .interrupt ? SIGINT : SIGTERM))
            }
            defer { withExtendedLifetime(signals) {} }
            do {
                let summary = try await export(request, from: pool, to: file, nowMs: nowMs, loop: loop)
                try file.finish()
                tell(summary, request, file)
                return .success
            } catch {
                file.abandon()
                throw error
            }
        } catch {
            let code = exitCode(error)
            // In a pipe whose reader has gone, that is no news.
            if code != .signal(SIGPIPE) { complain("export", "\(error)") }
            return code
        }
    }

    private static func export(
        _ request: ExportRequest, from pool: PostgresPool, to file: ExportFile, nowMs: Int64, loop: EventLoop
    ) async throws -> ExportSummary {
        let progress = Lock((done: 0, total: 0))
        // Where rows go to the terminal, a bar among them would be in the way.
        let bar = ProgressBar.start(on: loop, isShown: !file.isTerminal) { width in
            CompactCommand.progressText(progress.withLock { $0 }, of: "\(request.resolution.rawValue)s", width: width)
        }
        let running = loop.spawn {
            let source = PostgresHistoryStore(pool: pool, timeout: .seconds(300))
            return try await HistoryExport(source: source, request: request).run(
                nowMs: nowMs, write: { try file.write($0) },
                onProgress: { done, total in progress.withLock { $0 = (done, total) } })
        }
        let result = await running.result
        bar.cancel()
        _ = await bar.result
        return try result.get()
    }

    /// Says on a terminal what was written, and anywhere that much of what was asked for is not compacted yet.
    private static func tell(_ summary: ExportSummary, _ request: ExportRequest, _ file: ExportFile) {
        let until = String(rfc3339(milliseconds: summary.toMs).dropLast(5)) + "Z"
        let rows = summary.rows == 1 ? "1 row" : "\(summary.rows) rows"
        if isatty(STDERR_FILENO) == 1 { complain("export", "\(rows), up to \(until), in \(file.name)") }
        // The newest minutes are always still in Redis; more than those is worth a word.
        guard request.toMs - summary.toMs > request.resolution.ms + 600_000 else { return }
        complain("export", "what is newer than \(until) is not compacted yet, and not written")
    }

    private static func exitCode(_ error: any Error) -> ExitCode {
        switch error {
        case let error as ExportError: error.code == .badRequest ? .usage : .failure
        case let error as StoreError: error.code == .unavailable || error.code == .timedOut ? .unavailable : .failure
        case is PostgresError: .configuration
        default: (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }
}
