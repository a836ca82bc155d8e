internal import Analytics
internal import Wire

/// The buckets of a partition that batches are being merged into, as Redis holds them at the cursor.
///
/// Only the holder of the cursor writes, so what was written once need not be read again: a batch is merged here and whole
/// values are sent. A bucket that is not held is sent as new; where it exists after all, Redis says so and sends it.
/// Forgetting a bucket is therefore always safe.
struct BucketCache {
    private struct Place: Hashable {
        let resolution: RecentResolution
        let series: Int32
        let second: Int64
    }

    private var buckets: [Place: Record] = [:]
    /// What the last `merge` found, so that it can be taken back.
    private var undo: [(place: Place, before: Record?)] = []
    /// A batch was taken back, and the next `merge` tries it again.
    private var isRepeating = false
    private let maxBuckets: Int

    /// - Parameter maxBuckets: held at most; past it, the older ones are forgotten.
    init(maxBuckets: Int = 200_000) { self.maxBuckets = maxBuckets }

    var count: Int { buckets.count }

    /// Merges what a batch adds and returns the new values, ascending by (series, second).
    ///
    /// One-second buckets before `horizonSecond` are not kept.
    mutating func merge(
        _ deltas: [BatchAggregator.Delta], horizonSecond: Int64
    ) -> (fine: [AppliedBatch.Write], coarse: [AppliedBatch.Write]) {
        undo.removeAll(keepingCapacity: true)
        if !isRepeating { forgetOld() }
        isRepeating = false
        var fine: [AppliedBatch.Write] = []
        var coarse: [AppliedBatch.Write] = []
        fine.reserveCapacity(deltas.count)
        var next = 0
        while next < deltas.count {
            // Seconds of one ten-second slot stand together: its bucket is merged and encoded once.
            let slot = Self.slot(of: deltas[next].second)
            let series = deltas[next].series
            var sum = Record()
            while next < deltas.count, deltas[next].series == series, Self.slot(of: deltas[next].second) == slot {
                let delta = deltas[next]
                sum.merge(delta.record)
                if delta.second >= horizonSecond {
                    fine.append(write(.second, series, delta.second, delta.record))
                }
                next += 1
            }
            coarse.append(write(.tenSeconds, series, slot, sum))
        }
        return (fine, coarse)
    }

    /// Takes the last `merge` back; the next one is of the same batch.
    mutating func takeBack() {
        isRepeating = true
        for (place, before) in undo.reversed() { buckets[place] = before }
        undo.removeAll(keepingCapacity: true)
    }

    /// Learns what Redis holds.
    mutating func learn(_ changed: ChangedBucket) throws(DecodingFailure) {
        let place = Place(resolution: changed.resolution, series: Int32(changed.series), second: changed.second)
        buckets[place] = changed.record.isEmpty ? nil : try RecordCodec.decode(changed.record)
    }

    private mutating func write(
        _ resolution: RecentResolution, _ series: Int, _ second: Int64, _ added: Record
    ) -> AppliedBatch.Write {
        let place = Place(resolution: resolution, series: Int32(series), second: second)
        let before = buckets[place]
        undo.append((place, before))
        var bucket = before ?? Record()
        bucket.merge(added)
        buckets[place] = bucket
        return AppliedBatch.Write(
            series: series, second: second, isNew: before == nil, record: RecordCodec.encode(bucket))
    }

    /// Before a batch, never in the middle of one: what was learned for a batch of many buckets would be forgotten before
    /// it is used, and the batch never come to an end.
    private mutating func forgetOld() {
        guard buckets.count > maxBuckets else { return }
        // The newest half stays: seconds are what a busy partition makes most of.
        let seconds = buckets.keys.map(\.second).sorted()
        let oldest = seconds[seconds.count / 2]
        buckets = buckets.filter { $0.key.second > oldest }
    }

    private static func slot(of second: Int64) -> Int64 {
        let offset = second % 10
        return second - (offset < 0 ? offset + 10 : offset)
    }
}
