import Analytics
import Service
import TestKit
import Wire

@testable import Front

/// What all tiers hold of the same events, in memory: Redis with its horizon and what it has not forgotten, PostgreSQL up to
/// the watermark, the ring from a second on. Each can be down.
final class TwinTiers: RecentStore, HistoryStore, MemoryTier {
    struct Event {
        let partition: Int
        let labels: LabelSet
        let atMs: Int64
        let value: Double
    }

    struct State {
        var events: [Event] = []
        var states: [PartitionState]
        /// Nil while memory is not whole.
        var memoryFrom: Int64?
        /// Memory has heard nothing of Redis for long.
        var isBehind = false
        /// Memory loses its range between the look and the read.
        var forgetsMemory = false
        var down: Set<QueryTier> = []
        /// Calls to Redis that still succeed before it goes away.
        var redisCallsLeft = Int.max
        /// Statements that PostgreSQL was asked for rows.
        var historyReads = 0
        /// Called before each of them.
        var beforeHistoryRead: (@Sendable () async -> Void)?
        /// Called before its series are asked for.
        var beforeHistorySeries: (@Sendable () async -> Void)?
        /// Reads of tasks that were cancelled fail.
        var failsCancelledReads = false
        var held = HistoryHeld.all
        var redisReads: [(partition: Int, series: Int, seconds: Int64)] = []
    }

    let all: Definitions
    private let state: Lock<State>

    init(_ definitions: Definitions, states: [PartitionState], memoryFrom: Int64? = nil) {
        all = definitions
        state = Lock(State(states: states, memoryFrom: memoryFrom))
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var now: State { state.withLock { $0 } }

    /// The numbers of a partition's series are the places of their first events.
    private func keys(_ state: State, _ partition: Int) -> [SeriesKey] {
        var keys: [SeriesKey] = []
        var known: Set<SeriesKey> = []
        for event in state.events where event.partition == partition {
            for key in self.keys(of: event) where known.insert(key).inserted { keys.append(key) }
        }
        return keys
    }

    private func keys(of event: Event) -> [SeriesKey] {
        all.groups.map { SeriesKey(group: $0.name, labels: event.labels.keeping($0.by)) }
    }

    private func record(_ event: Event, group: String) -> Record {
        var record = Record()
        for metric in all.metrics where metric.group.name == group {
            var aggregate = Aggregate()
            if metric.kind == .distribution {
                aggregate.addToDistribution(event.value)
            } else {
                aggregate.addEvent()
            }
            record.merge(aggregate, into: metric.id)
        }
        return record
    }

    /// What an event adds to the set of its minute: the text of its value.
    static func set(_ event: Event, _ metric: MetricDefinition) -> Aggregate {
        var aggregate = Aggregate()
        let text = Array("\(event.value.rounded())".utf8)
        if metric.kind == .unique {
            var registers = HyperLogLog()
            registers.insert(text.span)
            aggregate.registers = registers
        } else if metric.kind == .top {
            var items = TopItems()
            items.add(text)
            aggregate.items = items
        }
        return aggregate
    }

    private func aggregate(_ event: Event, _ metric: MetricDefinition) -> Aggregate {
        var aggregate = record(event, group: metric.group.name)[metric.id] ?? Aggregate()
        aggregate.merge(Self.set(event, metric))
        return aggregate
    }

    // MARK: Redis

    private func redis() throws(StoreError) -> State {
        let state = state.withLock { state in
            state.redisCallsLeft -= 1
            if state.redisCallsLeft < 0 { state.down.insert(.redis) }
            return state
        }
        if state.down.contains(.redis) {
            throw StoreError(.unavailable, store: "redis", operation: "read", detail: "connection refused")
        }
        return state
    }

    func partitionCount() async throws(StoreError) -> Int { try redis().states.count }

    func definitions() async throws(StoreError) -> Definitions? {
        _ = try redis()
        return all
    }

    func series(partition: Int, from number: Int) async throws(StoreError) -> NewSeries {
        let all = keys(try redis(), partition).enumerated().map { NumberedSeries(number: $0, key: $1) }
        return NewSeries(connection: 0, count: all.count, series: all.filter { $0.number >= number })
    }

    func read(
        partition: Int, series: [Int], resolution: RecentResolution, from: Int64, to: Int64, sets: [MetricSet]
    ) async throws(StoreError) -> RecentBuckets {
        let now = try redis()
        if !series.isEmpty { change { $0.redisReads.append((partition, series.count, to - from)) } }
        let keys = keys(now, partition)
        let asked = Dictionary(series.map { (keys[$0], $0) }, uniquingKeysWith: { $1 })
        var found = RecentBuckets(state: now.states[partition], buckets: [])
        for event in now.events where event.partition == partition {
            let second = event.atMs / 1_000
            let start = second - second % resolution.rawValue
            // Seconds before the horizon are gone, as they may be; coarse buckets stay longer than they are asked for.
            if resolution == .second && second < now.states[partition].horizonSecond { continue }
            let minute = second - second % 60
            if (from - from % 60..<to).contains(minute) {
                for metric in all.metrics where metric.set.map(sets.contains) ?? false {
                    let labels = event.labels.keeping(metric.group.by)
                    guard let number = asked[SeriesKey(group: metric.group.name, labels: labels)] else { continue }
                    var record = Record()
                    record.merge(Self.set(event, metric), into: metric.id)
                    found.sets.append(.init(series: number, second: minute, record: RecordCodec.encode(record)))
                }
            }
            guard (from..<to).contains(start) else { continue }
            for key in self.keys(of: event) {
                guard let number = asked[key] else { continue }
                let record = RecordCodec.encode(record(event, group: key.group))
                found.buckets.append(.init(series: number, second: start, record: record))
            }
        }
        return found
    }

    func livePosition(partition: Int) async throws(StoreError) -> StreamID { .zero }

    func live(partition: Int, after position: StreamID, wait: Duration) async throws(StoreError) -> [LiveBatch] { [] }

    // MARK: PostgreSQL

    private func postgres() throws(StoreError) -> State {
        let now = now
        if now.down.contains(.postgres) {
            throw StoreError(.unavailable, store: "postgres", operation: "read", detail: "connection refused")
        }
        return now
    }

    func series(ofMetric name: String, from id: Int) async throws(StoreError) -> [HistorySeries] {
        await now.beforeHistorySeries?()
        let now = try postgres()
        guard let metric = all[name] else { return [] }
        return labelSets(now, metric).enumerated().map { HistorySeries(id: $0, labels: $1) }.filter { $0.id >= id }
    }

    private func labelSets(_ state: State, _ metric: MetricDefinition) -> [LabelSet] {
        Set(state.events.map { $0.labels.keeping(metric.by) }).sorted()
    }

    func held(nowMs: Int64) async throws(StoreError) -> HistoryHeld {
        try postgres().held
    }

    func rows(
        series: [Int], fromMs: Int64, toMs: Int64, before: [Int64], resolution: HistoryResolution
    ) async throws(StoreError) -> [HistoryRow] {
        change { $0.historyReads += 1 }
        await now.beforeHistoryRead?()
        if now.failsCancelledReads && Task.isCancelled {
            throw StoreError(.unavailable, store: "postgres", operation: "read", detail: "cancelled")
        }
        let now = try postgres()
        // One metric is enough to be asked here: the one with a value.
        let metric = all.metrics.last ?? .events
        let sets = labelSets(now, metric)
        var rows: [HistoryRow] = []
        for event in now.events {
            let minute = event.atMs - event.atMs % 60_000
            let end = event.partition < before.count ? before[event.partition] : .max
            guard minute < now.states[event.partition].watermarkMs, minute < end, (fromMs..<toMs).contains(minute),
                let id = sets.firstIndex(of: event.labels.keeping(metric.by)), series.contains(id)
            else { continue }
            rows.append(HistoryRow(series: id, bucketMs: minute, aggregate: aggregate(event, metric)))
        }
        return rows
    }

    // MARK: Memory

    var isBehind: Bool { now.isBehind }
    var definitions: Definitions? { now.memoryFrom == nil ? nil : all }

    func coveredFromSecond(of metric: MetricDefinition) async -> Int64? { now.memoryFrom }

    func read(_ query: Query, seconds: Range<Int64>) async -> (buckets: GroupedBuckets, newestMs: Int64)? {
        let now = now
        guard let from = now.memoryFrom, !now.forgetsMemory, seconds.lowerBound >= from else { return nil }
        var buckets = GroupedBuckets(query)
        for event in now.events where seconds.contains(event.atMs / 1_000) {
            let labels = event.labels.keeping(query.metric.by)
            guard query.filter.matches(labels) else { continue }
            let place = buckets.place(of: labels)
            buckets.merge(aggregate(event, query.metric), at: place, bucketMs: event.atMs / 1_000 * 1_000)
        }
        return (buckets, now.states.map(\.newestMs).max() ?? 0)
    }

    func series(of metric: MetricDefinition, filter: LabelFilter) async -> [[NumberedSeries]]? {
        let now = now
        guard now.memoryFrom != nil else { return nil }
        return now.states.indices.map { partition in
            keys(now, partition).enumerated().map { NumberedSeries(number: $0, key: $1) }
                .filter { $0.key.group == metric.group.name && filter.matches($0.key.labels) }
        }
    }

    var definitionsAtOnce: Definitions? { nil }

    func answerAtOnce(_ query: Query) -> KeptAnswer? { nil }

    func keptAnswer(_ query: Query) async -> KeptAnswer? { nil }

    func keptEnd(
        _ query: Query, latestStartMs: Int64
    ) async -> (buckets: GroupedBuckets, fromMs: Int64, newestMs: Int64)? { nil }

    func lastSeen(of metric: MetricDefinition) async -> [LabelSet: Int64]? {
        let now = now
        guard now.memoryFrom != nil else { return nil }
        return Dictionary(now.events.map { ($0.labels.keeping(metric.by), $0.atMs) }, uniquingKeysWith: max)
    }
}

extension TwinTiers {
    static let metric = MetricDefinition(
        id: MetricID(rawValue: 1), name: "response_time", kind: .distribution, value: "duration_ms", unit: "ms",
        by: ["service", "endpoint"])

    static let sets = [
        MetricDefinition(
            id: MetricID(rawValue: 1), name: "visitors", kind: .unique, value: "user", by: ["service", "endpoint"]),
        MetricDefinition(
            id: MetricID(rawValue: 1), name: "items", kind: .top, value: "item", by: ["service", "endpoint"]),
    ]

    /// Tiers around `nowMs` with random events, boundaries and coverage.
    static func random(
        nowMs: Int64, metric: MetricDefinition = TwinTiers.metric, using rng: inout SplitMix64
    ) -> TwinTiers {
        let nowSecond = nowMs / 1_000
        let states = (0..<Int.random(in: 1...2, using: &rng)).map { _ in
            PartitionState(
                cursor: StreamID(ms: 7, sequence: 0),
                watermarkMs: ([0, nowMs - 60_000, nowMs - 5_000_000].randomElement(using: &rng) ?? 0) / 60_000 * 60_000,
                horizonSecond: nowSecond - .random(in: 400..<1_200, using: &rng), newestMs: nowMs - 40, nowMs: nowMs,
                definitionsVersion: 1)
        }
        let tiers = TwinTiers(
            Definitions(version: 1, metrics: [.events, metric]), states: states,
            memoryFrom: Bool.random(using: &rng) ? nowSecond - .random(in: 10..<512, using: &rng) : nil)
        let events = (0..<150).map { _ in
            let age: Int64 = [60, 600, 4_000, 10_000].randomElement(using: &rng) ?? 60
            return Event(
                partition: .random(in: 0..<states.count, using: &rng),
                labels: LabelSet([
                    .init(name: "service", value: ["a", "b", "c"].randomElement(using: &rng) ?? "a"),
                    .init(name: "endpoint", value: ["/x", "/y"].randomElement(using: &rng) ?? "/x"),
                ]), atMs: nowMs - .random(in: 0..<age * 1_000, using: &rng),
                value: Double.random(in: 1...500, using: &rng))
        }
        tiers.change { $0.events = events }
        return tiers
    }
}
