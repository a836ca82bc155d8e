internal import Analytics

/// A message from a client, read and checked.
enum ClientMessage {
    case subscribe(SubscriptionRequest)
    case unsubscribe(id: String)
    case ping
    /// Cannot be done; the connection lives.
    case bad(id: String?, detail: String)
    /// Not even JSON.
    case unreadable

    /// Ids are made from the parameters, so they may be long.
    static let maxIDBytes = 1024
    static let everyMs: ClosedRange<Int64> = 20...3_600_000
    /// Buckets in a window.
    static let maxPoints: Int64 = 2_000
    /// Longer windows begin before what Redis holds second by second, and need steps of 10 s.
    private static let fineWindowMs: Int64 = 20 * 60_000
    /// Longer ones reach into PostgreSQL, which holds minutes.
    private static let recentWindowMs: Int64 = 60 * 60_000

    /// Reads a text message.
    init(_ text: [UInt8], definitions: Definitions) {
        guard let value = JSONReader.read(text) else {
            self = .unreadable
            return
        }
        guard case .object(let members) = value else {
            self = .bad(id: nil, detail: "A message is a JSON object with a type.")
            return
        }
        var fields = LiveFields(members)
        do throws(BadMessage) {
            self = try Self.message(&fields, definitions)
        } catch {
            self = .bad(id: fields.id, detail: error.detail)
        }
    }

    private static func message(
        _ fields: inout LiveFields, _ definitions: Definitions
    ) throws(BadMessage) -> ClientMessage {
        let message: ClientMessage
        switch try fields.string("type") {
        case "ping": message = .ping
        case "unsubscribe": message = .unsubscribe(id: try fields.identifier())
        case "subscribe": message = .subscribe(try subscription(&fields, definitions))
        case let other?: throw BadMessage("Unknown type '\(other)': subscribe, unsubscribe or ping.")
        case nil: throw BadMessage("The message has no type: subscribe, unsubscribe or ping.")
        }
        try fields.checkAllTaken()
        return message
    }

    /// What a subscription asks for; what is left in `fields` it did not know.
    static func subscription(
        _ fields: inout LiveFields, _ definitions: Definitions
    ) throws(BadMessage) -> SubscriptionRequest {
        let id = try fields.identifier()
        guard let name = try fields.string("metric") else { throw BadMessage("metric is missing.") }
        guard let metric = definitions[name] else { throw BadMessage("metric: there is none called '\(name)'.") }
        let aggregations = try aggregations(&fields, of: metric)
        let by = Array(Set(try fields.strings("by") ?? [])).sorted()
        for label in by where !metric.by.contains(label) {
            throw BadMessage("by: \(metric.name) has no label '\(label)', only \(metric.by.joined(separator: ", ")).")
        }
        let filter = try filter(&fields, of: metric)
        let windowMs = try fields.duration("window") ?? 300_000
        guard windowMs >= 1000 else { throw BadMessage("window: at least 1s.") }
        let stepSeconds = try step(&fields, windowMs: windowMs, of: metric)
        let everyMs = try fields.duration("every") ?? 100
        guard Self.everyMs.contains(everyMs) else { throw BadMessage("every: from 20ms to 1h.") }
        let limit = try fields.integer("limit") ?? 100
        guard (1...Query.maxSeries).contains(limit) else { throw BadMessage("limit: from 1 to \(Query.maxSeries).") }
        let question = LiveQuestion(
            metric: metric.name, by: by, filter: filter, stepSeconds: stepSeconds,
            windowSeconds: (windowMs + 999) / 1000, limit: limit)
        return SubscriptionRequest(id: id, question: question, aggregations: aggregations, everyMs: everyMs)
    }

    /// Conditions on labels, by the same patterns as `label.NAME` of a query.
    private static func filter(
        _ fields: inout LiveFields, of metric: MetricDefinition
    ) throws(BadMessage) -> LabelFilter {
        var filter = LabelFilter()
        // In one order, so that equal filters are one.
        for (label, patterns) in try fields.texts("label").sorted(by: { $0.name < $1.name }) {
            guard metric.by.contains(label) || label == "overflow" else {
                throw BadMessage(
                    "label: \(metric.name) has no label '\(label)', only \(metric.by.joined(separator: ", ")).")
            }
            filter.add(label: label, patterns: patterns)
        }
        return filter
    }

    /// The step in seconds: risen to the ladder, and to what the stores hold of a window of this length.
    private static func step(
        _ fields: inout LiveFields, windowMs: Int64, of metric: MetricDefinition
    ) throws(BadMessage) -> Int64 {
        let text = try fields.string("step") ?? "auto"
        var ms = StepLadder.auto(fromMs: 0, toMs: windowMs)
        if text != "auto" {
            guard let asked = TimeExpression.durationMs(text), (1000...86_400_000).contains(asked) else {
                throw BadMessage("step: auto, or from 1s to 1d, such as 10s; not '\(text)'.")
            }
            ms = StepLadder.rising(to: asked)
        }
        if windowMs > fineWindowMs { ms = max(ms, 10_000) }
        if windowMs > recentWindowMs { ms = max(ms, 60_000) }
        ms = max(ms, metric.finestStepMs)
        guard windowMs / ms <= maxPoints else {
            throw BadMessage("step: gives more than \(maxPoints) points; ask for a longer step or a shorter window.")
        }
        return ms / 1000
    }

    private static func aggregations(
        _ fields: inout LiveFields, of metric: MetricDefinition
    ) throws(BadMessage) -> [Aggregation] {
        var found: [Aggregation] = []
        for name in try fields.strings("agg") ?? [] {
            guard let aggregation = Aggregation(name), metric.answers(aggregation) else {
                let answers = metric.aggregations.map(\.name).joined(separator: ", ")
                throw BadMessage("agg: \(metric.name) does not answer '\(name)', only \(answers).")
            }
            if !found.contains(aggregation) { found.append(aggregation) }
        }
        return found.isEmpty ? Array(metric.aggregations.prefix(1)) : found
    }
}
