import TestKit
import Testing

@testable import Analytics

@Suite("Partition layout")
struct PartitionLayoutTests {
    private func layout(_ steps: [(Int, Int64)], count: Int = 8, life: Int64 = 1_000) -> PartitionLayout {
        PartitionLayout(
            count: count, steps: steps.map { .init(count: $0.0, sinceMs: $0.1) }, keyLifeMs: life, readMs: 0,
            validUntilMs: 50)
    }

    @Test func withoutStepsAKeyGoesByTheCount() {
        let route = layout([]).route(hash: 13, atMs: 20)
        #expect(route == .init(partition: 5, beforeMs: 50, earlier: [], settledMs: 0))
    }

    @Test func beforeAStepAKeyStaysAndNoLongerThanUntilTheStep() {
        let steps = layout([(2, 0), (8, 30)])
        #expect(steps.route(hash: 13, atMs: 29) == .init(partition: 1, beforeMs: 30, earlier: [], settledMs: 0))
        // 17 is in partition 1 by either count, so the step is no limit for it.
        #expect(steps.route(hash: 17, atMs: 29) == .init(partition: 1, beforeMs: 50, earlier: [], settledMs: 0))
    }

    @Test func afterAStepAKeyIsLookedUpWhereItWasUntilAllHaveExpired() {
        let steps = layout([(2, 0), (8, 30)])
        #expect(steps.route(hash: 13, atMs: 30) == .init(partition: 5, beforeMs: 50, earlier: [1], settledMs: 30))
        #expect(steps.route(hash: 13, atMs: 1_079).earlier == [1])
        #expect(steps.route(hash: 13, atMs: 1_080).earlier == [])
        #expect(steps.route(hash: 17, atMs: 30).earlier == [])
    }

    @Test func stepsInARowLookUpInEachOldPlaceOnce() {
        let steps = layout([(1, 0), (2, 10), (4, 20), (8, 30)])
        // By 1, 2, 4 and 8 partitions: 0, 1, 1, 5.
        #expect(steps.route(hash: 13, atMs: 40) == .init(partition: 5, beforeMs: 50, earlier: [0, 1], settledMs: 30))
        #expect(steps.route(hash: 13, atMs: 12) == .init(partition: 1, beforeMs: 30, earlier: [0], settledMs: 10))
    }

    /// Fronts that know more or less of the layout, against a model of what Redis does with what they ask.
    @Test("no key is stored twice within its life", arguments: Seed.range(60))
    func noKeyIsStoredTwiceWithinItsLife(seed: Seed) {
        var rng = SplitMix64(seed)
        var store = StoreModel(lifeMs: .random(in: 50...3_000, using: &rng))
        var fronts = Array(repeating: store.read(), count: 3)
        var lastStored: [UInt64: Int64] = [:]
        var (stored, repeated) = (0, 0)
        for _ in 0..<4_000 {
            store.nowMs += .random(in: 0...6, using: &rng)
            let front = Int.random(in: 0..<fronts.count, using: &rng)
            switch Int.random(in: 0..<200, using: &rng) {
            case 0..<2: store.grow(to: store.count + .random(in: 1...5, using: &rng))
            case 2..<20: fronts[front] = store.read()
            default:
                let key = UInt64.random(in: 0..<10, using: &rng) &* 0x9E37_79B9_7F4A_7C15
                switch send(key, &fronts[front], &store, &rng) {
                case .stored?:
                    if let last = lastStored[key] { #expect(store.nowMs >= last + store.lifeMs) }
                    lastStored[key] = store.nowMs
                    stored += 1
                case .duplicate?:
                    #expect(lastStored[key].map { store.nowMs < $0 + store.lifeMs } == true)
                    repeated += 1
                case nil: Issue.record("a key found no place")
                }
            }
        }
        #expect(stored > 0 && repeated > 0 && store.count > 1)
    }

    private enum Outcome { case stored, duplicate }

    /// What a front does, with time passing between its calls.
    private func send(
        _ key: UInt64, _ layout: inout PartitionLayout, _ store: inout StoreModel, _ rng: inout SplitMix64
    ) -> Outcome? {
        attempts: for attempt in 0..<5 {
            if attempt > 0 { layout = store.read() }
            // A front's idea of the store's time may be wrong, only not for as long as layouts hold.
            let guess = attempt > 0 ? layout.readMs : store.nowMs + .random(in: -35...35, using: &rng)
            let route = layout.route(hash: key, atMs: guess)
            for old in route.earlier {
                store.nowMs += .random(in: 0...1, using: &rng)
                if store.nowMs < route.settledMs { continue attempts }
                if store.holds(key, old) { return .duplicate }
            }
            store.nowMs += .random(in: 0...1, using: &rng)
            if store.nowMs >= route.beforeMs { continue }
            if store.holds(key, route.partition) { return .duplicate }
            store.put(key, route.partition)
            return .stored
        }
        return nil
    }
}

/// `weir_append` and `weir_partitions`, as far as keys are concerned.
private struct StoreModel {
    static let waitMs: Int64 = 40
    let lifeMs: Int64
    var nowMs: Int64 = 1_000
    private(set) var count = 1
    private var steps: [PartitionLayout.Step] = []
    private var expiry: [Int: [UInt64: Int64]] = [:]

    init(lifeMs: Int64) { self.lifeMs = lifeMs }

    func read() -> PartitionLayout {
        PartitionLayout(
            count: count, steps: steps, keyLifeMs: lifeMs, readMs: nowMs, validUntilMs: nowMs + Self.waitMs)
    }

    mutating func grow(to wanted: Int) {
        while steps.count > 1, steps[1].sinceMs + lifeMs + Self.waitMs <= nowMs { steps.removeFirst() }
        guard wanted > count, steps.count < 8 else { return }
        if steps.isEmpty { steps = [.init(count: count, sinceMs: 0)] }
        steps.append(.init(count: wanted, sinceMs: max(nowMs + Self.waitMs, steps[steps.count - 1].sinceMs)))
        count = wanted
    }

    func holds(_ key: UInt64, _ partition: Int) -> Bool { (expiry[partition]?[key] ?? 0) > nowMs }

    mutating func put(_ key: UInt64, _ partition: Int) { expiry[partition, default: [:]][key] = nowMs + lifeMs }
}
