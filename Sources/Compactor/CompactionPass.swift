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

    /// What a pass took.
    package struct Times: Equatable, Sendable {
        /// From its begin until all minutes were written and settled.
        package var minutes = Duration.zero
        /// Of that, waiting for Redis' disk.
        package var waiting = Duration.zero

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
        package var times = Times()
        /// What went, or in a dry run would go, and what will.
        package var retention = RetentionReport()
        /// The partition that was rewritten in the order of its series, or would be.
        package var rewrite: RewriteReport?
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

    /// What stays the same during a pass, and what it has come to.
    private struct Run {
        let history: any HistoryPass
        let runID: String
        /// By partition.
        var durable: [DurableCursor] = []
        /// By partition, the minutes written before the pass, ms since 1970.
        var watermarks: [Int64] = []
        /// By partition, what was read.
        var parts: [Summary] = []
        var summary = Summary()
    }

    /// A pass a minute still has its minutes written in time.
    private static let labelNs: UInt64 = 20_000_000_000

    private struct Stopped: Error { let outcome: Outcome }

    private let source: any CompactionSource
    private let history: any HistoryWriting
    private let configuration: Configuration
    private let logger: Logger
    private let time: TimeSource
    private let pause: @Sendable (Duration) async throws -> Void
    private let onProgress: @Sendable (_ done: Int, _ total: Int) -> Void
    private let readExecutor: (any TaskExecutor)?
    private let teller: PassTeller

    /// - Parameters:
    ///   - source: Redis.
    ///   - history: PostgreSQL.
    ///   - configuration: how to work.
    ///   - logger: for what is out of order.
    ///   - time: the clocks.
    ///   - pause: how to wait; throws when cancelled.
    ///   - onProgress: told the minutes read, of all that there are.
    ///   - readExecutor: where batches are read, best the one of `source`, on a thread of its own: PostgreSQL then never waits for rows
    ///     while the next ones are made. Nil: on the thread of the caller.
    package init(
        source: any CompactionSource, history: any HistoryWriting, configuration: Configuration = Configuration(),
        logger: Logger = .silent, time: TimeSource = .system,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        onProgress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
        readExecutor: (any TaskExecutor)? = nil
    ) {
        precondition(configuration.maxRows > 0, "batches hold at least one row")
        self.source = source
        self.history = history
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.pause = pause
        self.onProgress = onProgress
        self.readExecutor = readExecutor
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
        var run = Run(history: pass, runID: try await source.runID())
        let settling = try await source.settlingTime()
        guard let definitions = try await source.definitions() else { return run.summary }
        if !configuration.isDryRun {
            try await pass.preparePartitions(fromMs: time.wallMs(), days: configuration.daysAhead)
            teller.tell("made partitions ahead", sinceNs: began, ["days": .int(configuration.daysAhead)])
        }
        var partitions: [PartitionReader] = []
        for partition in 0..<(try await source.partitionCount()) {
            let state = try await source.state(partition: partition)
            run.watermarks.append(state.watermarkMs)
            run.parts.append(Summary())
            run.durable.append(DurableCursor(settling: settling))
            run.durable[partition].saw(state.cursor, atNs: time.monotonicNs())
            let graceMs = configuration.grace.components.seconds * 1_000
            let closedMs = StepLadder.floor(state.nowMs - graceMs, 60_000)
            partitions.append(
                PartitionReader(
                    partition: partition, source: source, logger: logger, time: time, cursor: state.cursor,
                    closedMs: closedMs,
                    minutes: try await source.dirtyMinutes(partition: partition, beforeMs: closedMs),
                    definitions: definitions))
        }
        let readNs = teller.nowNs
        try await compact(partitions, &run)
        for (partition, part) in run.parts.enumerated() {
            teller.tell(
                "went through what changed", sinceNs: readNs,
                [
                    "partition": .int(partition), "minutes": .int(part.minutes), "series": .int(part.series),
                    "rows": .int(part.rows), "held_back": .int(part.heldBack),
                ])
        }
        run.summary.times.minutes = .nanoseconds(Int64(time.monotonicNs() - began))
        if configuration.isDryRun {
            try await retain(pass, partitions, &run)
            run.summary.rewrite = try await pass.rewrite(nowMs: time.wallMs(), isDryRun: true)
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
        try await rollUpLabels(pass, definitions.metrics)
        try await retain(pass, partitions, &run)
        let seconds = Double(time.monotonicNs() - began) / 1e9
        try await pass.finish(atMs: time.wallMs(), seconds: seconds, rows: run.summary.rows)
        run.summary.rewrite = try await pass.rewrite(nowMs: time.wallMs(), isDryRun: false)
        return run.summary
    }

    /// Makes what long ranges are answered from, the newest days first; what takes longer is for the passes to come.
    private func rollUpLabels(_ pass: any HistoryPass, _ metrics: [MetricDefinition]) async throws {
        let (beganNs, beginNs) = (teller.nowNs, time.monotonicNs())
        var days = 0
        while time.monotonicNs() - beginNs < Self.labelNs, try await pass.rollUpLabels(metrics) { days += 1 }
        teller.tell("rolled up by labels", sinceNs: beganNs, ["days": .int(days)])
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

    /// Writes all there is: while a batch is written, the next is read and the one before is settled, so that both stores and this
    /// process work at the same time. At most three batches are in memory.
    private func compact(_ partitions: [PartitionReader], _ run: inout Run) async throws {
        let total = partitions.reduce(0) { $0 + $1.minutes.count }
        var (batch, left) = try await readElsewhere(partitions[...])
        var written: ReadBatch?
        while var current = batch {
            let (previous, readers) = (written, left)
            // Before the next are read: its answer would wait behind theirs, and PostgreSQL for it.
            if !configuration.isDryRun { try await makeDurable(&current, &run) }
            async let following = readElsewhere(readers)
            async let settled: Void = withTaskExecutorPreference(readExecutor) { try await settle(previous) }
            try await write(current, run)
            run.summary.add(current)
            run.parts[current.history.partition].add(current)
            onProgress(run.summary.minutes, total)
            try await settled
            written = configuration.isDryRun ? nil : current
            (batch, left) = try await following
        }
        try await settle(written)
    }

    private func readElsewhere(
        _ readers: ArraySlice<PartitionReader>
    ) async throws -> (ReadBatch?, ArraySlice<PartitionReader>) {
        try await withTaskExecutorPreference(readExecutor) { try await read(readers) }
    }

    /// The next batch of the first reader that has one, and the readers from it on.
    private func read(
        _ readers: ArraySlice<PartitionReader>
    ) async throws -> (ReadBatch?, ArraySlice<PartitionReader>) {
        var readers = readers
        while var first = readers.first {
            if let batch = try await first.next(maxRows: configuration.maxRows) {
                readers[readers.startIndex] = first
                return (batch, readers)
            }
            readers = readers.dropFirst()
        }
        return (nil, readers)
    }

    /// Waits until what a batch was read from is sure to survive a crash of Redis, and sets its cursor to what is then on disk.
    private func makeDurable(_ batch: inout ReadBatch, _ run: inout Run) async throws {
        let partition = batch.history.partition
        if batch.history.rows.isEmpty {
            // Not before what an earlier batch was written with.
            batch.history.cursor = max(batch.cursor, run.durable[partition].durable(atNs: time.monotonicNs()))
        } else {
            run.durable[partition].saw(batch.cursor, atNs: batch.readNs)
            guard let durableNs = run.durable[partition].durableNs(batch.newestVersion) else {
                throw Stopped(outcome: .restarted)  // its versions lie past its cursor: it went back between two reads
            }
            let now = time.monotonicNs()
            if durableNs > now {
                try await pause(.nanoseconds(Int64(durableNs - now)))
                run.summary.times.waiting += .nanoseconds(Int64(durableNs - now))
                teller.tell("waited until what was read is on Redis' disk", sinceNs: now, [:])
            }
            batch.history.cursor = run.durable[partition].durable(atNs: time.monotonicNs())
        }
        guard try await source.runID() == run.runID else { throw Stopped(outcome: .restarted) }
    }

    private func write(_ batch: ReadBatch, _ run: Run) async throws {
        let partition = batch.history.partition
        let beganNs = teller.nowNs
        if !configuration.isDryRun, case .behind(let known) = try await run.history.write(batch.history) {
            throw Stopped(outcome: .behind(partition: partition, known: known, cursor: batch.history.cursor))
        }
        teller.tell(
            batch.history, watermarkMs: run.watermarks[partition], isDryRun: configuration.isDryRun, sinceNs: beganNs)
    }

    /// Tells Redis that a batch is in PostgreSQL.
    private func settle(_ batch: ReadBatch?) async throws {
        guard let batch else { return }
        let partition = batch.history.partition
        try await source.settle(partition: partition, batch.settled)
        if batch.history.watermarkMs > 0 {
            try await source.advance(partition: partition, watermarkMs: batch.history.watermarkMs)
        }
    }
}

extension CompactionPass.Summary {
    fileprivate mutating func add(_ batch: ReadBatch) {
        minutes += batch.minutes
        series += batch.settled.count
        rows += batch.history.rows.count
        heldBack += batch.heldBack
    }
}
