package import Analytics
package import Service

/// Applies the events of one partition's log, exactly once: reads from the cursor, folds, merges and applies, for ever.
///
/// While a batch is being applied the next one is read and folded, so batches grow by themselves when Redis is busy and go
/// out at once when it is not (`BatchPacer`). Whatever goes wrong, all that is held is thrown away and the cursor read
/// again: the store knows what was applied, and nobody else need.
package actor PartitionWorker {
    /// How a worker works.
    package struct Configuration: Sendable {
        package var limits = BatchReader.Limits()
        /// Log entries in one read; 1...10,000.
        package var maxEntriesPerRead = 1_000
        /// A batch is full when it touches so many (series, second) and sets of minutes, or has so many events.
        package var maxTouched = 2_000
        package var maxEvents = 25_000
        /// How long a partition is held without a sign of life. Zero works without a lease, which costs work when two
        /// workers share a partition and nothing else.
        package var lease = Duration.seconds(3)
        /// This worker's name towards others.
        package var owner: String
        /// Whether this process is to work on the partition; asked again and again. A partition that is not wanted any more
        /// is given back.
        package var isWanted: @Sendable () -> Bool = { true }

        package init(owner: String) { self.owner = owner }
    }

    struct Batch {
        let deltas: [BatchAggregator.Delta]
        let sets: [MinuteSets.Delta]
        let side: BatchReader.Side
        let newSeries: [NumberedSeries]
    }

    /// The session is over without a fault: what is held is worth nothing any more.
    struct Restart: Error { let reason: StaticString }

    /// The executor's thread is where all of it runs.
    package nonisolated let executor: any SerialExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    let partition: Int
    let store: any PartitionStore
    let configuration: Configuration
    let metrics: WorkerMetrics
    let time: TimeSource
    private let logger: Logger

    // Of the current session.
    var session = 0
    var cursor = StreamID.zero
    var horizonSecond: Int64 = 0
    /// Ten-second buckets in hashes that begin up to it may have expired.
    var settledSecond: Int64 = .max
    var definitionsVersion = 0
    var seriesStored = 0
    var cache = BucketCache()
    var tops = TopCache(Definitions(version: 0, metrics: []))
    /// By series: the minute of its last event that Redis knows.
    var seenMinute: [Int64] = []
    var reader: BatchReader
    var pacer = BatchPacer()
    /// The log has more than the last read returned.
    var isBehind = false

    /// `executor` is an event loop's.
    package init(
        partition: Int, store: any PartitionStore, configuration: Configuration, executor: any SerialExecutor,
        logger: Logger, metrics: WorkerMetrics, time: TimeSource = .system
    ) {
        self.partition = partition
        self.store = store
        self.configuration = configuration
        self.executor = executor
        self.logger = logger.with(["partition": "\(partition)"])
        self.metrics = metrics
        self.time = time
        reader = BatchReader(
            definitions: Definitions(version: 0, metrics: []), series: [], cursor: .zero, limits: configuration.limits)
    }

    /// Works until cancelled; then the lease is given back. What was read and not applied stays on the log.
    ///
    /// - Throws: `StoreError` of the code `.incompatible`, where going on makes no sense; every other fault of the store is
    ///   waited out.
    package func run() async throws {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(5))
        while !Task.isCancelled {
            do {
                guard configuration.isWanted(), try await holdsLease() else {
                    metrics.forgetLag(partition: partition)
                    try? await Task.sleep(for: max(configuration.lease / 4, .milliseconds(50)))
                    continue
                }
                guard try await open() else {
                    // Until metrics are defined nothing can be counted by them.
                    try? await Task.sleep(for: .milliseconds(100))
                    continue
                }
                backoff.reset()
                try await work()
            } catch let error as StoreError {
                if Task.isCancelled { break }
                if error.code == .incompatible { throw error }
                metrics.failures.add(1)
                let delay = backoff.next()
                logger.warning("the partition is read anew", ["reason": "\(error)", "wait": "\(delay)"])
                try? await Task.sleep(for: delay)
            } catch let restart as Restart {
                // Another worker was faster, or definitions changed: the next look at the cursor tells.
                metrics.restarts.add(1)
                logger.debug("the partition is read anew", ["reason": "\(restart.reason)"])
            } catch is CancellationError {
                break
            }
        }
        metrics.forgetLag(partition: partition)
        await giveLeaseBack()
    }

    // MARK: Session

    func holdsLease() async throws(StoreError) -> Bool {
        guard configuration.lease > .zero else { return true }
        return try await store.lease(partition: partition, owner: configuration.owner, for: configuration.lease)
    }

    func giveLeaseBack() async {
        guard configuration.lease > .zero else { return }
        _ = try? await store.lease(partition: partition, owner: configuration.owner, for: .zero)
    }

    /// Reads where the partition stands; false where no metrics are defined yet.
    private func open() async throws(StoreError) -> Bool {
        var opened = try await store.open(partition: partition)
        guard let leading = opened.leading else { return false }
        // A metric must have one number everywhere.
        if opened.definitions != leading {
            let held = opened.definitions?.version ?? 0
            guard leading.version > held else {
                throw StoreError(
                    .incompatible, store: "redis", operation: "open",
                    detail: "partition \(partition) has metric definitions that are not those of partition 0")
            }
            guard try await store.define(leading, expected: held, partition: partition) else { return false }
            opened = try await store.open(partition: partition)
        }
        session = opened.session
        cursor = opened.state.cursor
        horizonSecond = opened.state.horizonSecond
        settledSecond = .max
        definitionsVersion = opened.definitions?.version ?? 0
        seriesStored = opened.series.count
        cache = BucketCache(newestSecond: opened.state.newestMs / 1_000)
        tops = TopCache(leading)
        seenMinute = Array(repeating: .min, count: seriesStored)
        isBehind = false
        reader = BatchReader(
            definitions: leading, series: opened.series, cursor: cursor, upto: opened.upto,
            limits: configuration.limits)
        logger.info("partition opened", ["cursor": "\(cursor)", "series": "\(seriesStored)"])
        return true
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
