internal import Analytics
internal import Wire

/// The answer about the heaviest items of a range.
enum TopItemsText {
    /// The answer of `GET /api/v1/top`: the items of the only bucket of the only group.
    static func json(_ query: Query, _ found: QueryEngine.Found, k: Int, tookMs: Double) -> AnswerBody {
        let items = found.buckets.groups.values.first?.values.first?.items ?? TopItems()
        var json = Array("{\"metric\":".utf8)
        json.appendJSON(query.metric.name)
        json.appendJSON(literal: ",\"from\":")
        json.appendJSON(Int(query.fromMs))
        json.appendJSON(literal: ",\"to\":")
        json.appendJSON(Int(query.toMs))
        json.appendJSON(literal: ",\"items\":")
        json.appendJSON(items, limit: k)
        json.appendJSON(literal: ",\"total\":")
        json.appendJSON(items.total)
        json.appendJSON(literal: items.isExact ? ",\"exact\":true,\"tiers\":" : ",\"exact\":false,\"tiers\":")
        json.appendJSONList(found.tiers)
        json.appendJSON(literal: ",\"as_of\":")
        let asOf = json.count
        json.appendJSON(Int(found.newestMs))
        let afterAsOf = json.count
        json.appendJSON(literal: ",\"degraded\":")
        json.appendJSONList(found.degraded)
        json.appendJSON(literal: ",\"took_ms\":")
        let took = json.count
        json.appendJSON((tookMs * 1_000).rounded() / 1_000)
        json.appendJSON(literal: "}")
        return AnswerBody(bytes: json, varying: [asOf..<afterAsOf, took..<json.count])
    }
}
