internal import Analytics
internal import WebServer
internal import Wire

/// The parameters of a request for a query, as texts; each known by name and given once.
struct QueryParameters {
    /// Those of `GET /api/v1/query` but for `label.NAME`.
    static let names = ["metric", "agg", "by", "from", "to", "step", "limit", "fill"]
    /// Those of the short form, whose metric is in the path.
    static let shortNames = ["start", "end", "agg", "by", "step", "limit", "fill"]

    /// The metric that the path names; nil where it is a parameter.
    let pathMetric: String?
    private var metric: String?
    private(set) var texts = Query.Texts()

    /// - Throws: `QueryError` naming a parameter that is unknown or given twice.
    init(_ request: HTTPRequest, pathMetric: String? = nil) throws(QueryError) {
        self.pathMetric = pathMetric
        metric = pathMetric
        let names = pathMetric == nil ? Self.names : Self.shortNames
        if pathMetric != nil { (texts.fromName, texts.toName) = ("start", "end") }
        for item in try request.distinctQueryItems() {
            switch item.name {
            case let name where !names.contains(name):
                guard name.hasPrefix("label."), name.utf8.count > 6 else {
                    throw QueryError(
                        name, "is no parameter here; there are \(names.joined(separator: ", ")), label.NAME")
                }
                texts.filter.add(label: String(name.dropFirst(6)), patterns: item.value)
            case "metric": metric = item.value
            case "agg": texts.aggregations = item.value
            case "by": texts.by = item.value
            case "from", "start": texts.from = item.value
            case "to", "end": texts.to = item.value
            case "step": texts.step = item.value
            case "limit": texts.limit = item.value
            default: texts.fill = item.value
            }
        }
    }

    /// The question, checked against the definitions.
    func query(_ definitions: Definitions, nowMs: Int64) throws(QueryError) -> Query {
        guard let metric, !metric.isEmpty else {
            throw QueryError("metric", "is missing; \(Self.names(definitions))")
        }
        guard let definition = definitions[metric] else {
            throw QueryError("metric", "there is no metric \"\(metric)\"; \(Self.names(definitions))")
        }
        return try Query(metric: definition, texts, nowMs: nowMs)
    }

    private static func names(_ definitions: Definitions) -> String {
        "there are \(definitions.metrics.map(\.name).joined(separator: ", "))"
    }
}

extension HTTPRequest {
    /// The parameters of the address, each given once.
    ///
    /// - Throws: `QueryError` naming one that is given twice or cannot be decoded.
    func distinctQueryItems() throws(QueryError) -> [HTTPQueryItem] {
        let items: [HTTPQueryItem]
        do {
            items = try head.queryItems()
        } catch {
            throw QueryError(error.parameter, "is not percent-encoded UTF-8")
        }
        var seen: Set<String> = []
        for item in items where !seen.insert(item.name).inserted { throw QueryError(item.name, "is given twice") }
        return items
    }
}
