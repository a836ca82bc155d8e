package import Analytics

/// Writes a range of history out, a row a series and bucket: parts of partitions and generations are merged, as the query
/// API merges them.
///
/// Rows ascend by time, and at one time by labels. They are read and written in pieces, so that memory does not grow with
/// the range: about `rowsPerRead` rows at once, a tenth of that where each holds a set of values.
package struct HistoryExport: Sendable {
    /// The metric as its rows show it, and its series, ascending by labels.
    private struct Subject {
        let metric: MetricDefinition
        /// Of all series, also of those that are left out, so that the columns do not depend on the filter.
        let labels: [String]
        let series: [HistorySeries]
    }

    private let source: any HistorySource
    private let request: ExportRequest
    private let rowsPerRead: Int

    /// - Parameters:
    ///   - source: where history is.
    ///   - request: what of it.
    ///   - rowsPerRead: at least 1.
    package init(source: any HistorySource, request: ExportRequest, rowsPerRead: Int = 10_000) {
        precondition(rowsPerRead > 0, "reads return rows")
        self.source = source
        self.request = request
        self.rowsPerRead = rowsPerRead
    }

    /// Writes all rows.
    ///
    /// - Parameters:
    ///   - nowMs: ms since 1970, for what retention is about to drop.
    ///   - write: takes the next bytes, and may throw.
    ///   - onProgress: told the buckets written, of all that there are.
    /// - Returns: what was written.
    /// - Throws: `ExportError`, before anything is written but for `.dropped`; `StoreError`; what `write` throws.
    package func run(
        nowMs: Int64, write: ([UInt8]) throws -> Void, onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) async throws -> ExportSummary {
        let subject = try await subject()
        let aggregations = try aggregations(of: subject.metric)
        let step = request.resolution.ms
        let extent = try await source.extent() ?? HistoryExtent(watermarkMs: 0, partitionCount: 1)
        let fromMs = StepLadder.floor(request.fromMs, step)
        try await checkHeld(fromMs, nowMs: nowMs)
        // A bucket that is not over yet would say less than it will.
        let toMs = max(
            min(StepLadder.ceiling(request.toMs, step), StepLadder.floor(extent.watermarkMs, step)), fromMs)
        var summary = ExportSummary(fromMs: fromMs, toMs: toMs)

        let text = ExportText(
            request.format, labels: subject.labels, aggregations: aggregations,
            resolution: request.resolution)
        try write(text.head)
        let rows = subject.metric.kind.keepsSets ? max(rowsPerRead / 10, 1) : rowsPerRead
        var window = ExportWindow(series: subject.series.count, rows: rows)
        let total = Int((toMs - fromMs) / step)
        var nextMs = fromMs
        while nextMs < toMs {
            let endMs = min(nextMs + Int64(window.buckets) * step, toMs)
            var found = 0
            // More than one part only where one bucket alone is too much to be read at once.
            for start in stride(from: 0, to: subject.series.count, by: rows) {
                let part = subject.series[start..<min(start + rows, subject.series.count)]
                let (bytes, count) = try await read(
                    part, nextMs..<endMs, partitions: extent.partitionCount, text, &summary)
                if !bytes.isEmpty { try write(bytes) }
                found = max(found, count)
            }
            window.read(rows: found)
            nextMs = endMs
            onProgress(Int((nextMs - fromMs) / step), total)
        }
        // A partition that went meanwhile would be a hole that nobody sees.
        if try await heldFromMs(nowMs: nowMs) > fromMs, fromMs < toMs {
            throw ExportError(
                .dropped, "retention dropped a part of the range while it was written; begin later and export again")
        }
        return summary
    }

    /// Reads and merges some buckets of some series.
    private func read(
        _ series: ArraySlice<HistorySeries>, _ range: Range<Int64>, partitions: Int, _ text: ExportText,
        _ summary: inout ExportSummary
    ) async throws(StoreError) -> (bytes: [UInt8], rows: Int) {
        // All of each partition: naming them keeps the index scan to the range.
        let rows = try await source.rows(
            series: series.map(\.id), fromMs: range.lowerBound, toMs: range.upperBound,
            before: Array(repeating: range.upperBound, count: partitions), resolution: request.resolution)
        summary.reads += 1
        summary.mostRowsRead = max(summary.mostRowsRead, rows.count)
        let places = Dictionary(uniqueKeysWithValues: zip(series.map(\.id), series.indices))
        var buckets: [Int64: [Int: Aggregate]] = [:]
        for row in rows {
            guard let place = places[row.series] else { continue }
            let bucketMs = StepLadder.floor(row.bucketMs, request.resolution.ms)
            buckets[bucketMs, default: [:]][place, default: Aggregate()].merge(row.aggregate)
        }
        var bytes: [UInt8] = []
        for (bucketMs, aggregates) in buckets.sorted(by: { $0.key < $1.key }) {
            for (place, aggregate) in aggregates.sorted(by: { $0.key < $1.key }) {
                text.append(series[place].labels, bucketMs: bucketMs, aggregate, to: &bytes)
                summary.rows += 1
            }
        }
        return (bytes, rows.count)
    }

    // MARK: The request

    private func subject() async throws -> Subject {
        let all = try await source.series(ofMetric: request.metric)
        if all.isEmpty {
            let known = try await source.metrics()
            let there =
                known.isEmpty ? "it is empty: weir compact fills it" : "there are \(known.joined(separator: ", "))"
            throw ExportError(.badRequest, "history has no metric \"\(request.metric)\"; \(there)")
        }
        let labels = Set(all.flatMap { $0.labels.labels.map(\.name) })
        for label in request.filter.labels where !labels.contains(label) {
            let there = labels.isEmpty ? "it has none" : "it has \(labels.sorted().joined(separator: ", "))"
            throw ExportError(.badRequest, "\(request.metric) has no label \"\(label)\"; \(there)")
        }
        guard let kept = try await source.kept(bySeries: all.map(\.id)) else {
            throw ExportError(.badRequest, "all that history had of \(request.metric) was dropped by retention")
        }
        let metric = MetricDefinition(
            id: .events, name: request.metric, kind: kept.kind, value: kept.hasSum ? "value" : nil)
        return Subject(
            metric: metric, labels: labels.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
            series: all.filter { request.filter.matches($0.labels) }.sorted { $0.labels < $1.labels })
    }

    private func aggregations(of metric: MetricDefinition) throws(ExportError) -> [Aggregation] {
        guard let text = request.aggregations else { return metric.aggregations }
        var found: [Aggregation] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let aggregation = Aggregation(String(name)), metric.answers(aggregation) else {
                let known = metric.aggregations.map(\.name).joined(separator: ", ")
                let more = metric.kind == .distribution ? " and any pN" : ""
                throw ExportError(
                    .badRequest, "\(metric.name) does not answer \"\(name)\"; it answers \(known)\(more)")
            }
            if !found.contains(aggregation) { found.append(aggregation) }
        }
        return found
    }

    private func checkHeld(_ fromMs: Int64, nowMs: Int64) async throws {
        let heldFromMs = try await heldFromMs(nowMs: nowMs)
        guard fromMs < heldFromMs else { return }
        let coarser = request.resolution == .minute ? HistoryResolution.hour : .day
        throw ExportError(
            .badRequest,
            "\(request.resolution.rawValue)s are held from \(ExportText.time(heldFromMs)) on: begin there, or ask for "
                + "\(coarser.rawValue)s, which are kept for longer")
    }

    private func heldFromMs(nowMs: Int64) async throws(StoreError) -> Int64 {
        let held = try await source.held(nowMs: nowMs)
        return switch request.resolution {
        case .minute: held.minutesFromMs
        case .hour: held.hoursFromMs
        case .day: .min
        }
    }
}
