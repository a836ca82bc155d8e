import Reactor
import Service
import Terminal
import WebClient
import Wire

/// `weir query`: the query API from a terminal.
enum QueryCommand {
    /// What is printed.
    enum Format: String, CaseIterable, Sendable {
        case table, csv, json
    }

    /// What buckets without events count.
    enum Fill: String, CaseIterable, Sendable {
        case zero
    }

    private static let question = "Question"
    private static let looks = "Output"

    static let agg = Setting(
        optional: "agg", .text("NAMES"), group: question,
        help: "Aggregations with commas between them, as in p99,mean; the metric's first unless told.")
    static let by = Setting(
        optional: "by", .text("LABELS"), group: question,
        help: "Labels to keep, with commas between them; else one series.")
    static let label = Setting(
        repeated: "label", .text("NAME=VALUE"), group: question,
        help: "Only series with this label: a value, several (a,b), all but one (!a), with wildcards (a*).")
    static let from = Setting(
        optional: "from", .text("TIME"), group: question,
        help: "From when on: RFC 3339, ms since 1970, or -15m, -6h, -7d; 15 minutes ago unless told.")
    static let to = Setting(optional: "to", .text("TIME"), group: question, help: "Up to when; now unless told.")
    static let step = Setting(
        optional: "step", .text("TIME"), group: question,
        help: "Length of the buckets, 1s to 1d; about 300 unless told.")
    static let limit = Setting(
        optional: "limit", .int(1...1_000), group: question,
        help: "At most so many series, the heaviest; 100 unless told.")
    static let fill = Setting(
        optional: "fill", .choice(Fill.self), group: question,
        help: "Counts and rates without events are 0, not absent.")

    static let format = Setting(
        "format", .choice(Format.self), default: .table, group: looks, help: "For people, or as the API gives it.")
    static let plot = Setting(flag: "plot", group: looks, help: "Draw a line chart instead of the table.")
    static let watch = Setting(
        optional: "watch", .duration(.milliseconds(100) ... .seconds(86_400)), bare: "2s", group: looks,
        help: "Ask again after so long, until Ctrl-C.")
    static let utc = Setting(flag: "utc", group: looks, help: "Write times in UTC, not in the time zone here.")

    static let command = Command(
        "query", summary: "asks a running front",
        details:
            "A table of a metric's buckets, or a chart (--plot); --format csv and json give the API's answer as it is. "
            + "What is missing from an answer is said on standard error. Without colours where NO_COLOR is set.",
        settings: [
            agg, by, label, from, to, step, limit, fill, format, plot, watch, utc, Shared.url, Shared.token,
        ], positional: Positional("METRIC", count: 1...1, help: "The metric, as in response_time."), check: check)

    @Sendable private static func check(_ settings: Settings, _ problems: inout Problems) {
        if settings[plot], settings[format] != .table {
            problems.add(plot, in: settings, "draws; it goes with --format table only")
        }
        for text in settings[label] where labelCondition(text) == nil {
            problems.add(label, in: settings, "expected NAME=VALUE, as in service=checkout, found '\(text)'")
        }
    }

    /// `NAME=VALUE` in its parts; nil where it is none.
    static func labelCondition(_ text: String) -> (name: String, patterns: String)? {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { return nil }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// Conditions on one label that are given apart are one: any of their values will do.
    static func labelConditions(_ texts: [String]) -> [(name: String, patterns: String)] {
        var conditions: [(name: String, patterns: String)] = []
        for one in texts.compactMap(labelCondition) {
            if let place = conditions.firstIndex(where: { $0.name == one.name }) {
                conditions[place].patterns += "," + one.patterns
            } else {
                conditions.append(one)
            }
        }
        return conditions
    }

    /// What is asked for, as path and query.
    static func target(_ settings: Settings) -> String {
        var items = [("metric", settings.arguments[0])]
        let texts: [(String, String?)] = [
            ("agg", settings[agg]), ("by", settings[by]), ("from", settings[from]), ("to", settings[to]),
            ("step", settings[step]), ("limit", settings[limit].map { String($0) }), ("fill", settings[fill]?.rawValue),
        ]
        items += texts.compactMap { name, text in text.map { (name, $0) } }
        items += labelConditions(settings[label]).map { ("label." + $0.name, $0.patterns) }
        return "/api/v1/query?"
            + items.map { "\(PercentCoding.encoded($0.0))=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
    }

    static func run(_ settings: Settings) async -> ExitCode {
        do {
            let loop = try EventLoop.start(name: "query")
            let front = FrontRequest(client: try frontClient(settings, loop: loop), token: settings[Shared.token])
            let run = QueryRun(settings, front)
            let signals = Signals { signal in if signal != .hangup { run.interrupted(by: signal) } }
            defer { withExtendedLifetime(signals) {} }
            return try await loop.run { try await run.run() }
        } catch {
            complain("query", "\(error)")
            return (error as? any ExitCodeError)?.exitCode ?? .failure
        }
    }
}
