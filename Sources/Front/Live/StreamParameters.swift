internal import Analytics
internal import WebServer
internal import Wire

/// The parameters of `GET /api/v1/live/sse`: those of a query that hold for a moving window, and the pace of updates.
///
/// `from` and `to` say a window as in a query: `from=-5m` is `window=5m`, and its end is now.
enum StreamParameters {
    static let names = ["metric", "agg", "by", "from", "to", "window", "step", "limit", "every"]
    /// The id of the one subscription of each stream: equal questions share their work.
    static let id = "sse"

    /// What a request asks for.
    ///
    /// - Throws: `QueryError` or `BadMessage`, naming what is wrong.
    static func subscription(_ request: HTTPRequest, _ definitions: Definitions) throws -> SubscriptionRequest {
        var members: [(name: String, value: JSONValue)] = [("id", .string(id))]
        var labels: [(name: String, value: JSONValue)] = []
        for item in try request.distinctQueryItems() {
            switch item.name {
            case "metric", "step", "every": members.append((item.name, .string(item.value)))
            case "agg", "by":
                let texts = item.value.split(separator: ",").map { JSONValue.string(String($0)) }
                members.append((item.name, .array(texts)))
            case "limit":
                guard let limit = parseWholeNumber(item.value, in: 1...Query.maxSeries) else {
                    throw QueryError("limit", "must be a whole number from 1 to \(Query.maxSeries)")
                }
                members.append(("limit", .number(Double(limit))))
            case "window", "from":
                guard !members.contains(where: { $0.name == "window" }) else {
                    throw QueryError("window", "says the same as from: give one of them")
                }
                members.append(("window", .string(try window(item))))
            case "to":
                guard item.value == "now" else {
                    throw QueryError("to", "a live window ends now: leave it away, or ask GET /api/v1/query")
                }
            case let name where name.hasPrefix("label.") && name.utf8.count > 6:
                labels.append((String(name.dropFirst(6)), .string(item.value)))
            default:
                throw QueryError(
                    item.name, "is no parameter here; there are \(names.joined(separator: ", ")), label.NAME")
            }
        }
        if !labels.isEmpty { members.append(("label", .object(labels))) }
        var fields = LiveFields(members)
        return try ClientMessage.subscription(&fields, definitions)
    }

    private static func window(_ item: HTTPQueryItem) throws(QueryError) -> String {
        guard item.name == "from" else { return item.value }
        guard item.value.hasPrefix("-") else {
            throw QueryError("from", "a live window moves: say how long it is, such as from=-5m")
        }
        return String(item.value.dropFirst())
    }
}
