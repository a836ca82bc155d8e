package import Analytics
package import Service
internal import Wire

/// One pass of the compaction: reads from Redis what changed in minutes that are over, writes it to PostgreSQL, and only
/// then tells Redis to forget that it changed.
///
/// Whatever stops it, the next pass repeats the same replacements: nothing is lost and nothing counts twice.
package struct CompactionPass: Sendable {
    /// How a pass works.
    package struct Configuration: Sendable {
        /// A minute is over so long after its end: what is only a little late is then written once instead of twice.
        package var grace = Duration.seconds(5)
        /// Rows in one transaction, about; at least 1.
        package var maxRows = 20_000
        /// Transactions whose rows are held in memory while they wait to be safe.
        package var maxWaiting = 4
        /// Days of partitions made ahead, today included.
        package var daysAhead = 3
        /// Says what it would do, and does nothing.
        package var isDryRun = false

        package init() {}
    }

    /// What a pass did.
    package struct Summary: Equatable, Sendable {
        package var minutes = 0
        /// (series, minute) read.
        package var series = 0
        package var rows = 0
        /// Parts of records whose metric no definition names; they stay in Redis and are named in the log.
        package var unknownMetrics = 0

        package init() {}
    }

    package enum Outcome: Sendable {
        case done(Summary)
        /// Another pass is under way.
        case locked
        /// PostgreSQL knows a later cursor than Redis has.
        case behind(partition: Int, known: StreamID, cursor: StreamID)
        /// Redis was started anew in the middle of the pass.
        case restarted
    }

    /// What was read of Redis for one transaction.
    private struct Batch {
        var partition: Int
        var rows: [MinuteRow] = []
        var settled: [SettledMinute] = []
        var cursor = StreamID.zero
        var readNs: UInt64 = 0
    }

    private struct Stopped: Error { let outcome: Outcome }

    private static let seriesPerRead = 500

    private let source: any CompactionSource
    private let history: any HistoryWriting
    private let configuration: Configuration
    private let logger: Logger
    private let time: TimeSource
    private let pause: @Sendable (Duration) async throws -> Void
    private let onProgress: @Sendable (_ done: Int, _ total: Int) -> Void

    /// - Parameters:
    ///   - source: Redis.
    ///   - history: PostgreSQL.
    ///   - configuration: how to work.
    ///   - logger: for what is out of order.
    ///   - time: the clocks.
    ///   - pause: how to wait; throws when cancelled.
    ///   - onProgress: told the minutes done, of all that there are.
    package init(
        source: any CompactionSource, history: any HistoryWriting, configuration: Configuration = Configuration(),
        logger: Logger = .silent, time: TimeSource = .system,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        onProgress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        self.source = source
        self.history = history
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.pause = pause
        self.onProgress = onProgress
    }

    /// Runs the pass.
    ///
    /// - Throws: `StoreError` where a store fails; what was committed before stays, the rest is for the next pass.
    package func run() async throws -> Outcome {
        let began = time.monotonicNs()
        guard let pass = try await history.beginPass() else { return .locked }
        do {
            var summary = Summary()
            let runID = try await source.runID()
            let settlingTime = try await source.settlingTime()
            guard let definitions = try await source.definitions() else {
                await pass.end()
                return .done(summary)
            }
            if !configuration.isDryRun {
                try await pass.preparePartitions(fromMs: time.wallMs(), days: configuration.daysAhead)
            }
            for partition in 0..<(try await source.partitionCount()) {
                try await compact(partition, definitions, runID, settlingTime, pass, &summary)
            }
            if !configuration.isDryRun {
                let seconds = Double(time.monotonicNs() - began) / 1e9
                try await pass.finish(atMs: time.wallMs(), seconds: seconds, rows: summary.rows)
            }
            await pass.end()
            return .done(summary)
        } catch let stopped as Stopped {
            await pass.end()
            return stopped.outcome
        } catch {
            await pass.end()
            throw error
        }
    }

    private func compact(
        _ partition: Int, _ definitions: Definitions, _ runID: String, _ settlingTime: Duration,
        _ pass: any HistoryPass, _ summary: inout Summary
    ) async throws {
        let state = try await source.state(partition: partition)
        let graceMs = configuration.grace.components.seconds * 1_000
        let closedMs = StepLadder.floor(state.nowMs - graceMs, 60_000)
        let minutes = try await source.dirtyMinutes(partition: partition, beforeMs: closedMs)
        let names = Dictionary(
            definitions.metrics.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        var keys: [Int: SeriesKey] = [:]
        for numbered in try await source.series(partition: partition) { keys[numbered.number] = numbered.key }
        var waiting: [Batch] = []
        var batch = Batch(partition: partition)
        for (index, minute) in minutes.enumerated() {
            var rest = try await source.dirtySeries(partition: partition, minuteMs: minute)[...]
            summary.minutes += 1
            while !rest.isEmpty {
                let some = Array(rest.prefix(Self.seriesPerRead))
                rest = rest.dropFirst(Self.seriesPerRead)
                if some.contains(where: { keys[$0] == nil }) {
                    for numbered in try await source.series(partition: partition) {
                        keys[numbered.number] = numbered.key
                    }
                }
                let read = try await source.partials(partition: partition, minuteMs: minute, series: some)
                // The first cursor of a batch: rows read later may hold more, never less.
                if batch.rows.isEmpty { batch.cursor = read.cursor }
                batch.readNs = time.monotonicNs()
                try add(read, minute, keys, names, to: &batch, &summary)
                if batch.rows.count >= configuration.maxRows {
                    waiting.append(batch)
                    batch = Batch(partition: partition)
                    if waiting.count >= configuration.maxWaiting {
                        try await write(&waiting, runID, settlingTime, pass, &summary)
                    }
                }
            }
            onProgress(index + 1, minutes.count)
        }
        if !batch.rows.isEmpty { waiting.append(batch) }
        try await write(&waiting, runID, settlingTime, pass, &summary)
        if configuration.isDryRun { return }
        try await source.advance(partition: partition, watermarkMs: closedMs)
        while try await source.retire(partition: partition) {}
    }

    private func add(
        _ read: MinutePartials, _ minute: Int64, _ keys: [Int: SeriesKey], _ names: [MetricID: String],
        to batch: inout Batch, _ summary: inout Summary
    ) throws(StoreError) {
        for partial in read.partials {
            guard let key = keys[partial.series] else {
                throw StoreError(
                    .incompatible, store: "redis", operation: "weir_partials",
                    detail: "series \(partial.series) of partition \(batch.partition) has no labels")
            }
            var record = Record()
            for bytes in partial.records {
                do {
                    record.merge(try RecordCodec.decode(bytes))
                } catch {
                    throw StoreError(
                        .incompatible, store: "redis", operation: "weir_partials",
                        detail: "a bucket of series \(partial.series) is damaged: \(error)")
                }
            }
            var isWhole = true
            for section in record.sections {
                guard let metric = names[section.metric] else {
                    isWhole = false
                    summary.unknownMetrics += 1
                    logger.error(
                        "a metric without a definition is left out", ["metric": "\(section.metric.rawValue)"])
                    continue
                }
                batch.rows.append(
                    MinuteRow(
                        metric: metric, labels: key.labels, minuteMs: minute, partition: batch.partition,
                        generation: partial.generation, version: partial.version, aggregate: section.aggregate))
            }
            // What could not be written whole stays marked, and so in Redis.
            if isWhole {
                batch.settled.append(
                    SettledMinute(minuteMs: minute, series: partial.series, version: partial.version))
            }
            summary.series += 1
        }
    }

    /// Writes batches once what they were read from is sure to survive a crash of Redis.
    private func write(
        _ batches: inout [Batch], _ runID: String, _ settlingTime: Duration, _ pass: any HistoryPass,
        _ summary: inout Summary
    ) async throws {
        guard let newest = batches.map(\.readNs).max() else { return }
        defer { batches = [] }
        summary.rows += batches.reduce(0) { $0 + $1.rows.count }
        if configuration.isDryRun { return }
        let safeNs = newest + settlingTime.wholeNanoseconds
        let now = time.monotonicNs()
        if safeNs > now { try await pause(.nanoseconds(Int64(safeNs - now))) }
        guard try await source.runID() == runID else { throw Stopped(outcome: .restarted) }
        for batch in batches {
            if case .behind(let partition, let known) = try await pass.write(
                batch.rows, cursors: [batch.partition: batch.cursor])
            {
                throw Stopped(outcome: .behind(partition: partition, known: known, cursor: batch.cursor))
            }
            try await source.settle(partition: batch.partition, batch.settled)
        }
    }
}
