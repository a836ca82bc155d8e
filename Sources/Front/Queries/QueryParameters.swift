internal import Analytics
internal import WebServer
internal import Wire

/// The parameters of a request for a query, as texts; each known by name and given once.
struct QueryParameters {
    var metric: String?
    var texts = Query.Texts()

    /// - Throws: `QueryError` naming a parameter that is unknown or given twice.
    init(_ request: HTTPRequest, startAndEnd: Bool = false) throws(QueryError) {
        for item in try request.distinctQueryItems() {
            switch item.name {
            case "metric" where !startAndEnd: metric = item.value
            case "agg": texts.aggregations = item.value
            case "by": texts.by = item.value
            case "from" where !startAndEnd: texts.from = item.value
            case "to" where !startAndEnd: texts.to = item.value
            case "start" where startAndEnd: texts.from = item.value
            case "end" where startAndEnd: texts.to = item.value
            case "step": texts.step = item.value
            case "limit": texts.limit = item.value
            case "fill": texts.fill = item.value
            default:
                guard item.name.hasPrefix("label."), item.name.utf8.count > 6 else {
                    let times = startAndEnd ? "start, end" : "metric, from, to"
                    throw QueryError(
                        item.name, "is no parameter here; there are \(times), agg, by, label.NAME, step, limit, fill")
                }
                texts.filter.add(label: String(item.name.dropFirst(6)), patterns: item.value)
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
