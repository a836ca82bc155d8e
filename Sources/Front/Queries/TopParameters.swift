internal import Analytics
internal import WebServer
internal import Wire

/// The parameters of `GET /api/v1/top`, as texts; each known by name and given once.
struct TopParameters {
    /// Those of the route but for `label.NAME`.
    static let names = ["metric", "from", "to", "k"]
    static let maxItems = 1_000
    /// A top of a long range merges every minute of it.
    private static let maxRangeMs: Int64 = 31 * 86_400_000

    private var metric: String?
    private var texts = Query.Texts()
    /// How many items are wanted.
    private(set) var k = 10

    /// - Throws: `QueryError` naming a parameter that is unknown, given twice or out of range.
    init(_ request: HTTPRequest) throws(QueryError) {
        for item in try request.distinctQueryItems() {
            switch item.name {
            case "metric": metric = item.value
            case "from": texts.from = item.value
            case "to": texts.to = item.value
            case "k":
                guard let number = parseWholeNumber(item.value, in: 1...Self.maxItems) else {
                    throw QueryError("k", "must be a whole number from 1 to \(Self.maxItems)")
                }
                k = number
            default:
                guard item.name.hasPrefix("label."), item.name.utf8.count > 6 else {
                    throw QueryError(
                        item.name, "is no parameter here; there are \(Self.names.joined(separator: ", ")), label.NAME")
                }
                texts.filter.add(label: String(item.name.dropFirst(6)), patterns: item.value)
            }
        }
    }

    /// True where the range is the same whenever it is asked for.
    var isRangeAbsolute: Bool { texts.isRangeAbsolute }

    /// The question, checked against the definitions: all of the range in one bucket.
    func query(_ definitions: Definitions, nowMs: Int64) throws(QueryError) -> Query {
        let tops = definitions.metrics.filter { $0.kind == .top }.map(\.name)
        let known = tops.isEmpty ? "no metric is" : "these are: \(tops.joined(separator: ", "))"
        guard let metric, !metric.isEmpty else {
            throw QueryError("metric", "is missing, one of the kind top; \(known)")
        }
        guard let definition = definitions[metric], definition.kind == .top else {
            let what = definitions[metric] == nil ? "there is no metric" : "none of the kind top is"
            throw QueryError("metric", "\(what) \"\(metric)\"; \(known)")
        }
        var query = try Query(metric: definition, texts, nowMs: nowMs)
        guard let from = TimeExpression.parse(texts.from ?? "-15m", nowMs: nowMs),
            let to = TimeExpression.parse(texts.to ?? "now", nowMs: nowMs)
        else { return query }
        // Not in whole days: the step is only what minutes are read by.
        query.stepMs = definition.finestStepMs
        query.fromMs = StepLadder.floor(from, query.stepMs)
        query.toMs = StepLadder.ceiling(to, query.stepMs)
        query.isOneBucket = true
        guard query.toMs - query.fromMs <= Self.maxRangeMs else {
            throw QueryError("from", "lies more than 31 days before to; ask for a shorter range")
        }
        return query
    }
}
