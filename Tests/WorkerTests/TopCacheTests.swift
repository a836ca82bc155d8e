import Analytics
import TestKit
import Testing

@testable import Worker

@Suite("Top cache")
struct TopCacheTests {
    private static let metric = MetricDefinition(
        id: MetricID(rawValue: 3), name: "top", kind: .top, value: "x", keep: 3)
    private static let definitions = Definitions(version: 1, metrics: [.events, metric])

    /// What `MinuteSets` makes of items in minute 0 of series 0.
    private func deltas(_ items: [String], minute: Int64 = 0) -> [MinuteSets.Delta] {
        var sets = MinuteSets([MetricSet(metric: Self.metric.id, kind: .top)])
        for item in items { sets.add(Array(item.utf8), set: 0, series: 0, minute: minute) }
        return sets.take()
    }

    private func show(_ writes: [AppliedBatch.TopWrite]) -> [String] {
        writes.map { write in
            let counts = write.counts.map { "\(String(decoding: $0.item, as: UTF8.self))=\($0.count)" }.sorted()
            let removed = write.removed.map { "-\(String(decoding: $0, as: UTF8.self))" }.sorted()
            return "\(write.isNew ? "new " : "")dropped \(write.dropped): \((counts + removed).joined(separator: " "))"
        }
    }

    @Test func sendsWhatItemsCountNow() {
        var cache = TopCache(Self.definitions)
        #expect(show(cache.merge(deltas(["a", "b", "a"]))) == ["new dropped 0: a=2 b=1"])
        #expect(show(cache.merge(deltas(["a", "c"]))) == ["dropped 0: a=3 c=1"])
    }

    @Test func aBatchThatWasTakenBackCountsOnce() {
        var cache = TopCache(Self.definitions)
        let batch = deltas(["a"])
        _ = cache.merge(batch)
        cache.takeBack()
        var held = TopItems()
        held.add(Array("a".utf8), count: 40)
        cache.learn(.init(series: 0, metric: Self.metric.id, minute: 0, items: held))
        #expect(show(cache.merge(batch)) == ["dropped 0: a=41"])
        cache.takeBack()
        cache.learn(.init(series: 0, metric: Self.metric.id, minute: 0, items: nil))
        #expect(show(cache.merge(batch)) == ["new dropped 0: a=1"])
    }

    @Test func theLightestGo() {
        var cache = TopCache(Self.definitions)
        _ = cache.merge(deltas(["a", "a", "b", "b", "b", "c", "c", "d", "e", "f"]))
        #expect(show(cache.merge(deltas(["g", "d"]))) == ["dropped 5: -d -e -f -g"])
    }

    @Test func forgetsOlderMinutesBetweenBatches() {
        var cache = TopCache(Self.definitions, maxMinutes: 10)
        for minute in 0..<40 { _ = cache.merge(deltas(["a"], minute: Int64(minute) * 60)) }
        #expect(cache.count <= 11)
        #expect(show(cache.merge(deltas(["a"], minute: 39 * 60))) == ["dropped 0: a=2"])
        #expect(show(cache.merge(deltas(["a"], minute: 0))) == ["new dropped 0: a=1"])
    }
}

@Suite("Batch pacer")
struct BatchPacerTests {
    private let ms: UInt64 = 1_000_000

    @Test func goesAtOnceWhenItIsQuiet() {
        var pacer = BatchPacer()
        pacer.begin(nowNs: 1_000 * ms)
        pacer.end(nowNs: 1_001 * ms, isBehind: false)
        #expect(pacer.dueNs == 1_010 * ms)
        // An event a second later finds a time that has passed.
        #expect(pacer.dueNs < 2_000 * ms)
    }

    @Test(arguments: [(3, false, 10), (9, false, 18), (80, false, 100), (3, true, 100)] as [(UInt64, Bool, UInt64)])
    func gathersMoreTheLessTheStoreKeepsUp(tookMs: UInt64, isBehind: Bool, windowMs: UInt64) {
        var pacer = BatchPacer()
        pacer.begin(nowNs: 1_000 * ms)
        pacer.end(nowNs: (1_000 + tookMs) * ms, isBehind: isBehind)
        #expect(pacer.dueNs == (1_000 + windowMs) * ms)
    }
}
