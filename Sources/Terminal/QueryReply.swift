package import Service

/// An answer of the query API, as it came.
package struct QueryReply: Sendable {
    /// What one bucket has of one aggregation.
    enum Cell: Sendable, Equatable {
        case absent
        case number(Double)
        /// Items with their counts.
        case text(String)

        var number: Double? { if case .number(let number) = self { number } else { nil } }
    }

    /// One group of labels.
    struct Series: Sendable {
        let labels: [(name: String, value: String)]
        /// Starts of the buckets, ms since 1970, ascending.
        let times: [Int64]
        /// By aggregation, then by time.
        let cells: [[Cell]]

        func value(of label: String) -> String? { labels.first { $0.name == label }?.value }
    }

    let metric: String
    let unit: String
    let fromMs: Int64
    let toMs: Int64
    let stepMs: Int64
    /// The heaviest first.
    let series: [Series]
    /// Their names, as every series has them; empty where there is no series.
    let aggregations: [String]
    let tiers: [String]
    let asOfMs: Int64
    /// Stores that did not answer.
    package let degraded: [String]
    /// Whether more series matched than were asked for.
    package let isTruncated: Bool

    /// Reads an answer; nil where it is none.
    package init?(_ json: JSON5Value) {
        guard let metric = json["metric"]?.string, let fromMs = json["from"]?.integer, let toMs = json["to"]?.integer,
            let stepMs = json["step"]?.integer, stepMs > 0, fromMs < toMs, let list = json["series"]?.elements
        else { return nil }
        self.metric = metric
        unit = json["unit"]?.string ?? ""
        (self.fromMs, self.toMs, self.stepMs) = (fromMs, toMs, stepMs)
        aggregations = (list.first?.members ?? []).map(\.key).filter { $0 != "labels" && $0 != "t" }
        var series: [Series] = []
        for one in list {
            guard let read = Self.series(one, aggregations) else { return nil }
            series.append(read)
        }
        self.series = series
        tiers = (json["tiers"]?.elements ?? []).compactMap(\.string)
        asOfMs = json["as_of"]?.integer ?? 0
        degraded = (json["degraded"]?.elements ?? []).compactMap(\.string)
        isTruncated = json["truncated"]?.bool ?? false
    }

    private static func series(_ json: JSON5Value, _ aggregations: [String]) -> Series? {
        guard let labels = json["labels"]?.members, let times = json["t"]?.elements?.compactMap(\.integer) else {
            return nil
        }
        let cells = aggregations.map { (json[$0]?.elements ?? []).map(cell) }
        guard cells.allSatisfy({ $0.count == times.count }) else { return nil }
        return Series(
            labels: labels.map { ($0.key, TerminalText.printable($0.value.string ?? "")) }, times: times, cells: cells)
    }

    private static func cell(_ json: JSON5Value) -> Cell {
        if let number = json.number { return .number(number) }
        guard let items = json.elements else { return .absent }
        let texts = items.map { "\($0["item"]?.string ?? "") \($0["count"]?.integer ?? 0)" }
        return .text(TerminalText.printable(texts.joined(separator: ", ")))
    }

    // MARK: Names

    /// The labels that any series has, in the order of the answer.
    var labelNames: [String] {
        var names: [String] = []
        for name in series.flatMap({ $0.labels.map(\.name) }) where !names.contains(name) { names.append(name) }
        return names
    }

    /// What a series is called where there is one name for it: the values of its labels.
    func name(of series: Series) -> String {
        if series.labels.map(\.name) == ["overflow"] { return "(overflow)" }
        let names = labelNames.filter { $0 != "overflow" }
        if names.isEmpty || series.labels.isEmpty { return metric }
        return names.map { series.value(of: $0) ?? "–" }.joined(separator: " ")
    }

    /// In what an aggregation is measured; empty for what only counts.
    func unit(of aggregation: String) -> String {
        switch aggregation {
        case "count", "ratio", "unique", "top": ""
        case "rate": "/s"
        default: unit
        }
    }

    /// `p99 (ms)`
    func heading(of aggregation: String) -> String {
        let unit = unit(of: aggregation)
        return unit.isEmpty ? aggregation : "\(aggregation) (\(unit))"
    }

    /// What the answer is about, in one line.
    func title(_ zone: TerminalZone) -> String {
        let unit = unit.isEmpty ? "" : " (\(unit))"
        return "\(metric)\(unit)  \(zone.range(fromMs, toMs))  step \(NumberText.step(stepMs))"
    }
}
