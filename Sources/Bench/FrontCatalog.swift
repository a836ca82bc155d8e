package import Analytics
package import Service
internal import Wire

/// What a front can be asked for: its metrics, and the series of one of them.
package struct FrontCatalog: Sendable {
    /// A metric as `GET /api/v1/metrics` describes it.
    package struct Metric: Sendable, Equatable {
        package let name: String
        package let kind: MetricKind
        /// Its labels, those that people want to see first.
        package let by: [String]

        package init(name: String, kind: MetricKind, by: [String]) {
            self.name = name
            self.kind = kind
            self.by = by
        }
    }

    /// In the order of their definitions.
    package let metrics: [Metric]
    /// The one that questions about a single metric are about.
    package let metric: Metric
    /// Labels of each series of `metric`; never empty.
    package let series: [[String: String]]

    /// Makes a catalog; `series` has at least one element.
    package init(metrics: [Metric], metric: Metric, series: [[String: String]]) {
        precondition(!series.isEmpty, "a question needs a series to ask for")
        self.metrics = metrics
        self.metric = metric
        self.series = series
    }

    /// The metrics in an answer to `GET /api/v1/metrics`; nil where it is none. Kinds that are not known are left out.
    package static func metrics(_ answer: JSON5Value) -> [Metric]? {
        answer["metrics"]?.elements?.compactMap { element in
            guard let name = element["name"]?.string, let kind = element["kind"]?.string.flatMap(MetricKind.init)
            else { return nil }
            return Metric(name: name, kind: kind, by: element["by"]?.elements?.compactMap(\.string) ?? [])
        }
    }

    /// The label sets in an answer to `GET /api/v1/metrics/{name}/series`; nil where it is none.
    package static func series(_ answer: JSON5Value) -> [[String: String]]? {
        answer["series"]?.elements?.map { element in
            var labels: [String: String] = [:]
            for member in element["labels"]?.members ?? [] { labels[member.key] = member.value.string }
            return labels
        }
    }

    /// The metric that is asked for unless a user names one: the first distribution, whose answers cost most.
    package static func preferred(of metrics: [Metric]) -> Metric? {
        metrics.first { $0.kind == .distribution } ?? metrics.first { !$0.by.isEmpty } ?? metrics.first
    }

    /// Where the series of the metric called `name` are listed.
    package static func seriesTarget(of name: String) -> String {
        "/api/v1/metrics/\(PercentCoding.encoded(name))/series"
    }
}
