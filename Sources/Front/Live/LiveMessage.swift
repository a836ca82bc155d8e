internal import Analytics
internal import Wire

/// What the server says on a live connection, as the bytes of one text message each.
enum LiveMessage {
    static func hello(serverTimeMs: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendJSON(literal: #"{"type":"hello","server_time":"#)
        bytes.appendJSON(Int(serverTimeMs))
        bytes.appendJSON(literal: "}")
        return bytes
    }

    static let pong = Array(#"{"type":"pong"}"#.utf8)

    /// What is wrong with a message; `id` where the message had one.
    static func error(id: String?, detail: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendJSON(literal: #"{"type":"error""#)
        if let id {
            bytes.appendJSON(literal: #","id":"#)
            bytes.appendJSON(id)
        }
        bytes.appendJSON(literal: #","detail":"#)
        bytes.appendJSON(detail)
        bytes.appendJSON(literal: "}")
        return bytes
    }

    /// The stores that are missing now; none when all is well again.
    static func status(degraded: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendJSON(literal: #"{"type":"status","degraded":"#)
        bytes.appendJSONArray(degraded) { $0.appendJSON($1) }
        bytes.appendJSON(literal: "}")
        return bytes
    }

    /// All buckets of a subscription's window, in the form of a query's answer.
    static func snapshot(
        _ request: SubscriptionRequest, of group: LiveGroup, sequence: Int, nowMs: Int64, newestMs: Int64,
        degraded: [String]
    ) -> [UInt8] {
        let stepMs = group.stepSeconds * 1000
        var bytes: [UInt8] = []
        bytes.appendJSON(literal: #"{"type":"snapshot","id":"#)
        bytes.appendJSON(request.id)
        bytes.appendJSON(literal: #","seq":"#)
        bytes.appendJSON(sequence)
        bytes.appendJSON(literal: #","metric":"#)
        bytes.appendJSON(group.metric.name)
        bytes.appendJSON(literal: #","unit":"#)
        bytes.appendJSON(group.metric.unit)
        bytes.appendJSON(literal: #","from":"#)
        bytes.appendJSON(Int(group.windowStart * 1000))
        bytes.appendJSON(literal: #","to":"#)
        bytes.appendJSON(Int(nowMs.rounded(upTo: stepMs)))
        bytes.appendJSON(literal: #","step":"#)
        bytes.appendJSON(Int(stepMs))
        bytes.appendJSON(literal: #","series":"#)
        appendSeries(request.aggregations, of: group, since: 0, to: &bytes)
        if group.isTruncated { bytes.appendJSON(literal: #","truncated":true"#) }
        bytes.appendJSON(literal: #","tiers":"#)
        bytes.appendJSONArray(["memory"] + group.tiers.filter { $0 != "memory" }) { $0.appendJSON($1) }
        bytes.appendJSON(literal: #","as_of":"#)
        bytes.appendJSON(Int(newestMs))
        bytes.appendJSON(literal: #","degraded":"#)
        bytes.appendJSONArray(degraded) { $0.appendJSON($1) }
        bytes.appendJSON(literal: "}")
        return bytes
    }

    /// The buckets that changed after version `since`, each with its whole new value; nil where none did.
    static func update(
        _ request: SubscriptionRequest, of group: LiveGroup, since: UInt64, sequence: Int
    ) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.appendJSON(literal: #"{"type":"update","id":"#)
        bytes.appendJSON(request.id)
        bytes.appendJSON(literal: #","seq":"#)
        bytes.appendJSON(sequence)
        bytes.appendJSON(literal: #","series":"#)
        guard appendSeries(request.aggregations, of: group, since: since, to: &bytes) > 0 else { return nil }
        bytes.appendJSON(literal: "}")
        return bytes
    }

    /// Appends the series that have buckets changed after `since`; returns how many.
    @discardableResult
    private static func appendSeries(
        _ aggregations: [Aggregation], of group: LiveGroup, since: UInt64, to bytes: inout [UInt8]
    ) -> Int {
        let seconds = Double(group.stepSeconds)
        var count = 0
        bytes.append(UInt8(ascii: "["))
        for series in group.series {
            let changed = series.buckets.changed(since: since, from: group.windowStart)
            if changed.isEmpty { continue }
            if count > 0 { bytes.append(UInt8(ascii: ",")) }
            count += 1
            bytes.appendJSON(literal: #"{"labels":"#)
            SeriesKeyJSON.append(series.labels, to: &bytes)
            bytes.appendJSON(literal: #","t":"#)
            bytes.appendJSONArray(changed) { $0.appendJSON(Int(series.buckets.starts[$1] * 1000)) }
            for aggregation in aggregations {
                bytes.append(UInt8(ascii: ","))
                bytes.appendJSON(aggregation.name)
                bytes.append(UInt8(ascii: ":"))
                bytes.appendJSONArray(changed) { bytes, index in
                    if aggregation == .top {
                        let items = series.buckets.aggregates[index].items ?? TopItems()
                        bytes.appendJSON(items, limit: TopItems.perBucket)
                    } else if let value = series.buckets.aggregates[index].value(aggregation, seconds: seconds),
                        value.isFinite
                    {
                        bytes.appendJSON(value)
                    } else {
                        bytes.appendJSON(literal: "null")
                    }
                }
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
        return count
    }
}

extension [UInt8] {
    /// Appends an array, its elements written by `body`.
    fileprivate mutating func appendJSONArray<Elements: Sequence>(
        _ elements: Elements, _ body: (inout [UInt8], Elements.Element) -> Void
    ) {
        append(UInt8(ascii: "["))
        var isFirst = true
        for element in elements {
            if !isFirst { append(UInt8(ascii: ",")) }
            isFirst = false
            body(&self, element)
        }
        append(UInt8(ascii: "]"))
    }
}
