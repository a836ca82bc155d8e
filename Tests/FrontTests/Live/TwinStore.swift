import Analytics
import Glibc
import Service
import Wire

@testable import Front

/// Redis and the worker in memory: batches are applied in one step, buckets are read at a cursor, the live stream can be
/// trimmed, the whole store can go back or away.
final class TwinStore: RecentStore, LiveHistory {
    struct Event {
        let key: SeriesKey
        let second: Int64
        let value: Double
    }

    struct Partition {
        var series: [SeriesKey] = []
        /// By series number and second.
        var buckets: [Int: [Int64: Record]] = [:]
        /// By series number and start of the minute.
        var sets: [Int: [Int64: Record]] = [:]
        var cursor = StreamID.zero
        var live: [LiveBatch] = []
    }

    struct State {
        var partitions: [Partition]
        var isDown = false
        /// The live stream is slow: nothing comes until it is let go.
        var isHeld = false
        var calls = 0
        var lastID: UInt64 = 1000
        var connection: UInt64 = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var newestMs: Int64 = 0
        var historyReads = 0
    }

    let all: Definitions
    private let state: Lock<State>
    /// Batches that one read of the live stream gives at most.
    let liveCount: Int

    init(definitions: Definitions, partitions: Int = 1, liveCount: Int = 100) {
        all = definitions
        state = Lock(State(partitions: Array(repeating: Partition(), count: partitions)))
        self.liveCount = liveCount
    }

    // MARK: The worker's side

    func apply(_ events: [Event], partition: Int) {
        change { state in
            var added: [Int: [Int64: Record]] = [:]
            var addedSets: [Int: [Int64: Record]] = [:]
            var fresh: [NumberedSeries] = []
            for event in events {
                var number = state.partitions[partition].series.firstIndex(of: event.key)
                if number == nil {
                    state.partitions[partition].series.append(event.key)
                    number = state.partitions[partition].series.count - 1
                    fresh.append(NumberedSeries(number: state.partitions[partition].series.count - 1, key: event.key))
                }
                var record = Record()
                for metric in all.metrics where metric.group.name == event.key.group {
                    var aggregate = Aggregate()
                    if metric.kind == .distribution {
                        aggregate.addToDistribution(event.value)
                    } else {
                        aggregate.addEvent()
                    }
                    record.merge(aggregate, into: metric.id)
                }
                let sets = Self.sets(of: event, all)
                if !sets.isEmpty {
                    let minute = event.second.rounded(downTo: 60)
                    addedSets[number ?? 0, default: [:]][minute, default: Record()].merge(sets)
                }
                added[number ?? 0, default: [:]][event.second, default: Record()].merge(record)
                state.newestMs = max(state.newestMs, event.second * 1000)
            }
            state.lastID += 1
            let from = state.partitions[partition].cursor
            let to = StreamID(ms: state.lastID, sequence: 0)
            var deltas: [RecentBuckets.Bucket] = []
            for (number, seconds) in added.sorted(by: { $0.key < $1.key }) {
                for (second, record) in seconds.sorted(by: { $0.key < $1.key }) {
                    state.partitions[partition].buckets[number, default: [:]][second, default: Record()].merge(record)
                    deltas.append(.init(series: number, second: second, record: RecordCodec.encode(record)))
                }
            }
            var setDeltas: [RecentBuckets.Bucket] = []
            for (number, minutes) in addedSets {
                for (minute, record) in minutes {
                    state.partitions[partition].sets[number, default: [:]][minute, default: Record()].merge(record)
                    setDeltas.append(.init(series: number, second: minute, record: RecordCodec.encode(record)))
                }
            }
            state.partitions[partition].cursor = to
            state.partitions[partition].live.append(
                LiveBatch(
                    position: to, from: from, to: to, definitionsVersion: all.version, newestMs: state.newestMs,
                    newSeries: fresh, deltas: deltas, setDeltas: setDeltas))
        }
    }

    /// What an event adds to sets of its minute: its value's text.
    private static func sets(of event: Event, _ all: Definitions) -> Record {
        var record = Record()
        for metric in all.metrics where metric.group.name == event.key.group && metric.kind.keepsSets {
            let text = Array("\(event.value)".utf8)
            var aggregate = Aggregate()
            if metric.kind == .unique {
                var registers = HyperLogLog()
                registers.insert(text.span)
                aggregate.registers = registers
            } else {
                var items = TopItems()
                items.add(text)
                aggregate.items = items
            }
            record.merge(aggregate, into: metric.id)
        }
        return record
    }

    /// The compaction says that history has changed.
    func announce(settled: Range<Int64>, partition: Int) {
        change { state in
            state.lastID += 1
            let cursor = state.partitions[partition].cursor
            state.partitions[partition].live.append(
                LiveBatch(
                    position: StreamID(ms: state.lastID, sequence: 0), from: cursor, to: cursor,
                    definitionsVersion: all.version, newestMs: state.newestMs, newSeries: [], deltas: [],
                    settled: [settled]))
        }
    }

    func trimLive(partition: Int, keeping count: Int) {
        change { $0.partitions[partition].live = $0.partitions[partition].live.suffix(count) }
    }

    func saved(partition: Int) -> Partition { state.withLock { $0.partitions[partition] } }

    /// The store went back, which it only does when it is started anew.
    func restore(_ saved: Partition, partition: Int) {
        change {
            $0.partitions[partition] = saved
            $0.connection += 1
        }
    }

    func setDown(_ isDown: Bool) { change { $0.isDown = isDown } }

    func setHeld(_ isHeld: Bool) { change { $0.isHeld = isHeld } }

    var historyReads: Int { state.withLock { $0.historyReads } }
    var calls: Int { state.withLock { $0.calls } }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: The truth

    /// What `question` is answered now, for buckets from `from` on.
    func answer(_ question: LiveQuestion, from: Int64, to: Int64 = .max) -> [LabelSet: [Int64: Aggregate]] {
        state.withLock { merged($0, question, from: from, to: to) }
    }

    private func merged(
        _ state: State, _ question: LiveQuestion, from: Int64, to: Int64
    ) -> [LabelSet: [Int64: Aggregate]] {
        var answer: [LabelSet: [Int64: Aggregate]] = [:]
        guard let metric = all[question.metric] else { return [:] }
        for partition in state.partitions {
            for (number, seconds) in partition.buckets {
                let key = partition.series[number]
                guard key.group == metric.group.name, question.filter.matches(key.labels) else { continue }
                let sets = partition.sets[number] ?? [:]
                for (second, record) in Array(seconds) + Array(sets) {
                    let start = second.rounded(downTo: question.stepSeconds)
                    guard start >= from, start < to, let aggregate = record[metric.id] else { continue }
                    answer[key.labels.keeping(question.by), default: [:]][start, default: Aggregate()]
                        .merge(aggregate)
                }
            }
        }
        return answer
    }

    // MARK: RecentStore

    private func reading<Result>(_ body: (inout State) -> Result) throws(StoreError) -> Result {
        let result: Result? = state.withLock { state in
            state.calls += 1
            return state.isDown ? nil : body(&state)
        }
        guard let result else {
            throw StoreError(.unavailable, store: "redis", operation: "test", detail: "down")
        }
        return result
    }

    func partitionCount() async throws(StoreError) -> Int { try reading { $0.partitions.count } }

    func definitions() async throws(StoreError) -> Definitions? { try reading { _ in all } }

    /// This and `read` take a moment, so that much happens between two calls.
    func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        defer { usleep(300) }
        return try reading { state in
            let all = state.partitions[partition].series.enumerated().map { NumberedSeries(number: $0, key: $1) }
            return NewSeries(connection: state.connection, count: all.count, series: Array(all.dropFirst(number)))
        }
    }

    func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets {
        usleep(500)
        defer { usleep(500) }
        return try reading { state in
            let held = state.partitions[partition]
            let buckets = series.flatMap { number in
                (held.buckets[number] ?? [:]).filter { $0.key >= from && $0.key < to }.map { second, record in
                    RecentBuckets.Bucket(series: number, second: second, record: RecordCodec.encode(record))
                }
            }
            let asked = Set(sets.map(\.metric))
            let minutes = series.flatMap { number in
                (held.sets[number] ?? [:]).filter { $0.key >= from.rounded(downTo: 60) && $0.key < to }
                    .map { minute, record in
                        var some = Record()
                        for section in record.sections where asked.contains(section.metric) {
                            some.merge(section.aggregate, into: section.metric)
                        }
                        return RecentBuckets.Bucket(
                            series: number, second: minute, record: RecordCodec.encode(some))
                    }
            }
            return RecentBuckets(
                state: PartitionState(
                    cursor: held.cursor, watermarkMs: 0, horizonSecond: 0, newestMs: state.newestMs, nowMs: 0,
                    definitionsVersion: all.version), buckets: buckets, sets: minutes)
        }
    }

    func livePosition(partition: Int) async throws(StoreError) -> StreamID {
        try reading { $0.partitions[partition].live.last?.position ?? .zero }
    }

    func live(partition: Int, after position: StreamID, wait: Duration) async throws(StoreError) -> [LiveBatch] {
        let find = { (state: inout State) in
            state.isHeld
                ? []
                : Array(state.partitions[partition].live.filter { $0.position > position }.prefix(self.liveCount))
        }
        let first = try reading(find)
        if !first.isEmpty { return first }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isLate = state.withLock { state in
                    if state.isDown || !find(&state).isEmpty || Task.isCancelled { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if isLate { continuation.resume() }
            }
        } onCancel: {
            change { _ in }
        }
        return try reading(find)
    }

    // MARK: LiveHistory

    func read(
        _ metric: MetricDefinition, by: [String], filter: LabelFilter, from: Int64, to: Int64, stepSeconds: Int64
    ) async throws(StoreError) -> HistoryPart {
        let question = LiveQuestion(
            metric: metric.name, by: by, filter: filter, stepSeconds: stepSeconds, windowSeconds: 0, limit: 1000)
        await Task.yield()
        let part = try reading { state in
            state.historyReads += 1
            var part = HistoryPart(stepSeconds: stepSeconds)
            part.buckets = merged(state, question, from: from, to: to)
            part.cursors = state.partitions.map { $0.cursor...$0.cursor }
            part.tiers = ["redis"]
            return part
        }
        // The answer is on its way, and the world goes on.
        for _ in 0..<10 { await Task.yield() }
        return part
    }
}
