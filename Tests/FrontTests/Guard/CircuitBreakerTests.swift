import Analytics
import Reactor
import Service
import TestKit
import Testing

@testable import Front

@Suite("Circuit breaker in front of calls", .timeLimit(.minutes(1)))
final class CircuitBreakerTests: Sendable {
    /// A store that answers, refuses, or says nothing, to probes and calls each.
    private final class Store: Sendable {
        enum Mood { case well, gone, silent }
        let probes = Lock(Mood.well)
        let calls = Lock(Mood.well)
        let waiting = Lock(0)
        let cancelled = Lock(0)

        static let refused = StoreError(.unavailable, store: "redis", operation: "connect", detail: "refused")

        func ask(_ mood: Lock<Mood>, within timeout: Duration) async throws(StoreError) -> Int {
            switch mood.withLock({ $0 }) {
            case .well: return 7
            case .gone: throw Self.refused
            case .silent:
                waiting.withLock { $0 += 1 }
                do {
                    try await Task.sleep(for: timeout)
                } catch {
                    cancelled.withLock { $0 += 1 }
                }
                throw StoreError(.timedOut, store: "redis", operation: "read", detail: "no answer in time")
            }
        }
    }

    private let loop: EventLoop
    private let store = Store()
    private let registry = MetricsRegistry()
    private let breaker: CircuitBreaker
    private let changes = Lock<[Bool]>([])
    private let running: Task<Void, any Error>

    init() throws {
        let loop = try EventLoop.start(name: "breaker")
        var configuration = CircuitBreakerMachine.Configuration()
        configuration.probePause = .milliseconds(5)
        configuration.firstBackoff = .milliseconds(5)
        configuration.maxBackoff = .milliseconds(10)
        configuration.probeTimeout = .milliseconds(20)
        configuration.maxLateness = .seconds(30)  // a slow machine is no reason here
        let breaker = CircuitBreaker(
            store: "redis", executor: loop, configuration: configuration, registry: registry)
        let (store, changes) = (store, changes)
        running = loop.spawn {
            await breaker.run(
                probe: { () throws(StoreError) in
                    _ = try await store.ask(store.probes, within: .milliseconds(20))
                }, onChange: { isAway in changes.withLock { $0.append(isAway) } })
        }
        self.loop = loop
        self.breaker = breaker
    }

    deinit {
        running.cancel()
        loop.stop()
    }

    private func ask(within timeout: Duration = .seconds(300)) async throws(StoreError) -> Int {
        try await breaker.call("read") { [store] () throws(StoreError) in
            try await store.ask(store.calls, within: timeout)
        }
    }

    private func set(probes: Store.Mood, calls: Store.Mood) {
        store.probes.withLock { $0 = probes }
        store.calls.withLock { $0 = calls }
    }

    @Test func callsPassAndFailAsTheStoreDoes() async throws {
        #expect(try await ask() == 7)
        set(probes: .well, calls: .gone)
        #expect(await error() == Store.refused)
    }

    @Test("a frozen store: the calls under way are given up, those after it not made", arguments: [1, 16])
    func givesUp(calls: Int) async throws {
        set(probes: .well, calls: .silent)
        try await withThrowingTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<calls { group.addTask { await self.error() } }
            try await eventually("the calls are under way") { self.store.waiting.withLock { $0 } == calls }
            set(probes: .silent, calls: .silent)
            for try await error in group {
                // Their own deadline is minutes away; nobody knows what became of them.
                #expect(error?.code == .unavailable && error?.mayHaveRun == true && error?.operation == "read")
            }
        }
        #expect(breaker.isOpen)
        try await eventually("that is told") { self.changes.withLock { $0 } == [true] }
        try await eventually("what was given up is cancelled") {
            self.store.cancelled.withLock { $0 } >= calls
        }
        let refused = await error()
        #expect(refused?.code == .unavailable && refused?.mayHaveRun == false)
        let text = String(decoding: registry.render(), as: UTF8.self)
        #expect(text.contains("weir_breaker_state{state=\"open\",store=\"redis\"} 1"))
        #expect(text.contains("weir_breaker_state{state=\"closed\",store=\"redis\"} 0"))
        #expect(text.contains("weir_breaker_openings_total{store=\"redis\"} 1"))
        #expect(text.contains("weir_breaker_refused_calls_total{store=\"redis\"} \(calls + 1)"))

        set(probes: .well, calls: .well)
        try await eventually("it is back by itself") { self.breaker.snapshot.phase == .closed }
        #expect(try await ask() == 7)
        try await eventually("that is told") { self.changes.withLock { $0 } == [true, false] }
    }

    @Test func aLongCallIsLeftAloneWhileTheStoreIsWell() async throws {
        set(probes: .well, calls: .silent)
        // A hundred probes and more come meanwhile.
        let error = await error(within: .milliseconds(700))
        #expect(error?.code == .timedOut, "its own deadline: \(error as Any)")
        #expect(breaker.snapshot.openings == 0)
    }

    @Test func aCallerThatGoesAwayTakesItsCallAlong() async throws {
        set(probes: .well, calls: .silent)
        let caller = loop.spawn { await self.error() }
        try await eventually("the call is under way") {
            caller.cancel()
            return self.store.cancelled.withLock { $0 } == 1
        }
        #expect(try await caller.value?.code == .unavailable)
        #expect(breaker.snapshot.lastFailure == nil, "that says nothing of the store")
    }

    @Test func eventsAreRefusedAtOnceAndNeverGivenUp() async throws {
        let log = TwinLog()
        let guarded = GuardedEventLog(log, breaker, isPrepared: false)
        let group = AppendGroup(
            idempotencyKey: nil, fingerprint: 0, receivedMs: 0,
            entries: [.init(ndjson: Array("{}\n".utf8), eventCount: 1)], answer: [])
        await #expect(throws: StoreError.self) { try await guarded.append([group]) }
        guarded.prepared()
        #expect(try await guarded.append([group]) == [.appended])
        set(probes: .gone, calls: .gone)
        try await eventually("it is open") { self.breaker.isOpen }
        do {
            _ = try await guarded.append([group])
            Issue.record("an open breaker refuses")
        } catch {
            #expect(error.code == .unavailable && !error.mayHaveRun)
        }
    }

    private func error(within timeout: Duration = .seconds(300)) async -> StoreError? {
        do throws(StoreError) {
            _ = try await ask(within: timeout)
            return nil
        } catch {
            return error
        }
    }
}
