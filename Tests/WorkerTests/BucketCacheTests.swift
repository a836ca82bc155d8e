import Analytics
import TestKit
import Testing
import Wire

@testable import Worker

/// Redis as the cache sees it: buckets by place, refusing what does not fit what is there.
private struct TwinBuckets {
    struct Place: Hashable {
        let resolution: RecentResolution
        let series: Int
        let second: Int64
    }

    var records: [Place: [UInt8]] = [:]

    /// Writes all, or returns those that are not as the worker thought.
    mutating func apply(_ writes: [(resolution: RecentResolution, write: AppliedBatch.Write)]) -> [ChangedBucket] {
        let wrong = writes.filter { resolution, write in
            let place = Place(resolution: resolution, series: write.series, second: write.second)
            return write.isNew != (records[place] == nil)
        }
        guard wrong.isEmpty else {
            return wrong.map { resolution, write in
                let place = Place(resolution: resolution, series: write.series, second: write.second)
                return ChangedBucket(
                    resolution: resolution, series: write.series, second: write.second, record: records[place] ?? [])
            }
        }
        for (resolution, write) in writes {
            records[Place(resolution: resolution, series: write.series, second: write.second)] = write.record
        }
        return []
    }
}

@Suite("Bucket cache")
struct BucketCacheTests {
    private static let start: Int64 = 1_795_428_000

    private func count(_ events: Int) -> Record {
        var aggregate = Aggregate()
        for _ in 0..<events { aggregate.addEvent() }
        var record = Record()
        record.merge(aggregate, into: .events)
        return record
    }

    private func delta(_ series: Int, _ offset: Int64, _ events: Int) -> BatchAggregator.Delta {
        .init(series: series, second: Self.start + offset, record: count(events))
    }

    private func show(_ writes: [AppliedBatch.Write]) throws -> [String] {
        try writes.map { write in
            let events = try RecordCodec.decode(write.record)[.events]?.count ?? 0
            return "\(write.series)@\(write.second - Self.start)\(write.isNew ? " new" : "") \(events)"
        }
    }

    /// The same as the cache is asked by a worker.
    private func merge(
        _ deltas: [BatchAggregator.Delta], into cache: inout BucketCache, from horizon: Int64 = start,
        settled: Int64 = .max
    ) -> (fine: [AppliedBatch.Write], coarse: [AppliedBatch.Write]) {
        cache.merge(
            deltas, encoded: deltas.map { RecordCodec.encode($0.record) }, horizonSecond: horizon,
            settledSecond: settled)
    }

    @Test func whatIsAfterAllThatWasEverAppliedIsKnownToBeAbsent() {
        var cache = BucketCache(newestSecond: Self.start + 5, maxBuckets: 12)
        func shown(_ writes: [AppliedBatch.Write]) -> [String] {
            writes.map { "\($0.second - Self.start) \($0.presence)\($0.mayNeedHash ? " hash" : "")" }
        }
        let first = merge([delta(0, 4, 1), delta(0, 6, 1), delta(0, 130, 1)], into: &cache, settled: 0)
        #expect(shown(first.fine) == ["4 unknown hash", "6 absent", "130 absent hash"])
        #expect(shown(first.coarse) == ["0 unknown hash", "130 absent"])
        #expect(cache.canTakeBack)
        let second = merge([delta(0, 6, 1), delta(0, 131, 1)], into: &cache, settled: 0)
        #expect(shown(second.fine) == ["6 held hash", "131 absent hash"])
        #expect(!cache.canTakeBack, "nothing can be otherwise")
        _ = merge([delta(0, 6, 1)], into: &cache, settled: Self.start)
        #expect(cache.canTakeBack, "the hash may have expired")
        // What has been forgotten may be there.
        _ = merge((0..<30).map { delta(1, Int64($0) * 10 + 200, 1) }, into: &cache, settled: 0)
        let third = merge([delta(0, 132, 1), delta(1, 900, 1)], into: &cache, settled: 0)
        #expect(shown(third.fine) == ["132 unknown hash", "900 absent hash"])
    }

    @Test func mergesWhatComesIntoWhatIsThere() throws {
        var cache = BucketCache()
        let first = merge([delta(0, 1, 2), delta(0, 9, 1), delta(0, 10, 1), delta(3, 1, 5)], into: &cache)
        #expect(try show(first.fine) == ["0@1 new 2", "0@9 new 1", "0@10 new 1", "3@1 new 5"])
        #expect(try show(first.coarse) == ["0@0 new 3", "0@10 new 1", "3@0 new 5"])
        let second = merge([delta(0, 1, 1), delta(0, 2, 1), delta(3, 20, 1)], into: &cache)
        #expect(try show(second.fine) == ["0@1 3", "0@2 new 1", "3@20 new 1"])
        #expect(try show(second.coarse) == ["0@0 5", "3@20 new 1"])
    }

    @Test func secondsBeforeTheHorizonAreLeftOut() throws {
        var cache = BucketCache()
        let writes = merge([delta(0, 4, 1), delta(0, 5, 1), delta(0, -3, 1)], into: &cache, from: Self.start + 5)
        #expect(try show(writes.fine) == ["0@5 new 1"])
        #expect(try show(writes.coarse) == ["0@0 new 2", "0@-10 new 1"])
    }

    @Test func learnsWhatIsThereAndWhatIsNot() throws {
        var cache = BucketCache()
        _ = merge([delta(0, 1, 1)], into: &cache)
        cache.takeBack()
        #expect(cache.count == 0)
        let record = RecordCodec.encode(count(7))
        try cache.learn(ChangedBucket(resolution: .second, series: 0, second: Self.start + 1, record: record))
        try cache.learn(ChangedBucket(resolution: .tenSeconds, series: 0, second: Self.start, record: record + record))
        let again = merge([delta(0, 1, 1)], into: &cache)
        #expect(try show(again.fine + again.coarse) == ["0@1 8", "0@0 15"])
        cache.takeBack()
        try cache.learn(ChangedBucket(resolution: .second, series: 0, second: Self.start + 1, record: []))
        #expect(try show(merge([delta(0, 1, 1)], into: &cache).fine) == ["0@1 new 1"])
        #expect(throws: DecodingFailure.self) {
            try cache.learn(ChangedBucket(resolution: .second, series: 0, second: 0, record: [0xFF]))
        }
    }

    @Test("what is taken back leaves no trace", arguments: Seed.range(60))
    func takesBack(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var (cache, untouched) = (BucketCache(), BucketCache())
        for _ in 0..<12 {
            let batch = batch(using: &rng)
            if Bool.random(using: &rng) {
                _ = merge(self.batch(using: &rng), into: &cache)
                cache.takeBack()
                cache.takeBack()
            }
            let (a, b) = (
                merge(batch, into: &cache), merge(batch, into: &untouched)
            )
            #expect(try show(a.fine) == show(b.fine))
            #expect(try show(a.coarse) == show(b.coarse))
            #expect(cache.count == untouched.count)
        }
    }

    @Test("whatever is forgotten, the store ends with the sum of all batches", arguments: Seed.range(60))
    func forgettingIsSafe(seed: Seed) throws {
        var rng = SplitMix64(seed)
        var cache = BucketCache(maxBuckets: .random(in: 1...40, using: &rng))
        var twin = TwinBuckets()
        var expected: [TwinBuckets.Place: Int] = [:]
        for _ in 0..<25 {
            let batch = batch(using: &rng)
            for delta in batch {
                let events = delta.record[.events]?.count ?? 0
                expected[.init(resolution: .second, series: delta.series, second: delta.second), default: 0] += events
                let slot = delta.second - delta.second % 10
                expected[.init(resolution: .tenSeconds, series: delta.series, second: slot), default: 0] += events
            }
            if Int.random(in: 0..<8, using: &rng) == 0 { cache = BucketCache(maxBuckets: 20) }
            var rounds = 0
            while true {
                let (fine, coarse) = merge(batch, into: &cache)
                let changed = twin.apply(fine.map { (.second, $0) } + coarse.map { (.tenSeconds, $0) })
                if changed.isEmpty { break }
                rounds += 1
                try #require(rounds == 1, "what was learned is enough")
                cache.takeBack()
                for bucket in changed { try cache.learn(bucket) }
            }
        }
        let stored = try twin.records.mapValues { try RecordCodec.decode($0)[.events]?.count ?? 0 }
        #expect(stored == expected)
    }

    /// What a batch adds to a few series within a minute, ascending.
    private func batch(using rng: inout SplitMix64) -> [BatchAggregator.Delta] {
        (0..<3).flatMap { series in
            (0..<60).filter { _ in Int.random(in: 0..<10, using: &rng) == 0 }.map { second in
                delta(series, Int64(second), .random(in: 1...3, using: &rng))
            }
        }
    }
}
