internal import Analytics
internal import Wire

/// Items as answers list them: the heaviest first, equals by their bytes.
enum TopItemsText {
    /// Items of one bucket of a series, in queries and live messages.
    static let perBucket = 10

    /// Appends `[{"item":"/pay","count":123},…]`.
    static func append(_ items: TopItems, limit: Int, to json: inout [UInt8]) {
        json.appendJSONList(items.heaviest(limit)) { json, one in
            json.appendJSON(literal: "{\"item\":")
            json.appendJSON(String(decoding: one.item, as: UTF8.self))
            json.appendJSON(literal: ",\"count\":")
            json.appendJSON(one.count)
            json.appendJSON(literal: "}")
        }
    }

    /// `/pay=123 /cart=5`: one field of CSV.
    static func csv(_ items: TopItems, limit: Int) -> String {
        items.heaviest(limit).map { "\(String(decoding: $0.item, as: UTF8.self))=\($0.count)" }.joined(separator: " ")
    }

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
        append(items, limit: k, to: &json)
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
