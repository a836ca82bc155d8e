/// Why a question cannot be asked; it names the parameter and says how to mend it.
package struct QueryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The parameter that is wrong: `step`.
    package let parameter: String
    package let detail: String

    package init(_ parameter: String, _ detail: String) {
        self.parameter = parameter
        self.detail = detail
    }

    package var description: String { "\(parameter): \(detail)" }
}

/// A question about one metric, checked against its definition.
package struct Query: Equatable, Sendable {
    package var metric: MetricDefinition
    /// At least one.
    package var aggregations: [Aggregation]
    /// Labels to keep, ascending; none makes one series of all.
    package var by: [String]
    package var filter: LabelFilter
    /// ms since 1970, a whole number of steps; points of an answer are labelled by the start of their bucket.
    package var fromMs: Int64
    /// The end, not included; a whole number of steps.
    package var toMs: Int64
    /// One of `StepLadder.all`.
    package var stepMs: Int64
    /// Series at most, the heaviest first.
    package var limit: Int
    /// Counts and rates of buckets without events are 0 instead of absent.
    package var fillsZero: Bool
    /// All of the range is one bucket, whatever the step: the answer is a sum, and the step only says how it is read.
    package var isOneBucket = false

    package static let maxSeries = 1_000
    package static let maxPoints: Int64 = 11_000
    package static let maxAggregations = 32
    /// Points that filling with zeros may make of an answer, at most.
    package static let maxFilled: Int64 = 2_000_000

    /// What a request may say, as texts; nil stands for the default.
    package struct Texts: Sendable {
        package var aggregations: String?
        package var by: String?
        package var filter = LabelFilter()
        package var from: String?
        package var to: String?
        /// What the request calls these two.
        package var fromName = "from"
        package var toName = "to"
        package var step: String?
        package var limit: String?
        package var fill: String?

        package init() {}

        /// True where the range is the same whenever it is asked for.
        package var isRangeAbsolute: Bool {
            guard let from, let to else { return false }
            return TimeExpression.isAbsolute(from) && TimeExpression.isAbsolute(to)
        }
    }

    /// A question about all the buckets of some series, in whole steps.
    package init(
        metric: MetricDefinition, by: [String], filter: LabelFilter, fromMs: Int64, toMs: Int64, stepMs: Int64
    ) {
        self.metric = metric
        aggregations = Array(metric.aggregations.prefix(1))
        self.by = by
        self.filter = filter
        self.fromMs = fromMs
        self.toMs = toMs
        self.stepMs = stepMs
        limit = Self.maxSeries
        fillsZero = false
    }

    /// Checks a request against the metric.
    ///
    /// - Parameters:
    ///   - metric: what is asked about.
    ///   - texts: the request.
    ///   - nowMs: what `now` means.
    /// - Throws: `QueryError` for the first thing that is wrong.
    package init(metric: MetricDefinition, _ texts: Texts, nowMs: Int64) throws(QueryError) {
        self.metric = metric
        aggregations = try Self.aggregations(texts.aggregations, metric)
        let labels = texts.by.flatMap { $0.isEmpty ? nil : $0.split(separator: ",", omittingEmptySubsequences: false) }
        by = Array(Set((labels ?? []).map(String.init))).sorted()
        for label in by where !metric.by.contains(label) {
            throw QueryError("by", "\(metric.name) has no label \"\(label)\"; \(Self.labelsOf(metric))")
        }
        filter = texts.filter
        for label in filter.labels where !metric.by.contains(label) && label != "overflow" {
            throw QueryError("label.\(label)", "\(metric.name) has no such label; \(Self.labelsOf(metric))")
        }
        guard let from = TimeExpression.parse(texts.from ?? "-15m", nowMs: nowMs) else {
            throw QueryError(texts.fromName, Self.noTime)
        }
        guard let to = TimeExpression.parse(texts.to ?? "now", nowMs: nowMs) else {
            throw QueryError(texts.toName, Self.noTime)
        }
        guard from >= 0, from < to else {
            throw QueryError(texts.fromName, "must be before \(texts.toName), and after 1970")
        }
        stepMs = max(try Self.step(texts, fromMs: from, toMs: to), metric.finestStepMs)
        fromMs = StepLadder.floor(from, stepMs)
        toMs = StepLadder.ceiling(to, stepMs)
        limit = 100
        if let text = texts.limit {
            guard let number = parseWholeNumber(text, in: 1...Self.maxSeries) else {
                throw QueryError("limit", "must be a whole number from 1 to \(Self.maxSeries)")
            }
            limit = number
        }
        guard texts.fill == nil || texts.fill == "zero" else {
            throw QueryError("fill", "must be zero, or be left away")
        }
        fillsZero = texts.fill == "zero"
        guard !fillsZero || (toMs - fromMs) / stepMs * Int64(limit) <= Self.maxFilled else {
            throw QueryError("fill", "would fill in too much; ask for a greater step or a smaller limit")
        }
    }

    /// The same question with a step that is at least `ms`.
    package func rising(toStep ms: Int64) -> Query {
        guard ms > stepMs else { return self }
        var query = self
        query.stepMs = StepLadder.rising(to: ms)
        query.fromMs = StepLadder.floor(fromMs, query.stepMs)
        query.toMs = StepLadder.ceiling(toMs, query.stepMs)
        return query
    }

    private static let noTime = "is no time: use RFC 3339, milliseconds since 1970, now, or -15m, -6h, -7d"

    private static func labelsOf(_ metric: MetricDefinition) -> String {
        metric.by.isEmpty ? "it has none" : "it has \(metric.by.joined(separator: ", "))"
    }

    private static func aggregations(
        _ text: String?, _ metric: MetricDefinition
    ) throws(QueryError) -> [Aggregation] {
        guard let text else { return Array(metric.aggregations.prefix(1)) }
        let names = text.split(separator: ",", omittingEmptySubsequences: false)
        guard names.count <= maxAggregations else {
            throw QueryError("agg", "names more than \(maxAggregations) aggregations; ask for some of them")
        }
        var found: [Aggregation] = []
        for name in names {
            guard let aggregation = Aggregation(String(name)), metric.answers(aggregation) else {
                let known = metric.aggregations.map(\.name).joined(separator: ", ")
                let more = metric.kind == .distribution ? " and any pN" : ""
                throw QueryError("agg", "\(metric.name) does not answer \"\(name)\"; it answers \(known)\(more)")
            }
            if !found.contains(aggregation) { found.append(aggregation) }
        }
        return found
    }

    private static func step(_ texts: Texts, fromMs: Int64, toMs: Int64) throws(QueryError) -> Int64 {
        // Below that no step is coarse enough.
        guard (toMs - fromMs) / 86_400_000 <= maxPoints else {
            throw QueryError(
                texts.fromName, "lies more than \(maxPoints) days before \(texts.toName); ask for a shorter range")
        }
        guard let text = texts.step, text != "auto" else {
            let step = StepLadder.auto(fromMs: fromMs, toMs: toMs)
            return step
        }
        guard let ms = TimeExpression.durationMs(text), (1_000...86_400_000).contains(ms) else {
            throw QueryError("step", "must be auto, or from 1s to 1d, as in 10s, 5m, 1h")
        }
        let step = StepLadder.rising(to: ms)
        guard (toMs - fromMs) / step <= maxPoints else {
            let least = StepLadder.rising(to: (toMs - fromMs) / maxPoints + 1) / 1_000
            throw QueryError(
                "step", "gives more than \(maxPoints) points; for this range use at least \(least)s, or auto")
        }
        return step
    }
}
