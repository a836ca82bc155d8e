internal import Analytics
internal import Wire

/// One kind of question and the forms it is asked in, of which each request takes one at random.
package struct Question: Sendable, Equatable {
    /// Under which it is reported; several questions may share one.
    package let name: String
    /// How often it is asked, in relation to the others; at least 1.
    package let weight: Int
    /// Paths with their queries; at least one.
    package let targets: [String]

    /// Makes a question of at least one target.
    package init(_ name: String, weight: Int = 1, targets: [String]) {
        precondition(weight >= 1 && !targets.isEmpty, "a question has a weight and a target")
        self.name = name
        self.weight = weight
        self.targets = targets
    }

    /// A question whose forms stand in a text, one a line; empty lines and those that begin with `#` are left out. Nil where there
    /// is none, or where a line is no path.
    package init?(_ name: String, lines text: String) {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
        guard !lines.isEmpty, lines.allSatisfy({ $0.hasPrefix("/") && !$0.contains(" ") }) else { return nil }
        self.init(name, targets: lines.map(String.init))
    }
}

/// The questions that have a name.
package enum QuestionPreset: String, CaseIterable, Sendable {
    /// The last five minutes, by the second, of one series.
    case fiveMinutes = "5m"
    /// The last hour, by ten seconds, of all series, grouped by the first label.
    case hour = "1h"
    /// 30 days by the hour of all series, grouped by the first label.
    case thirtyDays = "30d"
    /// 30 days by the hour of the series that share one value of the first label.
    case thirtyDaysOfOne = "30d-one"
    /// What dashboards ask, all metrics over the ranges that the page offers.
    case dashboard
    /// No question at all: the least that a request to this server costs.
    case healthz

    /// The ranges of the dashboard, and how often each is asked, in percent.
    package static let dashboardRanges = [
        (range: "5m", weight: 25), ("15m", 25), ("1h", 25), ("6h", 13), ("24h", 8), ("7d", 4),
    ]

    /// What is asked of a front that has `catalog`, which only `healthz` can do without.
    package func questions(_ catalog: FrontCatalog?) -> [Question] {
        if self == .healthz { return [Question(rawValue, targets: ["/healthz"])] }
        guard let catalog else { preconditionFailure("\(rawValue) asks for what a front has") }
        let metric = catalog.metric
        let group = metric.by.first
        let values = group.map { group in Set(catalog.series.compactMap { $0[group] }).sorted() } ?? []
        func one(_ items: [(String, String?)]) -> [Question] {
            [Question(rawValue, targets: [Self.query(metric, items)])]
        }
        switch self {
        case .fiveMinutes:
            let targets = catalog.series.map { labels in
                Self.query(metric, [("from", "-5m"), ("step", "1s")] + Self.conditions(labels))
            }
            return [Question(rawValue, targets: targets)]
        case .hour: return one([("from", "-1h"), ("step", "10s"), ("by", group)])
        case .thirtyDays: return one([("from", "-30d"), ("step", "1h"), ("by", group)])
        case .thirtyDaysOfOne:
            guard let group, !values.isEmpty else { return one([("from", "-30d"), ("step", "1h")]) }
            let targets = values.map {
                Self.query(metric, [("from", "-30d"), ("step", "1h"), ("by", group)] + Self.conditions([group: $0]))
            }
            return [Question(rawValue, targets: targets)]
        case .dashboard: return Self.dashboard(catalog, group, values)
        case .healthz: preconditionFailure("answered above")
        }
    }

    /// Three of four look at everything, grouped by the first label; one at a single value of it.
    private static func dashboard(_ catalog: FrontCatalog, _ group: String?, _ values: [String]) -> [Question] {
        dashboardRanges.flatMap { range, weight in
            let all = catalog.metrics.map { panel($0, from: "-\(range)", [:]) }
            let some = catalog.metrics.flatMap { metric in
                group.map { group in
                    metric.by.contains(group) ? values.map { panel(metric, from: "-\(range)", [group: $0]) } : []
                } ?? []
            }
            let whole = Question(range, weight: some.isEmpty ? 4 * weight : 3 * weight, targets: all)
            return some.isEmpty ? [whole] : [whole, Question(range, weight: weight, targets: some)]
        }
    }

    private static func panel(_ metric: FrontCatalog.Metric, from: String, _ labels: [String: String]) -> String {
        if metric.kind == .top {
            return target("/api/v1/top", [("metric", metric.name), ("from", from), ("k", "10")] + conditions(labels))
        }
        let aggregations: String? =
            switch metric.kind {
            case .distribution: "p50,p99"
            case .counter: "rate"
            default: nil
            }
        return target(
            "/api/v1/query",
            [("metric", metric.name), ("agg", aggregations), ("by", metric.by.first), ("from", from)]
                + conditions(labels))
    }

    private static func query(_ metric: FrontCatalog.Metric, _ items: [(String, String?)]) -> String {
        target(
            "/api/v1/query",
            [("metric", metric.name), ("agg", metric.kind == .distribution ? "p99" : nil)] + items)
    }

    private static func conditions(_ labels: [String: String]) -> [(String, String?)] {
        labels.sorted { $0.key < $1.key }.map { ("label." + $0.key, exact($0.value)) }
    }

    /// A pattern that only `value` fits.
    static func exact(_ value: String) -> String {
        var pattern = ""
        for character in value {
            if "\\*,!".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern
    }

    private static func target(_ path: String, _ items: [(String, String?)]) -> String {
        let pairs = items.compactMap { name, value in
            value.map { "\(PercentCoding.encoded(name))=\(PercentCoding.encoded($0))" }
        }
        return path + "?" + pairs.joined(separator: "&")
    }
}
