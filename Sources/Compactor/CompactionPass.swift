package import Analytics
package import Service

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
        /// How long history is kept; nil: for ever.
        package var retention: RetentionTimes? = RetentionTimes()
        /// Says what it would do, and does nothing.
        package var isDryRun = false
        /// Tells each step in the log, at info, with the time it took.
        package var isVerbose = false

        package init() {}
    }

    /// What a pass did.
    package struct Summary: Equatable, Sendable {
        package var minutes = 0
        /// (series, minute) read.
        package var series = 0
        package var rows = 0
        /// Hours of partitions that were rolled up, as they were over.
        package var hours = 0
        /// What went, or in a dry run would go, and what will.
        package var retention = RetentionReport()
        /// (series, minute) that cannot be written, each named in the log: damaged, or of a metric without a definition.
        /// They stay in Redis, and the watermark before them.
        package var heldBack = 0

        package init() {}
    }

    /// How a pass ended.
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
        var history: HistoryBatch
        var settled: [SettledMinute] = []
        var readNs: UInt64 = 0
    }

    /// What stays the same during a pass, and what it has come to.
    private struct Run {
        let history: any HistoryPass
        let runID: String
        let settlingTime: Duration
        var waiting: [Batch] = []
        /// By partition, the minutes written before the pass, ms since 1970.
        var watermarks: [Int: Int64] = [:]
        var summary = Summary()
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
    private let teller: PassTeller

    /// - Parameters:
    ///   - source: Redis.
    ///   - history: PostgreSQL.
    ///   - configuration: how to work.
    ///   - logger: for what is out of order.
    ///   - time: the clocks.
    ///   - pause: how to wait; throws when cancelled.
    ///   - onProgress: told the minutes read, of all that there are.
    package init(
        source: any CompactionSource, history: any HistoryWriting, configuration: Configuration = Configuration(),
        logger: Logger = .silent, time: TimeSource = .system,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        onProgress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        precondition(configuration.maxRows > 0 && configuration.maxWaiting > 0, "batches hold at least one row")
        self.source = source
        self.history = history
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.pause = pause
        self.onProgress = onProgress
        teller = PassTeller(logger, isVerbose: configuration.isVerbose, time: time)
    }

    /// Runs the pass.
    ///
    /// - Throws: `StoreError` where a store fails; what was committed before stays, the rest is for the next pass.
    package func run() async throws -> Outcome {
        guard let pass = try await history.beginPass() else { return .locked }
        do {
            let summary = try await compactAll(pass)
            await pass.end()
            return .done(summary)
        } catch {
            await pass.end()
            guard let stopped = error as? Stopped else { throw error }
            return stopped.outcome
        }
    }

    private func compactAll(_ pass: any HistoryPass) async throws -> Summary {
        let began = time.monotonicNs()
        var run = Run(
            history: pass, runID: try await source.runID(), settlingTime: try await source.settlingTime())
        guard let definitions = try await source.definitions() else { return run.summary }
        if !configuration.isDryRun {
            try await pass.preparePartitions(fromMs: time.wallMs(), days: configuration.daysAhead)
            teller.tell("made partitions ahead", sinceNs: began, ["days": .int(configuration.daysAhead)])
        }
        var partitions: [PartitionReader] = []
        for partition in 0..<(try await source.partitionCount()) {
            let state = try await source.state(partition: partition)
            run.watermarks[partition] = state.watermarkMs
            let graceMs = configuration.grace.components.seconds * 1_000
            let closedMs = StepLadder.floor(state.nowMs - graceMs, 60_000)
            partitions.append(
                PartitionReader(
                    partition: partition, source: source, logger: logger, cursor: state.cursor, closedMs: closedMs,
                    minutes: try await source.dirtyMinutes(partition: partition, beforeMs: closedMs),
                    definitions: definitions))
        }
        let total = partitions.reduce(0) { $0 + $1.minutes.count }
        for index in partitions.indices { try await compact(&partitions[index], of: total, &run) }
        try await write(&run)
        if configuration.isDryRun {
            try await retain(pass, partitions, &run)
            return run.summary
        }
        for reader in partitions {
            let (beganNs, before) = (teller.nowNs, run.summary.hours)
            while try await pass.rollUp(partition: reader.partition) { run.summary.hours += 1 }
            teller.tell(
                "rolled hours up", sinceNs: beganNs,
                ["partition": .int(reader.partition), "hours": .int(run.summary.hours - before)])
            let retiredNs = teller.nowNs
            while try await source.retire(partition: reader.partition) {}
            teller.tell("let what is compacted expire", sinceNs: retiredNs, ["partition": .int(reader.partition)])
        }
        try await retain(pass, partitions, &run)
        let seconds = Double(time.monotonicNs() - began) / 1e9
        try await pass.finish(atMs: time.wallMs(), seconds: seconds, rows: run.summary.rows)
        return run.summary
    }

    /// Drops what is older than is kept, but for what is marked in Redis.
    private func retain(
        _ pass: any HistoryPass, _ partitions: [PartitionReader], _ run: inout Run
    ) async throws {
        guard let times = configuration.retention else { return }
        let beganNs = teller.nowNs
        var changedFromMs: Int64?
        for reader in partitions {
            let oldest = try await source.dirtyMinutes(partition: reader.partition, beforeMs: reader.closedMs).first
            if let oldest { changedFromMs = min(changedFromMs ?? oldest, oldest) }
        }
        run.summary.retention = try await pass.retain(
            times, nowMs: time.wallMs(), changedFromMs: changedFromMs, isDryRun: configuration.isDryRun)
        teller.tell(run.summary.retention, times, changedFromMs: changedFromMs, sinceNs: beganNs)
    }

    private func compact(_ reader: inout PartitionReader, of total: Int, _ run: inout Run) async throws {
        let (beganNs, before) = (teller.nowNs, run.summary)
        var rows = 0
        var batch = Batch(history: HistoryBatch(partition: reader.partition, cursor: reader.cursor))
        for minute in reader.minutes {
            var rest = try await source.dirtySeries(partition: reader.partition, minuteMs: minute)[...]
            while !rest.isEmpty {
                let some = Array(rest.prefix(Self.seriesPerRead))
                rest = rest.dropFirst(Self.seriesPerRead)
                let read = try await reader.read(minute, some)
                // Taken after the read, so that what it saw is at least so old.
                batch.readNs = time.monotonicNs()
                batch.history.cursor = read.cursor
                batch.history.rows += read.rows
                rows += read.rows.count
                batch.settled += read.settled
                run.summary.series += read.settled.count
                run.summary.heldBack += read.heldBack
                guard batch.history.rows.count >= configuration.maxRows else { continue }
                // The minute is not written whole until its last series is.
                batch.history.watermarkMs = reader.watermark(writtenBefore: minute)
                run.waiting.append(batch)
                batch = Batch(history: HistoryBatch(partition: reader.partition, cursor: reader.cursor))
                if run.waiting.count >= configuration.maxWaiting { try await write(&run) }
            }
            run.summary.minutes += 1
            onProgress(run.summary.minutes, total)
        }
        if batch.history.rows.isEmpty { batch.history.cursor = reader.cursor }
        batch.history.watermarkMs = reader.watermark(writtenBefore: reader.closedMs)
        run.waiting.append(batch)
        teller.tell(
            "went through what changed", sinceNs: beganNs,
            [
                "partition": .int(reader.partition), "minutes": .int(reader.minutes.count),
                "series": .int(run.summary.series - before.series), "rows": .int(rows),
                "held_back": .int(run.summary.heldBack - before.heldBack),
            ])
    }

    /// Writes batches once what they were read from is sure to survive a crash of Redis.
    private func write(_ run: inout Run) async throws {
        defer { run.waiting = [] }
        run.summary.rows += run.waiting.reduce(0) { $0 + $1.history.rows.count }
        if configuration.isDryRun {
            for batch in run.waiting { tell(batch.history, run, sinceNs: teller.nowNs) }
            return
        }
        if let newest = run.waiting.filter({ !$0.history.rows.isEmpty }).map(\.readNs).max() {
            let safeNs = newest + run.settlingTime.wholeNanoseconds
            let now = time.monotonicNs()
            if safeNs > now {
                try await pause(.nanoseconds(Int64(safeNs - now)))
                teller.tell("waited until what was read is on Redis' disk", sinceNs: now, [:])
            }
        }
        guard try await source.runID() == run.runID else { throw Stopped(outcome: .restarted) }
        for batch in run.waiting {
            let partition = batch.history.partition
            let beganNs = teller.nowNs
            if case .behind(let known) = try await run.history.write(batch.history) {
                throw Stopped(outcome: .behind(partition: partition, known: known, cursor: batch.history.cursor))
            }
            tell(batch.history, run, sinceNs: beganNs)
            try await source.settle(partition: partition, batch.settled)
            if batch.history.watermarkMs > 0 {
                try await source.advance(partition: partition, watermarkMs: batch.history.watermarkMs)
            }
        }
    }

    private func tell(_ batch: HistoryBatch, _ run: Run, sinceNs: UInt64) {
        teller.tell(
            batch, watermarkMs: run.watermarks[batch.partition] ?? 0, isDryRun: configuration.isDryRun, sinceNs: sinceNs
        )
    }
}
