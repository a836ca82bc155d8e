import Analytics
import Reactor
import Service
import TestKit

@testable import Front

/// A hub on a real loop, over a twin of the store, with a clock that the test moves.
final class LiveStage: Sendable {
    static let startSecond: Int64 = 1_795_428_000
    static let definitions = Definitions(
        version: 1,
        metrics: [
            .events,
            MetricDefinition(id: MetricID(rawValue: 1), name: "requests", kind: .counter, by: ["endpoint", "service"]),
            MetricDefinition(
                id: MetricID(rawValue: 2), name: "latency", kind: .distribution, value: "ms", unit: "ms",
                by: ["endpoint", "service"]),
            MetricDefinition(
                id: MetricID(rawValue: 3), name: "visitors", kind: .unique, value: "user", by: ["endpoint", "service"]),
        ])

    let store: TwinStore
    let hub: LiveHub
    let loop: EventLoop
    let clock = ManualClock(startMs: startSecond * 1000)
    private let alarm = TwinAlarm()
    private let running: Task<Void, any Error>

    init(
        partitions: Int = 1, liveCount: Int = 100, configuration: LiveConfiguration = .withoutStandingGroups,
        isStoreDown: Bool = false, isStoreAway: @escaping @Sendable () -> Bool = { false }
    ) throws {
        loop = try EventLoop.start(name: "live-test")
        store = TwinStore(definitions: Self.definitions, partitions: partitions, liveCount: liveCount)
        store.setDown(isStoreDown)
        let (clock, alarm) = (clock, alarm)
        hub = LiveHub(
            executor: loop, store: store, history: store,
            time: TimeSource(wallMs: { clock.nowMs }, monotonicNs: { clock.monotonicNs }),
            configuration: configuration,
            makeAlarm: { body in
                alarm.set(body, clock)
                return alarm
            }, isStoreAway: isStoreAway,
            pause: { _ in try? await Task.sleep(for: .milliseconds(1)) })
        let hub = hub
        running = loop.spawn { await hub.run() }
    }

    func stop() async throws {
        running.cancel()
        try await running.value
        loop.stop()
    }

    var nowSecond: Int64 { clock.nowMs / 1000 }

    /// Moves the clock and lets the hub's alarm ring where it is due.
    func advance(ms: Int64) async throws {
        clock.advance(by: .milliseconds(ms))
        let alarm = alarm
        try await loop.run { alarm.ring() }
    }

    func connect() async -> (client: TwinClient, id: UInt64) {
        let client = TwinClient()
        let id = await hub.nextClientID()
        await hub.connect(client, as: id)
        return (client, id)
    }

    func send(_ text: String, from id: UInt64) async { await hub.receive(text: Array(text.utf8), from: id) }

    func drain(_ client: TwinClient) async throws { try await loop.run { client.drain() } }

    static func event(_ service: String, _ endpoint: String, _ second: Int64, _ value: Double = 1) -> TwinStore.Event {
        TwinStore.Event(
            key: SeriesKey(
                group: "endpoint,service",
                labels: LabelSet([.init(name: "service", value: service), .init(name: "endpoint", value: endpoint)])),
            second: second, value: value)
    }

    /// The picture that a client should have of a question.
    func expected(_ question: LiveQuestion) -> [String: [Int64: Int]] {
        let from = (nowSecond - question.windowSeconds).rounded(downTo: question.stepSeconds)
        var counts: [String: [Int64: Int]] = [:]
        for (labels, buckets) in store.answer(question, from: from) {
            let name = labels.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            for (start, aggregate) in buckets { counts[name, default: [:]][start * 1000] = aggregate.count }
        }
        return counts
    }

    /// The distinct values that a client should see.
    func expectedUniques(_ question: LiveQuestion) -> [String: [Int64: Double]] {
        let from = (nowSecond - question.windowSeconds).rounded(downTo: question.stepSeconds)
        var uniques: [String: [Int64: Double]] = [:]
        for (labels, buckets) in store.answer(question, from: from) {
            let name = labels.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            for (start, aggregate) in buckets {
                uniques[name, default: [:]][start * 1000] = aggregate.value(.unique, seconds: 60)
            }
        }
        return uniques
    }

    /// What a client sees of them.
    func shownUniques(_ client: TwinClient, _ id: String, _ question: LiveQuestion) -> [String: [Int64: Double]] {
        let from = (nowSecond - question.windowSeconds).rounded(downTo: question.stepSeconds)
        return client.picture(id).values.mapValues { $0.filter { $0.key >= from * 1000 } }.filter { !$0.value.isEmpty }
    }

    /// What a client has of a question, without what has fallen out of its window.
    func shown(_ client: TwinClient, _ id: String, _ question: LiveQuestion) -> [String: [Int64: Int]] {
        let from = (nowSecond - question.windowSeconds).rounded(downTo: question.stepSeconds)
        return client.picture(id).counts.mapValues { $0.filter { $0.key >= from * 1000 } }.filter { !$0.value.isEmpty }
    }
}

/// The hub's timer, which rings when the test says so.
final class TwinAlarm: LiveAlarm, Sendable {
    private let state = Lock<(body: (@Sendable () -> Void)?, clock: ManualClock?, dueNs: UInt64)>(
        (nil, nil, .max))

    func set(_ body: @escaping @Sendable () -> Void, _ clock: ManualClock) {
        state.withLock { $0 = (body, clock, .max) }
    }

    func reset(after: Duration) {
        state.withLock { $0.dueNs = ($0.clock?.monotonicNs ?? 0) + UInt64(nanoseconds: after) }
    }

    /// Rings as often as is due; on the loop.
    func ring() {
        while true {
            let body = state.withLock { state -> (@Sendable () -> Void)? in
                guard let clock = state.clock, state.dueNs <= clock.monotonicNs else { return nil }
                state.dueNs = .max
                return state.body
            }
            guard let body else { return }
            body()
        }
    }
}

extension ManualClock {
    var monotonicNs: UInt64 { UInt64(nanoseconds: now.offset) + 1_000_000_000 }
}

extension LiveConfiguration {
    /// Groups are those that tests ask for.
    static var withoutStandingGroups: LiveConfiguration {
        var configuration = LiveConfiguration()
        configuration.standingSeries = .max ... .max
        return configuration
    }
}
