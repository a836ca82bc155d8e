internal import Analytics
internal import Wire

/// An answer as JSON and as CSV, written straight to bytes.
enum QueryAnswerText {
    static func json(_ answer: QueryAnswer, tookMs: Double) -> AnswerBody {
        let query = answer.query
        var json: [UInt8] = []
        json.reserveCapacity(256 + answer.series.reduce(0) { $0 + $1.times.count * (16 + 12 * $1.values.count) })
        json.appendJSON(literal: "{\"metric\":")
        json.appendJSON(query.metric.name)
        json.appendJSON(literal: ",\"unit\":")
        json.appendJSON(query.metric.unit)
        json.appendJSON(literal: ",\"from\":")
        json.appendJSON(Int(query.fromMs))
        json.appendJSON(literal: ",\"to\":")
        json.appendJSON(Int(query.toMs))
        json.appendJSON(literal: ",\"step\":")
        json.appendJSON(Int(query.stepMs))
        json.appendJSON(literal: ",\"series\":[")
        var times: (of: [Int64], text: [UInt8]) = ([], [])
        for (index, series) in answer.series.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(literal: "{\"labels\":")
            SeriesKeyJSON.append(series.labels, to: &json)
            // Most series have the times of the one before.
            if index == 0 || times.of != series.times { times = (series.times, text(times: series.times)) }
            json.append(contentsOf: times.text)
            append(series, query, to: &json)
        }
        json.appendJSON(literal: "],\"tiers\":")
        append(answer.tiers, to: &json)
        json.appendJSON(literal: ",\"as_of\":")
        let asOf = json.count
        json.appendJSON(Int(answer.asOfMs))
        let afterAsOf = json.count
        json.appendJSON(literal: ",\"degraded\":")
        append(answer.degraded, to: &json)
        if answer.isTruncated { json.appendJSON(literal: ",\"truncated\":true") }
        json.appendJSON(literal: ",\"took_ms\":")
        let took = json.count
        json.appendJSON((tookMs * 1_000).rounded() / 1_000)
        json.appendJSON(literal: "}")
        return AnswerBody(bytes: json, varying: [asOf..<afterAsOf, took..<json.count])
    }

    /// One line for each series and time: the time (ms since 1970), the labels kept, the aggregations.
    static func csv(_ answer: QueryAnswer) -> [UInt8] {
        let query = answer.query
        var csv: [UInt8] = []
        let header = ["time"] + query.by + query.aggregations.map(\.name)
        for (index, name) in header.enumerated() {
            if index > 0 { csv.append(UInt8(ascii: ",")) }
            csv.appendCSV(name)
        }
        csv.endCSVLine()
        for series in answer.series {
            var labels: [UInt8] = []
            for name in query.by {
                labels.appendCSV(series.labels[name] ?? "")
                labels.append(UInt8(ascii: ","))
            }
            for (place, time) in series.times.enumerated() {
                csv.appendJSON(Int(time))
                csv.append(UInt8(ascii: ","))
                csv += labels
                for (index, values) in series.values.enumerated() {
                    if index > 0 { csv.append(UInt8(ascii: ",")) }
                    if query.aggregations[index] == .top {
                        csv.appendCSV(series.items[place].csvText(limit: TopItems.perBucket))
                    } else if let value = values[place] {
                        csv.appendJSON(value)
                    }
                }
                csv.endCSVLine()
            }
        }
        return csv
    }

    private static func text(times: [Int64]) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(8 + 14 * times.count)
        json.appendJSON(literal: ",\"t\":[")
        for (place, time) in times.enumerated() {
            if place > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(Int(time))
        }
        json.appendJSON(literal: "]")
        return json
    }

    private static func append(_ series: QueryAnswer.Series, _ query: Query, to json: inout [UInt8]) {
        for (aggregation, values) in zip(query.aggregations, series.values) {
            json.append(UInt8(ascii: ","))
            json.appendJSON(aggregation.name)
            json.appendJSON(literal: ":[")
            let isTop = aggregation == .top
            for (place, value) in values.enumerated() {
                if place > 0 { json.append(UInt8(ascii: ",")) }
                if isTop {
                    json.appendJSON(series.items[place], limit: TopItems.perBucket)
                } else if let value {
                    json.appendJSON(value)
                } else {
                    json.appendJSON(literal: "null")
                }
            }
            json.appendJSON(literal: "]")
        }
        json.appendJSON(literal: "}")
    }

    private static func append(_ texts: [String], to json: inout [UInt8]) {
        json.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(text)
        }
        json.append(UInt8(ascii: "]"))
    }
}
