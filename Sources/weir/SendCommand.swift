import Glibc
import Producer
import Reactor
import Service
import WebClient

/// `weir send`: real logs in.
enum SendCommand {
    private static let times = "Times"
    private static let resuming = "Going on after a stop"

    static let format = Setting(
        "format", .choice(SendOptions.Format.self), default: .ndjson,
        help: "How lines look; combined is the Apache and nginx access log.")
    static let follow = Setting(flag: "follow", help: "Go on with a file that grows or is rotated.")
    static let shiftToNow = Setting(
        flag: "shift-to-now", group: times, help: "Move all times so that the newest line is now.")
    static let shiftBy = Setting(
        optional: "shift-by", .int(.min ... .max, "MS"), group: times, help: "Move all times by so many milliseconds.")
    static let replay = Setting(
        optional: "replay", .double(0.001...1e6, "SPEED"), group: times,
        help: "Play from now on, SPEED times as fast as it happened.")
    static let fromLine = Setting(
        "from-line", .int(1 ... .max), default: 1, group: resuming, help: "Begin with this line of the first file.")
    static let skipLines = Setting(
        repeated: "skip-lines", .text("A-B"), group: resuming, help: "Leave out these lines of the first file.")
    static let retryFor = Setting(
        "retry-for", .duration(.seconds(1) ... .seconds(3_500)), default: .seconds(3_000),
        help: "Give up after the server was away for so long.")

    static let command = Command(
        "send", summary: "sends real logs",
        details: "Reads files or standard input and sends the lines in batches under idempotency keys, so that each "
            + "counts once however often the network fails. Where it must stop it says how to go on.",
        settings: [
            Shared.url, Shared.token, format, follow, shiftToNow, shiftBy, replay, fromLine, skipLines, retryFor,
        ], positional: Positional("FILE", count: 0 ... .max, help: "Files to send; none, or -, is standard input."),
        check: { settings, problems in
            if case .failure(let problem) = options(settings) { problems.add(skipLines, in: settings, problem.text) }
        })

    static func run(_ settings: Settings) async -> ExitCode {
        let options: SendOptions
        switch Self.options(settings) {
        case .success(let made): options = made
        case .failure(let problem):
            complain("send", problem.text)
            return .usage
        }
        do {
            let loop = try EventLoop.start(name: "send")
            let client = try frontClient(settings, loop: loop)
            let pipeline = try SendPipeline(
                options: options, sink: HTTPEventSink(client: client, token: settings[Shared.token]), time: .system,
                pause: { try await Task.sleep(for: $0) }, runID: SendPipeline.randomRunID(),
                onNotice: { complain("send", $0.text) })
            let signals = Signals { signal in if signal != .hangup { pipeline.stop() } }
            defer { withExtendedLifetime(signals) {} }
            let bar = ProgressBar.start(on: loop) { width in ProgressLine.text(pipeline.progress, width: width) }
            let report = try await loop.run { await pipeline.run() }
            bar.cancel()
            _ = await bar.result
            return finish(report)
        } catch {
            complain("send", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .noInput
        }
    }

    private static func finish(_ report: SendReport) -> ExitCode {
        say(report.summary)
        if let problem = report.problem { complain("send", problem) }
        if let advice = report.advice { complain("send", advice) }
        return ExitCode(rawValue: report.exitCode)
    }

    private struct BadOptions: Error { let text: String }

    private static func options(_ settings: Settings) -> Result<SendOptions, BadOptions> {
        var options = SendOptions()
        options.files = settings.arguments
        options.format = settings[format]
        options.follow = settings[follow]
        options.fromLine = settings[fromLine]
        options.retry.giveUpAfter = settings[retryFor]
        let changes = [
            settings[shiftToNow] ? SendOptions.TimeChange.shiftToNow : nil,
            settings[shiftBy].map { .shift(byMs: Int64($0)) }, settings[replay].map { .replay(speed: $0) },
        ].compactMap { $0 }
        if changes.count > 1 {
            return .failure(BadOptions(text: "only one of --shift-to-now, --shift-by and --replay can be used"))
        }
        options.timeChange = changes.first ?? .none
        for text in settings[skipLines].flatMap({ $0.split(separator: ",") }) {
            let ends = text.split(separator: "-").map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first >= 1, first <= last
            else { return .failure(BadOptions(text: "\"\(text)\" is no range of lines like 120-180")) }
            options.skipLines.append(first...last)
        }
        if let problem = options.problems.first { return .failure(BadOptions(text: problem)) }
        return .success(options)
    }
}
