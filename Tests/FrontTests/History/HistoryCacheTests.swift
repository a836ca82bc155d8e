import Analytics
import Service
import TestKit
import Testing

@testable import Front

@Suite("The cache of history")
struct HistoryCacheTests {
    private let clock = ManualClock()
    private let hour: Int64 = 3_600_000

    private func query(_ stepMs: Int64 = 60_000) -> Query {
        Query(metric: TwinTiers.metric, by: ["service"], filter: LabelFilter(), fromMs: 0, toMs: hour, stepMs: stepMs)
    }

    private func key(_ number: Int64) -> HistoryCache.Key {
        HistoryCache.Key(question: .init(query()), rangeMs: number * hour..<(number + 1) * hour)
    }

    private func buckets(_ fromMs: Int64, groups: Int = 2) -> GroupedBuckets {
        var buckets = GroupedBuckets(query())
        for group in 0..<groups {
            let labels = LabelSet([.init(name: "service", value: "s\(group)")])
            for minute in 0..<Int64(5) {
                var aggregate = Aggregate()
                for value in 0...minute { aggregate.addToDistribution(Double(value + 1) * 7) }
                buckets.merge(aggregate, group: labels, bucketMs: fromMs + minute * 60_000)
            }
        }
        return buckets
    }

    private func chunk(_ number: Int64, groups: Int = 2) -> HistoryChunk {
        HistoryChunk(buckets(number * hour, groups: groups))
    }

    @Test func aChunkIsWhatItWasMadeOf() {
        let made = buckets(hour)
        var chunk = HistoryChunk(made)
        var whole = GroupedBuckets(query())
        chunk.merge(.min ..< .max, into: &whole)
        #expect(whole == made)
        var part = GroupedBuckets(query())
        chunk.merge(hour + 60_000..<hour + 180_000, into: &part)
        #expect(part == made.part(hour + 60_000..<hour + 180_000))
        #expect(part.groups.values.allSatisfy { $0.count == 2 })
        // Columns are the same whether they are computed at once or from the packed rows.
        chunk.complete([.p99, .count], seconds: 60)
        let atOnce = HistoryChunk(made, [.p99, .count], seconds: 60)
        for group in chunk.labels.indices {
            let rows = chunk.rows(ofGroup: group, in: .min ..< .max)
            let other = atOnce.labels.firstIndex(of: chunk.labels[group]) ?? 0
            let others = atOnce.rows(ofGroup: other, in: .min ..< .max)
            #expect(chunk.columns[.p99]?[rows] == atOnce.columns[.p99]?[others])
            #expect(chunk.columns[.count].map { Array($0[rows]) } == [1, 2, 3, 4, 5])
        }
        #expect(chunk.rows(ofGroup: 0, in: 0..<hour).isEmpty)
    }

    @Test func theLeastRecentlyUsedGoFirst() {
        let size = chunk(0).byteCount
        let cache = HistoryCache(maxBytes: 5 * size + size / 2)
        for number in 0..<5 { #expect(cache.keep(chunk(Int64(number)), key(Int64(number)), cache.begin())) }
        #expect(cache.piece(key(0)) != nil)
        #expect(cache.keep(chunk(5), key(5), cache.begin()))
        #expect(cache.piece(key(1)) == nil, "the one not used for the longest")
        for number: Int64 in [0, 2, 3, 4, 5] { #expect(cache.piece(key(number)) != nil) }
        let counts = cache.counts
        #expect(counts.pieces == 5 && counts.bytes == 5 * size && counts.evictions == 1)
        #expect(counts.hits == 6 && counts.misses == 1)
        #expect(!cache.keep(chunk(6, groups: 20), key(6), cache.begin()), "more than a fourth of it")
    }

    @Test("bytes stay within the bound whatever is kept, used and forgotten", arguments: Seed.range(50))
    func staysWithinItsBound(seed: Seed) {
        var rng = SplitMix64(seed)
        let size = chunk(0).byteCount
        let cache = HistoryCache(maxBytes: 8 * size)
        var held: Set<Int64> = []
        for _ in 0..<300 {
            let number = Int64.random(in: 0..<20, using: &rng)
            switch Int.random(in: 0..<10, using: &rng) {
            case 0..<5:
                _ = cache.keep(chunk(number, groups: .random(in: 1...4, using: &rng)), key(number), cache.begin())
            case 5..<8: _ = cache.piece(key(number))
            case 8: _ = cache.completed(key(number), [.p99])
            default: cache.forget(number * hour..<(number + 2) * hour)
            }
            held = Set((0..<20).filter { cache.piece(key($0)) != nil })
            #expect(cache.counts.bytes <= 8 * size && cache.counts.pieces == held.count)
        }
        cache.forgetAll()
        #expect(cache.counts.bytes == 0 && cache.counts.pieces == 0)
    }

    @Test func whatChangesWhileItIsReadIsNotKept() {
        let cache = HistoryCache(maxBytes: 1 << 20)
        let ticket = cache.begin()
        cache.forget(hour..<hour + 60_000)
        #expect(!cache.keep(chunk(1), key(1), ticket), "it may be from before the commit")
        #expect(cache.keep(chunk(2), key(2), ticket), "another hour")
        #expect(cache.keep(chunk(1), key(1), cache.begin()))
        cache.forget(hour * 2 - 1..<hour * 2)
        #expect(cache.piece(key(1)) == nil && cache.piece(key(2)) != nil)
        // More changes than are remembered: whether this one was among them is not known.
        let old = cache.begin()
        for _ in 0..<1_500 { cache.forget(0..<60_000) }
        #expect(!cache.keep(chunk(3), key(3), old))
        #expect(cache.keep(chunk(3), key(3), cache.begin()))
        let last = cache.begin()
        cache.forgetAll()
        #expect(cache.counts.pieces == 0 && !cache.keep(chunk(4), key(4), last))
    }

    @Test func whatIsOldIsReadAnewWhereItCanBe() {
        let clock = clock
        let cache = HistoryCache(
            maxBytes: 1 << 20, time: TimeSource(wallMs: { 0 }, monotonicNs: { clock.monotonicNs }))
        cache.keep(chunk(1), key(1), cache.begin())
        clock.advance(by: .seconds(3_599))
        #expect(cache.piece(key(1)) != nil)
        clock.advance(by: .seconds(2))
        #expect(cache.piece(key(1)) == nil && cache.piece(key(1), allowsOld: true) != nil)
    }
}
