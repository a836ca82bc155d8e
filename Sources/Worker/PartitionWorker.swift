package import Analytics
package import Service

/// Applies the events of one partition's log, exactly once: reads from the cursor, folds, merges and applies, for ever.
///
/// While a batch is being applied the next one is read and folded, so batches grow by themselves when Redis is busy and go
/// out at once when it is not. Whatever goes wrong, all that is held is thrown away and the cursor read again: the store
/// knows what was applied, and nobody else need.
package actor PartitionWorker {
    /// How a worker works.
    package struct Configuration: Sendable {
        /// The metrics to be; nil takes those that Redis has.
        package var metrics: [MetricDefinition]?
        package var limits = BatchReader.Limits()
        /// Log entries in one read; 1...10,000.
        package var maxEntriesPerRead = 500
        /// A batch goes out at the latest when it touches so many (series, second).
        package var maxTouched = 2_000
        /// How long a partition is held without a sign of life. Zero works without a lease, which costs work when two
        /// workers share a partition and nothing else.
        package var lease = Duration.seconds(3)
        /// This worker's name towards others.
        package var owner: String

        package init(owner: String) { self.owner = owner }
    }

    /// What `run` throws where going on makes no sense.
    package enum Failure: Error, CustomStringConvertible {
        /// These metrics are configured with another kind than the one they have.
        case kindChanged([String])

        package var description: String {
            switch self {
            case .kindChanged(let names):
                "the kind of \(names.joined(separator: ", ")) has changed; what is stored under a name cannot change its "
                    + "kind: give the metric a new name"
            }
        }
    }

    private struct Batch {
        let deltas: [BatchAggregator.Delta]
        let side: BatchReader.Side
        let newSeries: [NumberedSeries]
    }

    /// The executor's thread is where all of it runs.
    package nonisolated let executor: any SerialExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    private let partition: Int
    private let store: any PartitionStore
    private let configuration: Configuration
    private let logger: Logger
    private let metrics: WorkerMetrics
    private let time: TimeSource

    // Of the current session.
    private var session = 0
    private var cursor = StreamID.zero
    private var horizonSecond: Int64 = 0
    private var definitionsVersion = 0
    private var seriesStored = 0
    private var cache = BucketCache()
    /// By series: the minute of its last event that Redis knows.
    private var seenMinute: [Int64] = []
    private var isApplying = false

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
    }

    /// Works until cancelled; then what was read is applied first and the lease given back.
    ///
    /// - Throws: `Failure`; every fault of the store is waited out instead.
    package func run() async throws {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(5))
        while !Task.isCancelled {
            do {
                guard try await holdsLease() else {
                    try? await Task.sleep(for: configuration.lease / 4)
                    continue
                }
                let reader = try await open()
                backoff.reset()
                try await work(reader)
            } catch let failure as Failure {
                throw failure
            } catch let error as StoreError {
                if Task.isCancelled { break }
                metrics.failures.add(1)
                let delay = backoff.next()
                logger.warning("the partition is read anew", ["reason": "\(error)", "wait": "\(delay)"])
                try? await Task.sleep(for: delay)
            } catch {
                // Another worker was faster, or definitions changed: the next look at the cursor tells.
                metrics.restarts.add(1)
                logger.debug("the partition is read anew", ["reason": "\(error)"])
            }
        }
        if configuration.lease > .zero {
            _ = try? await store.lease(partition: partition, owner: configuration.owner, for: .zero)
        }
    }

    private struct Restart: Error { let reason: StaticString }

    // MARK: Session

    private func holdsLease() async throws(StoreError) -> Bool {
        guard configuration.lease > .zero else { return true }
        return try await store.lease(partition: partition, owner: configuration.owner, for: configuration.lease)
    }

    /// Reads where the partition stands and stores this worker's definitions where they are news.
    private func open() async throws -> BatchReader {
        var opened = try await store.open(partition: partition)
        if let next = try nextDefinitions(opened) {
            let expected = opened.definitions?.version ?? 0
            guard try await store.define(next, expected: expected, partition: partition) else {
                throw Restart(reason: "definitions")
            }
            logger.notice("definitions stored", ["version": "\(next.version)"])
            opened = try await store.open(partition: partition)
        }
        session = opened.session
        cursor = opened.state.cursor
        horizonSecond = opened.state.horizonSecond
        definitionsVersion = opened.definitions?.version ?? 0
        seriesStored = opened.series.count
        cache = BucketCache()
        seenMinute = Array(repeating: .min, count: seriesStored)
        isApplying = false
        logger.info("partition opened", ["cursor": "\(cursor)", "series": "\(seriesStored)"])
        return BatchReader(
            definitions: opened.definitions ?? Definitions(version: 0, metrics: [.events]), series: opened.series,
            cursor: cursor, limits: configuration.limits)
    }

    /// What the partition's definitions are to become; nil where they are right.
    ///
    /// Partition 0 follows the configuration, the others follow partition 0: a metric must have one number everywhere.
    private func nextDefinitions(_ opened: OpenPartition) throws -> Definitions? {
        let leading = opened.leading ?? Definitions(version: 0, metrics: [])
        if let wanted = configuration.metrics {
            let (updated, changedKind) = leading.updated(to: wanted)
            if !changedKind.isEmpty { throw Failure.kindChanged(changedKind) }
            if let updated {
                if partition == 0 { return updated }
                throw StoreError(
                    .unavailable, store: "redis", operation: "open",
                    detail: "partition 0 has not taken the configured metrics yet")
            }
        }
        guard partition != 0, let leading = opened.leading else { return nil }
        guard opened.definitions != leading else { return nil }
        guard leading.version > opened.definitions?.version ?? 0 else {
            throw StoreError(
                .incompatible, store: "redis", operation: "open",
                detail: "partition \(partition) has definitions that are not those of partition 0")
        }
        return leading
    }

    // MARK: Work

    private func work(_ opened: BatchReader) async throws {
        var reader = opened
        var leaseEndsNs = time.monotonicNs() + UInt64(configuration.lease.nanoseconds)
        while true {
            let batch = reader.isEmpty ? nil : take(&reader)
            if batch == nil && Task.isCancelled { return }
            if configuration.lease > .zero
                && time.monotonicNs() + UInt64(configuration.lease.nanoseconds) * 2 / 3 > leaseEndsNs
            {
                guard try await holdsLease() else { throw Restart(reason: "the lease is lost") }
                leaseEndsNs = time.monotonicNs() + UInt64(configuration.lease.nanoseconds)
            }
            isApplying = batch != nil
            async let applied: Void = apply(batch)
            try await gather(&reader)
            try await applied
        }
    }

    /// Reads what there is; while a batch is being applied, goes on reading until that is done or the next one is big.
    private func gather(_ reader: inout BatchReader) async throws {
        repeat {
            if Task.isCancelled { return }
            let entries = try await store.entries(
                partition: partition, session: session, after: reader.side.last,
                maxCount: configuration.maxEntriesPerRead,
                wait: isApplying || !reader.isEmpty ? .milliseconds(2) : .milliseconds(500))
            for entry in entries { reader.read(entry) }
            metrics.entries.add(entries.count)
        } while isApplying && reader.aggregator.touchedCount < configuration.maxTouched
    }

    private func take(_ reader: inout BatchReader) -> Batch {
        let (deltas, side) = reader.take()
        let newSeries = (seriesStored..<reader.aggregator.seriesCount).map { number in
            NumberedSeries(number: number, key: reader.aggregator.key(ofSeries: number))
        }
        seriesStored = reader.aggregator.seriesCount
        return Batch(deltas: deltas, side: side, newSeries: newSeries)
    }

    /// Applies a batch, again with what Redis told where buckets were not as they were thought to be.
    private func apply(_ batch: Batch?) async throws {
        guard let batch else { return }
        defer { isApplying = false }
        let began = time.monotonicNs()
        while true {
            let request = request(for: batch)
            switch try await store.apply(request, partition: partition, session: session) {
            case .applied(let horizon):
                cursor = request.to
                horizonSecond = horizon
                for (series, second) in request.seen { seenMinute[series] = second }
                metrics.applied(
                    events: batch.side.eventCount, touched: batch.deltas.count, refused: batch.side.refused.count,
                    ns: time.monotonicNs() - began)
                return
            case .stale: throw Restart(reason: "the cursor has moved")
            case .definitionsChanged: throw Restart(reason: "definitions")
            case .changed(let buckets):
                cache.takeBack()
                for bucket in buckets {
                    do {
                        try cache.learn(bucket)
                    } catch {
                        throw StoreError(
                            .incompatible, store: "redis", operation: "reading a bucket",
                            detail: "series \(bucket.series), second \(bucket.second): \(error)")
                    }
                }
            }
        }
    }

    private func request(for batch: Batch) -> AppliedBatch {
        var request = AppliedBatch(
            from: cursor, to: batch.side.last, definitionsVersion: definitionsVersion, newestMs: batch.side.newestMs)
        (request.fine, request.coarse) = cache.merge(batch.deltas, horizonSecond: horizonSecond)
        request.newSeries = batch.newSeries
        request.refused = batch.side.refused
        request.books = batch.side.books
        request.deltas = batch.deltas.map { $0.published }
        var dirty: [Int64: [Int]] = [:]
        var seen: [Int: Int64] = [:]
        for write in request.coarse {
            let minute = write.second - write.second % 60
            if dirty[minute]?.last != write.series { dirty[minute, default: []].append(write.series) }
            seen[write.series] = max(seen[write.series] ?? .min, minute)
        }
        request.dirty = dirty.sorted { $0.key < $1.key }.map { (minute: $0.key, series: $0.value) }
        while seenMinute.count < seriesStored { seenMinute.append(.min) }
        request.seen = seen.filter { $0.value > seenMinute[$0.key] }.map { (series: $0.key, second: $0.value) }
        return request
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
