import Analytics
import Service
import Wire

/// What the compaction sees of Redis, in memory: buckets of ten minutes that can expire, marks of what changed, a clock that
/// tests move, and faults.
final class MemoryRedis: CompactionSource {
    struct Event: Sendable {
        var partition = 0
        var series = 0
        var metric = MetricID(rawValue: 1)
        var atMs: Int64
        var value = 1.0
    }

    private struct Chunk: Hashable {
        let series: Int
        let startMs: Int64
    }

    private struct Bucket {
        let generation: StreamID
        var records: [Int64: [UInt8]] = [:]  // by ten-second slot
    }

    private struct Partition {
        var cursor = StreamID.zero
        var watermarkMs: Int64 = 0
        var buckets: [Chunk: Bucket] = [:]
        var dirty: [Int64: [Int: StreamID]] = [:]
        var series: [NumberedSeries] = []
    }

    private struct State {
        var partitions: [Partition]
        var definitions: Definitions
        var nowMs: Int64
        var monotonicNs: UInt64 = 1
        var runID = "first"
        var callsUntilFault: Int?
        var pauses: [Duration] = []
        var atPause: (@Sendable (MemoryRedis) -> Void)?
    }

    private let state: Lock<State>

    init(partitions: Int = 1, definitions: Definitions, series: [[SeriesKey]], nowMs: Int64) {
        var all: [Partition] = []
        for partition in 0..<partitions {
            var one = Partition()
            one.series = series[partition].enumerated().map { NumberedSeries(number: $0, key: $1) }
            all.append(one)
        }
        state = Lock(State(partitions: all, definitions: definitions, nowMs: nowMs))
    }

    // MARK: What tests do

    /// Applies events as one batch of each partition that they are of.
    func apply(_ events: [Event]) {
        state.withLock { state in
            for partition in Set(events.map(\.partition)) {
                let to = StreamID(ms: UInt64(state.nowMs), sequence: state.partitions[partition].cursor.sequence + 1)
                state.partitions[partition].cursor = to
                for event in events where event.partition == partition {
                    let chunk = Chunk(series: event.series, startMs: event.atMs - event.atMs % 600_000)
                    var bucket = state.partitions[partition].buckets[chunk] ?? Bucket(generation: to)
                    let slot = event.atMs - event.atMs % 10_000
                    var record = (try? RecordCodec.decode(bucket.records[slot] ?? [])) ?? Record()
                    var added = Aggregate()
                    added.addToDistribution(event.value)
                    record.merge(added, into: event.metric)
                    bucket.records[slot] = RecordCodec.encode(record)
                    state.partitions[partition].buckets[chunk] = bucket
                    let minute = event.atMs - event.atMs % 60_000
                    state.partitions[partition].dirty[minute, default: [:]][event.series] = to
                }
            }
        }
    }

    /// Lets buckets expire that are compacted and of which nothing is marked, each with even chances.
    func expire(_ random: inout some RandomNumberGenerator) {
        let coins = (0..<64).map { _ in Bool.random(using: &random) }
        state.withLock { state in
            var coin = 0
            for index in state.partitions.indices {
                let partition = state.partitions[index]
                for chunk in partition.buckets.keys.sorted(by: { ($0.startMs, $0.series) < ($1.startMs, $1.series) }) {
                    let minutes = stride(from: chunk.startMs, to: chunk.startMs + 600_000, by: 60_000)
                    guard chunk.startMs + 600_000 <= partition.watermarkMs,
                        !minutes.contains(where: { partition.dirty[$0]?.isEmpty == false })
                    else { continue }
                    coin += 1
                    if coins[coin % coins.count] { state.partitions[index].buckets[chunk] = nil }
                }
            }
        }
    }

    /// Damages the bytes of a bucket.
    func damage(series: Int, atMs: Int64) {
        state.withLock { state in
            let chunk = Chunk(series: series, startMs: atMs - atMs % 600_000)
            state.partitions[0].buckets[chunk]?.records[atMs - atMs % 10_000] = [1, 255]
        }
    }

    func setCursor(_ cursor: StreamID) { state.withLock { $0.partitions[0].cursor = cursor } }
    func setDefinitions(_ definitions: Definitions) { state.withLock { $0.definitions = definitions } }
    func setRunID(_ id: String) { state.withLock { $0.runID = id } }
    func addSeries(_ key: SeriesKey) {
        state.withLock { state in
            let number = state.partitions[0].series.count
            state.partitions[0].series.append(NumberedSeries(number: number, key: key))
        }
    }
    func pass(ms: Int64) { state.withLock { $0.nowMs += ms } }
    /// The call after so many more fails, and none after it; nil for no fault.
    func fault(after calls: Int?) { state.withLock { $0.callsUntilFault = calls } }
    func atPause(_ body: @escaping @Sendable (MemoryRedis) -> Void) { state.withLock { $0.atPause = body } }

    var nowMs: Int64 { state.withLock { $0.nowMs } }
    var watermarks: [Int64] { state.withLock { $0.partitions.map(\.watermarkMs) } }
    var pauses: [Duration] { state.withLock { $0.pauses } }
    /// How many (series, minute) are marked as changed.
    var dirtyCount: Int {
        state.withLock { $0.partitions.reduce(0) { $0 + $1.dirty.values.reduce(0) { $0 + $1.count } } }
    }
    var dirtyMinutes: [Int64] {
        state.withLock { $0.partitions.flatMap { $0.dirty.filter { !$0.value.isEmpty }.keys } }
    }

    var time: TimeSource {
        TimeSource(
            wallMs: { self.nowMs },
            monotonicNs: {
                self.state.withLock {
                    $0.monotonicNs += 1_000; return $0.monotonicNs
                }
            })
    }

    /// Waits by moving the clock.
    func pause(_ duration: Duration) {
        let body = state.withLock { state in
            state.pauses.append(duration)
            state.monotonicNs += duration.wholeNanoseconds
            return state.atPause.take()
        }
        body?(self)
    }

    private func call<Success>(
        _ body: (inout State) -> sending Success
    ) throws(StoreError) -> Success {
        let success: Success? = state.withLock { state in
            if let calls = state.callsUntilFault {
                state.callsUntilFault = calls > 0 ? calls - 1 : nil
                if calls == 0 { return nil }
            }
            return body(&state)
        }
        guard let success else {
            throw StoreError(.unavailable, store: "redis", operation: "test", detail: "a fault that a test made")
        }
        return success
    }

    // MARK: CompactionSource

    func partitionCount() async throws(StoreError) -> Int { try call { $0.partitions.count } }

    func definitions() async throws(StoreError) -> Definitions? { try call { $0.definitions } }

    func settlingTime() async throws(StoreError) -> Duration { try call { _ in .seconds(2) } }

    func runID() async throws(StoreError) -> String { try call { $0.runID } }

    func state(partition: Int) async throws(StoreError) -> PartitionState {
        try call { state in
            let one = state.partitions[partition]
            return PartitionState(
                cursor: one.cursor, watermarkMs: one.watermarkMs, horizonSecond: 0, newestMs: 0, nowMs: state.nowMs,
                definitionsVersion: state.definitions.version)
        }
    }

    func series(partition: Int) async throws(StoreError) -> [NumberedSeries] {
        try call { $0.partitions[partition].series }
    }

    func dirtyMinutes(partition: Int, beforeMs: Int64) async throws(StoreError) -> [Int64] {
        try call { state in
            state.partitions[partition].dirty.filter { $0.key < beforeMs && !$0.value.isEmpty }.map(\.key).sorted()
        }
    }

    func dirtySeries(partition: Int, minuteMs: Int64) async throws(StoreError) -> [Int] {
        try call { $0.partitions[partition].dirty[minuteMs, default: [:]].keys.sorted() }
    }

    func partials(
        partition: Int, minutesMs: Range<Int64>, series: [Int], sets: [MetricSet]
    ) async throws(StoreError) -> MinutePartials {
        let startMs = minutesMs.lowerBound - minutesMs.lowerBound % 600_000
        precondition(minutesMs.upperBound <= startMs + 600_000, "minutes of the same ten")
        return try call { state in
            let one = state.partitions[partition]
            var found = MinutePartials(cursor: one.cursor)
            for number in series {
                let bucket = one.buckets[Chunk(series: number, startMs: startMs)]
                for minuteMs in stride(from: minutesMs.lowerBound, to: minutesMs.upperBound, by: 60_000) {
                    guard let version = one.dirty[minuteMs]?[number] else { continue }
                    for slot in stride(from: minuteMs, to: minuteMs + 60_000, by: 10_000) {
                        found.append(part: bucket?.records[slot] ?? [])
                    }
                    found.append(
                        series: number, minuteMs: minuteMs, version: version,
                        generation: bucket?.generation ?? version)
                }
            }
            return found
        }
    }

    func settle(partition: Int, _ settled: [SettledMinute]) async throws(StoreError) {
        try call { state in
            for one in settled where state.partitions[partition].dirty[one.minuteMs]?[one.series] == one.version {
                state.partitions[partition].dirty[one.minuteMs]?[one.series] = nil
            }
        }
    }

    func advance(partition: Int, watermarkMs: Int64) async throws(StoreError) {
        try call { state in
            state.partitions[partition].watermarkMs = max(state.partitions[partition].watermarkMs, watermarkMs)
        }
    }

    func retire(partition: Int) async throws(StoreError) -> Bool { try call { _ in false } }
}
