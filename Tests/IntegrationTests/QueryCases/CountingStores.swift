import Analytics
import Service

/// How much stores were asked for, and gave: the same for the same question, however slow the machine is.
final class StoreWork: Sendable {
    struct Counts: Equatable {
        var calls = 0
        /// Series that came, of which some may have been known.
        var series = 0
        /// Series that were read.
        var read = 0
        /// Buckets and rows that came.
        var rows = 0
    }

    private let counts = Lock(Counts())

    func add(series: Int = 0, read: Int = 0, rows: Int = 0) {
        counts.withLock {
            $0.calls += 1
            $0.series += series
            $0.read += read
            $0.rows += rows
        }
    }

    /// What has come since the last time.
    func take() -> Counts {
        counts.withLock { counts in
            defer { counts = Counts() }
            return counts
        }
    }
}

/// A store of history, counted.
struct CountedHistory: HistoryStore {
    let store: any HistoryStore
    let work: StoreWork

    func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        let series = try await store.series(ofMetric: name, from: id)
        work.add(series: series.count)
        return series
    }

    func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        let rows = try await store.rows(
            series: series, fromMs: fromMs, toMs: toMs, before: before, resolution: resolution)
        work.add(read: series.count, rows: rows.count)
        return rows
    }

    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld { try await store.held(nowMs: nowMs) }
}

/// A store of the recent past, counted.
struct CountedRecent: RecentStore {
    let store: any RecentStore
    let work: StoreWork

    func partitionCount() async throws(StoreError) -> Int { try await store.partitionCount() }

    func definitions() async throws(StoreError) -> Definitions? { try await store.definitions() }

    func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        let new = try await store.series(partition: partition, from: number)
        work.add(series: new.series.count)
        return new
    }

    func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets {
        let read = try await store.read(
            partition: partition, series: series, resolution: resolution, from: from, to: to, sets: sets)
        work.add(read: series.count, rows: read.buckets.count + read.sets.count)
        return read
    }

    func livePosition(partition: Int) async throws(StoreError) -> StreamID {
        try await store.livePosition(partition: partition)
    }

    func live(partition: Int, after position: StreamID, wait: Duration) async throws(StoreError) -> [LiveBatch] {
        try await store.live(partition: partition, after: position, wait: wait)
    }
}
