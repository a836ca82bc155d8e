internal import Analytics
internal import Postgres
internal import Wire

/// Makes values by single labels of hours, see `LabelRollUps`; used by one pass alone, in the transaction that is open.
///
/// Hours are read once a day (UTC) and merged by the hour; longer steps are merged of those. In memory is a day of a metric: 24
/// buckets of each group.
final class LabelRollUp {
    private struct Bucket {
        let stepMs: Int64
        let startMs: Int64
        var rangeMs: Range<Int64> { startMs..<startMs + stepMs }
    }

    private static let hourMs: Int64 = 3_600_000
    private static let seriesPerRead = 1_000
    /// Some MB.
    private static let rowsPerRead = 20_000
    private static let timeout = Duration.seconds(300)

    private let connection: PostgresConnection
    /// The series of metrics, as they were when first asked for.
    private var series: [String: [HistorySeries]] = [:]

    init(_ connection: PostgresConnection) { self.connection = connection }

    /// Makes what the newest day lacks that lacks something; false where none does.
    func makeDay(_ metrics: [MetricDefinition]) async throws -> Bool {
        let found = try await connection.query(
            Statement.missingLabels, operation: "look for label roll-ups", timeout: Self.timeout)
        var buckets: [Bucket] = []
        for row in 0..<found.rowCount {
            buckets.append(
                Bucket(
                    stepMs: Int64(try found.integer(row, 0)) * 1_000, startMs: try found.timestamptzUs(row, 1) / 1_000))
        }
        guard let first = buckets.map(\.startMs).min(), let end = buckets.map(\.rangeMs.upperBound).max() else {
            return false
        }
        let hasHours = try await connection.query(
            Statement.hasHours, [.timestamptz(us: first * 1_000), .timestamptz(us: end * 1_000)],
            operation: "look for hours", timeout: Self.timeout
        ).bool(0, 0)
        // Before the first event nothing is made, or a month of empty rows would come first.
        if hasHours { for metric in metrics { try await make(metric, buckets, first..<end) } }
        _ = try await connection.query(
            Statement.labelsDone,
            [
                .int4Array(buckets.map { Int32($0.stepMs / 1_000) }),
                .timestamptzArray(us: buckets.map { $0.startMs * 1_000 }),
            ], operation: "note label roll-ups")
        return true
    }

    private func make(_ metric: MetricDefinition, _ buckets: [Bucket], _ rangeMs: Range<Int64>) async throws {
        let series = try await series(of: metric.name)
        let labels = LabelRollUps.labels(of: metric, series: series.map(\.labels))
        if labels.isEmpty { return }
        var hours = labels.map { GroupedBuckets(by: LabelRollUps.by($0), stepMs: Self.hourMs) }
        let spanMs = max(Int64(Self.rowsPerRead / min(series.count, Self.seriesPerRead)), 1) * Self.hourMs
        for fromMs in stride(from: rangeMs.lowerBound, to: rangeMs.upperBound, by: Int64.Stride(spanMs)) {
            for start in stride(from: 0, to: series.count, by: Self.seriesPerRead) {
                let some = series[start..<min(start + Self.seriesPerRead, series.count)]
                try await merge(some, fromMs..<min(fromMs + spanMs, rangeMs.upperBound), into: &hours)
            }
        }
        for (label, hours) in zip(labels, hours) {
            for bucket in buckets { try await record(metric, label, bucket, hours.part(bucket.rangeMs)) }
        }
    }

    private func series(of metric: String) async throws -> [HistorySeries] {
        if let known = series[metric] { return known }
        let found = try await connection.query(
            Statement.series, [.text(metric), .int4(0)], operation: "read series", timeout: Self.timeout
        ).historySeries()
        series[metric] = found
        return found
    }

    private func merge(
        _ series: ArraySlice<HistorySeries>, _ rangeMs: Range<Int64>, into hours: inout [GroupedBuckets]
    ) async throws {
        let found = try await connection.query(
            Statement.hoursOfLabels,
            [
                .int4Array(series.map { Int32($0.id) }), .timestamptz(us: rangeMs.lowerBound * 1_000),
                .timestamptz(us: rangeMs.upperBound * 1_000),
            ], operation: "read hours of label roll-ups", timeout: Self.timeout)
        for index in hours.indices {
            let places = hours[index].places(of: series)
            for row in 0..<found.rowCount {
                guard let place = places[Int(try found.integer(row, 0))] else { continue }
                try hours[index].change(at: place, bucketMs: try found.timestamptzUs(row, 1) / 1_000) { aggregate in
                    try found.merge(row, into: &aggregate)
                }
            }
        }
    }

    private func record(
        _ metric: MetricDefinition, _ label: String, _ bucket: Bucket, _ hours: GroupedBuckets
    ) async throws {
        var merged = hours
        if bucket.stepMs > Self.hourMs {
            merged = GroupedBuckets(by: LabelRollUps.by(label), stepMs: bucket.stepMs)
            merged.merge(hours)
        }
        let groups = merged.groups.compactMap { labels, buckets in buckets[bucket.startMs].map { (labels, $0) } }
            .sorted { $0.0 < $1.0 }
        let seconds = Double(bucket.stepMs) / 1_000
        let values = LabelRollUps.aggregations.map { aggregation -> PostgresParameter in
            guard metric.answers(aggregation) else { return .null }
            return .float8Array(groups.map { $0.1.value(aggregation, seconds: seconds) ?? .nan })
        }
        _ = try await connection.query(
            Statement.recordLabels,
            [
                .text(metric.name), .text(label), .int4(Int32(bucket.stepMs / 1_000)),
                .timestamptz(us: bucket.startMs * 1_000), .textArray(groups.map { Self.json($0.0) }),
                .int8Array(groups.map { Int64($0.1.count) }),
            ] + values, operation: "keep label roll-up")
    }

    private static func json(_ labels: LabelSet) -> String {
        var json: [UInt8] = []
        SeriesKeyJSON.append(labels, to: &json)
        return String(decoding: json, as: UTF8.self)
    }
}
