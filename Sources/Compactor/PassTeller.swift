internal import Analytics
internal import Service

/// Tells each step of a pass with the time it took, where somebody wants to know.
struct PassTeller: Sendable {
    private let logger: Logger?
    private let time: TimeSource

    /// Silent unless `isVerbose`.
    init(_ logger: Logger, isVerbose: Bool, time: TimeSource) {
        self.logger = isVerbose ? logger : nil
        self.time = time
    }

    /// When a step begins, for `tell`.
    var nowNs: UInt64 { time.monotonicNs() }

    /// A step is done that began at `sinceNs`.
    func tell(_ step: String, sinceNs: UInt64, _ fields: LogFields) {
        guard let logger else { return }
        let ms = (time.monotonicNs() - sinceNs) / 1_000_000
        logger.info("\(step)", fields.appending(["seconds": .double(Double(ms) / 1_000)]))
    }

    /// A transaction is done, or in a dry run left out. From `watermarkMs` on, ms since 1970, minutes are written for the
    /// first time; before it they take the place of what was there.
    func tell(_ batch: HistoryBatch, watermarkMs: Int64, isDryRun: Bool, sinceNs: UInt64) {
        if logger == nil || batch.rows.isEmpty { return }
        let rows = batch.rows.rows
        let new = rows.count { $0.minuteMs >= watermarkMs }
        var fields: LogFields = [
            "partition": .int(batch.partition), "new": .int(new), "replaced": .int(rows.count - new),
        ]
        if let first = rows.lazy.map(\.minuteMs).min(), let last = rows.lazy.map(\.minuteMs).max() {
            fields = fields.appending([
                "first_minute": "\(rfc3339(milliseconds: first))", "last_minute": "\(rfc3339(milliseconds: last))",
            ])
        }
        tell(isDryRun ? "would write rows in a transaction" : "wrote rows in a transaction", sinceNs: sinceNs, fields)
    }

    /// What retention decided.
    func tell(_ report: RetentionReport, _ times: RetentionTimes, changedFromMs: Int64?, sinceNs: UInt64) {
        let waiting = report.notices.reduce(0) { $0 + $1.partitions.count }
        var fields: LogFields = [
            "dropped": .int(report.dropped.count), "going_later": .int(waiting),
            "keep_minutes_seconds": .int(times.minutes), "keep_hours_seconds": .int(times.hours),
            "keep_days_seconds": .int(times.days),
        ]
        if let changedFromMs {
            fields = fields.appending(["still_changing_from": "\(rfc3339(milliseconds: changedFromMs))"])
        }
        tell("looked for partitions that are older than is kept", sinceNs: sinceNs, fields)
    }
}
