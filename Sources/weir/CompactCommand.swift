import Analytics
import Compactor
import Postgres
import PostgresStore
import Reactor
import Redis
import RedisStore
import Service

/// `weir compact`: rolls Redis down into PostgreSQL.
enum CompactCommand {
    static let every = Setting(
        optional: "every", .duration(.seconds(1) ... .seconds(86_400)), key: "compact.every",
        help: "Repeat after so long, for ever; without it one pass is made.")
    static let dryRun = Setting(flag: "dry-run", help: "Say what would be written and dropped, and do neither.")

    static let verbose = Setting(
        flag: "verbose", help: "Log each step: what was read, written, rolled up and dropped, and how long it took.")

    private static let keepRange = Duration.seconds(86_400) ... .seconds(36_500 * 86_400)
    static let keepMinutes = Setting(
        "keep-minutes", .duration(keepRange), default: .seconds(9 * 86_400), key: "keep.minutes", group: retention,
        help: "How long minutes are kept; at least 2d longer than --late.")
    static let keepHours = Setting(
        "keep-hours", .duration(keepRange), default: .seconds(400 * 86_400), key: "keep.hours", group: retention,
        help: "How long hours are kept.")
    static let keepDays = Setting(
        "keep-days", .duration(keepRange), default: .seconds(3_650 * 86_400), key: "keep.days", group: retention,
        help: "How long days are kept. A shorter time takes effect a day after it was first seen.")
    private static let retention = "History in PostgreSQL"

    /// What can be rebuilt.
    enum Rebuilt: String, CaseIterable, Sendable {
        case hour, day

        var resolution: HistoryResolution { self == .hour ? .hour : .day }
    }
    private static let rebuilding = "Rebuilding"
    static let rebuild = Setting(
        optional: "rebuild", .choice(Rebuilt.self), group: rebuilding,
        help: "Instead of a pass, roll hours or days of a range up anew from what they are made of.")
    static let from = Setting(
        optional: "from", .text("TIME"), group: rebuilding, help: "From when on: RFC 3339, ms since 1970, or -7d.")
    static let to = Setting("to", .text("TIME"), default: "now", group: rebuilding, help: "Up to when.")

    static let command = Command(
        "compact", summary: "moves finished minutes from Redis to PostgreSQL",
        details:
            "One pass, for cron: exits 0 when done, 75 where another pass is under way, 69 where a store is out of "
            + "reach, 1 where it failed. It may be killed at any moment; the next pass repeats what was not finished.",
        settings: [
            Shared.redis, Shared.postgres, every, dryRun, verbose, Shared.late, keepMinutes, keepHours, keepDays,
            rebuild, from, to,
        ], check: check)

    /// A range to rebuild has two ends, in whole buckets that are over and whose parts are held.
    @Sendable private static func check(_ settings: Settings, _ problems: inout Problems) {
        checkRetention(settings, &problems)
        let nowMs = TimeSource.system.wallMs()
        if settings[rebuild] != nil, settings[from] == nil {
            problems.add(rebuild, in: settings, "say from when on: --from -7d")
        }
        if let text = settings[from], TimeExpression.parse(text, nowMs: nowMs) == nil {
            problems.add(from, in: settings, "must be RFC 3339, ms since 1970, or relative such as -7d")
        }
        if TimeExpression.parse(settings[to], nowMs: nowMs) == nil {
            problems.add(to, in: settings, "must be now, RFC 3339, ms since 1970, or relative such as -7d")
        }
    }

    /// What may still change is kept, and so is what rolls up to more than it.
    @Sendable static func checkRetention(_ settings: Settings, _ problems: inout Problems) {
        if settings[keepMinutes] < settings[Shared.late] + .seconds(2 * 86_400) {
            problems.add(
                keepMinutes, in: settings, "minutes are kept at least 2d longer than late events are taken (--late)")
        }
        if settings[keepHours] < settings[keepMinutes] {
            problems.add(keepHours, in: settings, "hours are kept at least as long as minutes (--keep-minutes)")
        }
        if settings[keepDays] < settings[keepHours] {
            problems.add(keepDays, in: settings, "days are kept at least as long as hours (--keep-hours)")
        }
    }

    static func run(_ settings: Settings) async -> ExitCode {
        let logger = settings.logger("compact")
        do {
            let loop = try EventLoop.start(name: "compact")
            let history = PostgresHistoryWriter(try PostgresConfiguration(settings[Shared.postgres]), loop: loop)
            if let what = settings[rebuild] {
                return try await loop.run { await RebuildRun(settings, what.resolution, history, logger).run(on: loop) }
            }
            // Two threads: rows are made on one and handed to PostgreSQL on the other.
            let reading = try EventLoop.start(name: "compact-read")
            let redis = try RedisConnections(settings, process: "compact", loop: reading)
            var configuration = CompactionPass.Configuration()
            configuration.isDryRun = settings[dryRun]
            configuration.isVerbose = settings[verbose]
            configuration.retention = RetentionTimes(
                minutes: settings[keepMinutes].components.seconds, hours: settings[keepHours].components.seconds,
                days: settings[keepDays].components.seconds)
            let progress = Lock((done: 0, total: 0))
            let pass = CompactionPass(
                source: RedisCompactionSource(client: redis.commands), history: history, configuration: configuration,
                logger: logger, onProgress: { done, total in progress.withLock { $0 = (done, total) } },
                readExecutor: reading)
            guard let interval = settings[every] else {
                let bar = ProgressBar.start(on: loop) { width in
                    progressText(progress.withLock { $0 }, width: width)
                }
                await redis.start()
                let code = try await loop.run { await once(pass, redis, isDryRun: settings[dryRun], logger) }
                bar.cancel()
                _ = await bar.result
                await redis.close()
                return code
            }
            return await runParts(
                [
                    redis.part(logger: logger, executor: reading),
                    RunPart("compaction", deadline: .seconds(9), executor: loop) {
                        while !Task.isCancelled {
                            _ = await once(pass, redis, isDryRun: settings[dryRun], logger)
                            try? await Task.sleep(for: interval)
                        }
                    },
                ], logger: logger)
        } catch {
            complain("compact", "\(error)")
            return .configuration
        }
    }

    private static func once(
        _ pass: CompactionPass, _ redis: RedisConnections, isDryRun: Bool, _ logger: Logger
    ) async -> ExitCode {
        do {
            _ = try await redis.commands.session(timeout: .seconds(5))
            switch try await pass.run() {
            case .done(let summary):
                let verb = isDryRun ? "would write" : "wrote"
                logger.info(
                    "\(verb) \(summary.rows) rows of \(summary.minutes) minutes",
                    [
                        "rows": .int(summary.rows), "minutes": .int(summary.minutes), "series": .int(summary.series),
                        "hours": .int(summary.hours),
                        "minutes_ms": .int(Int(summary.times.minutes.wholeNanoseconds / 1_000_000)),
                        "waiting_ms": .int(Int(summary.times.waiting.wholeNanoseconds / 1_000_000)),
                    ])
                report(summary.retention, isDryRun: isDryRun, logger)
                if let rewrite = summary.rewrite { report(rewrite, logger) }
                guard summary.heldBack > 0 else { return .success }
                logger.error("something cannot be written and stays in Redis", ["held_back": .int(summary.heldBack)])
                return .failure
            case .locked:
                logger.notice("another pass is under way")
                return .tryLater
            case .behind(let partition, let known, let cursor):
                logger.error(
                    "Redis has lost data that PostgreSQL knows of, or is another Redis; nothing was written",
                    ["partition": "\(partition)", "redis": "\(cursor)", "postgres": "\(known)"])
                return .failure
            case .restarted:
                logger.warning("Redis was restarted during the pass; the next one goes on")
                return .unavailable
            }
        } catch let error as StoreError {
            logger.error("a store failed; the next pass goes on", ["reason": "\(error)"])
            return error.code == .unavailable || error.code == .timedOut ? .unavailable : .failure
        } catch let error as RedisError {
            logger.error("Redis is out of reach", ["reason": "\(error.detail)"])
            return .unavailable
        } catch is CancellationError {
            logger.info("the pass was ended; the next one goes on")
            return .success
        } catch {
            logger.error("the pass failed", ["reason": "\(error)"])
            return .failure
        }
    }

    /// Says what of history went, or would go, and what is about to.
    private static func report(_ report: RetentionReport, isDryRun: Bool, _ logger: Logger) {
        for one in report.dropped {
            logger.notice(
                "\(isDryRun ? "would drop" : "dropped") weir.\(one.name)", ["bytes": .int(Int(one.bytes))])
        }
        for notice in report.notices {
            logger.warning(
                "\(notice.resolution.rawValue)s are to be kept for a shorter time: tomorrow partitions will be dropped; "
                    + "a longer time set until then keeps them",
                [
                    "keep_seconds": .int(Int(notice.keep)), "from_ms": .int(Int(notice.effectiveAtMs)),
                    "partitions": "\(notice.partitions.map(\.name).joined(separator: " "))",
                    "bytes": .int(Int(notice.partitions.reduce(0) { $0 + $1.bytes })),
                ])
        }
    }

    private static func report(_ report: RewriteReport, _ logger: Logger) {
        switch report.outcome {
        case .planned:
            logger.notice(
                "would rewrite weir.\(report.name) in the order of its series", ["bytes": .int(Int(report.bytes))])
        case .rewritten(let rows, let bytes):
            logger.notice(
                "rewrote weir.\(report.name) in the order of its series",
                ["rows": .int(rows), "bytes_before": .int(Int(report.bytes)), "bytes": .int(Int(bytes))])
        case .postponed(let reason):
            logger.warning(
                "weir.\(report.name) could not be rewritten in the order of its series and stays as it is; tried again in an hour",
                ["reason": "\(reason)"])
        }
    }

    static func progressText(_ progress: (done: Int, total: Int), of what: String = "minutes", width: Int) -> String {
        guard progress.total > 0 else { return "reading what has changed" }
        let words = " \(progress.done) of \(progress.total) \(what)"
        let cells = max(10, width - words.count - 2)
        let full = cells * progress.done / progress.total
        return "[" + String(repeating: "#", count: full) + String(repeating: " ", count: cells - full) + "]" + words
    }
}
