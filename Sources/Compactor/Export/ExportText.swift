internal import Analytics
internal import Service
internal import Wire

/// Rows as CSV or as a JSON object a line: the time, the labels, the aggregations.
struct ExportText {
    private let format: ExportRequest.Format
    private let labels: [String]
    private let aggregations: [Aggregation]
    private let bucketSeconds: Double

    /// - Parameters:
    ///   - format: CSV or NDJSON.
    ///   - labels: of all series, the columns of CSV.
    ///   - aggregations: at least one.
    ///   - resolution: of the rows, for rates.
    init(
        _ format: ExportRequest.Format, labels: [String], aggregations: [Aggregation], resolution: HistoryResolution
    ) {
        self.format = format
        self.labels = labels
        self.aggregations = aggregations
        bucketSeconds = Double(resolution.ms) / 1_000
    }

    /// What stands before the rows. A label that is called like another column is `label.` and its name.
    var head: [UInt8] {
        guard format == .csv else { return [] }
        let names = ["time"] + aggregations.map(\.name)
        var csv = Array("time".utf8)
        for name in labels.map({ names.contains($0) ? "label.\($0)" : $0 }) + names.dropFirst() {
            csv.append(UInt8(ascii: ","))
            csv.appendCSV(name)
        }
        csv.endCSVLine()
        return csv
    }

    /// Appends a row.
    func append(_ labels: LabelSet, bucketMs: Int64, _ aggregate: Aggregate, to bytes: inout [UInt8]) {
        switch format {
        case .csv: appendCSV(labels, bucketMs, aggregate, to: &bytes)
        case .ndjson: appendJSON(labels, bucketMs, aggregate, to: &bytes)
        }
    }

    private func appendCSV(_ labels: LabelSet, _ bucketMs: Int64, _ aggregate: Aggregate, to csv: inout [UInt8]) {
        csv.append(contentsOf: Self.time(bucketMs).utf8)
        for name in self.labels {
            csv.append(UInt8(ascii: ","))
            csv.appendCSV(labels[name] ?? "")
        }
        for aggregation in aggregations {
            csv.append(UInt8(ascii: ","))
            if aggregation == .top {
                csv.appendCSV((aggregate.items ?? TopItems()).csvText(limit: TopItems.perBucket))
            } else if let value = aggregate.value(aggregation, seconds: bucketSeconds) {
                csv.appendJSON(value)
            }
        }
        csv.endCSVLine()
    }

    private func appendJSON(_ labels: LabelSet, _ bucketMs: Int64, _ aggregate: Aggregate, to json: inout [UInt8]) {
        json.appendJSON(literal: "{\"time\":\"")
        json.append(contentsOf: Self.time(bucketMs).utf8)
        json.appendJSON(literal: "\",\"labels\":")
        SeriesKeyJSON.append(labels, to: &json)
        for aggregation in aggregations {
            json.append(UInt8(ascii: ","))
            json.appendJSON(aggregation.name)
            json.append(UInt8(ascii: ":"))
            if aggregation == .top {
                json.appendJSON(aggregate.items ?? TopItems(), limit: TopItems.perBucket)
            } else if let value = aggregate.value(aggregation, seconds: bucketSeconds) {
                json.appendJSON(value)
            } else {
                json.appendJSON(literal: "null")
            }
        }
        json.appendJSON(literal: "}\n")
    }

    /// `2026-11-23T10:00:00Z`: buckets are of whole minutes.
    static func time(_ ms: Int64) -> String { String(rfc3339(milliseconds: ms).dropLast(5)) + "Z" }
}
