internal import Analytics
internal import Wire

/// The buckets of a partition that batches are being merged into, as Redis holds them at the cursor.
///
/// Only the holder of the cursor writes, so what was written once need not be read again: a batch is merged here and whole
/// values are sent. A bucket that is not held is sent as new; where it exists after all, Redis says so and sends it.
/// Forgetting a bucket is therefore always safe. What lies after all that was ever applied is known to be absent, and need
/// not be looked for.
struct BucketCache {
    /// The buckets of one series, ascending by second.
    private struct Line {
        var seconds: [Int64] = []
        var records: [Record] = []
        /// Start of the hash that was last made sure of.
        var hash = Int64.min

        /// Where a second stands, or belongs: nearly always at the end.
        func find(_ second: Int64) -> (index: Int, isThere: Bool) {
            var index = seconds.count
            while index > 0, index > seconds.count - 4 {
                if seconds[index - 1] < second { return (index, false) }
                if seconds[index - 1] == second { return (index - 1, true) }
                index -= 1
            }
            var low = 0
            while low < index {
                let middle = (low + index) / 2
                if seconds[middle] < second { low = middle + 1 } else { index = middle }
            }
            return (low, low < seconds.count && seconds[low] == second)
        }

        mutating func remove(_ second: Int64) -> Bool {
            let (index, isThere) = find(second)
            guard isThere else { return false }
            seconds.remove(at: index)
            records.remove(at: index)
            return true
        }
    }

    /// By series.
    private var fine: [Line] = []
    private var coarse: [Line] = []
    /// What the last `merge` found, so that it can be taken back. Remembering it costs a copy of each bucket, so that is only
    /// done where Redis may say that something is not as it was thought to be.
    private var undo: [(resolution: RecentResolution, series: Int, second: Int64, before: Record?)] = []
    /// The last `merge` can be taken back.
    private(set) var canTakeBack = false
    /// Buckets that begin later and are not held do not exist.
    private var absentAfter: Int64
    /// A batch was taken back, and the next `merge` tries it again.
    private var isRepeating = false
    private let maxBuckets: Int
    private(set) var count = 0

    /// - Parameters:
    ///   - newestSecond: of all events ever applied; `.max` where it is not known.
    ///   - maxBuckets: held at most; past it, the older ones are forgotten.
    init(newestSecond: Int64 = .max, maxBuckets: Int = 200_000) {
        absentAfter = newestSecond
        self.maxBuckets = maxBuckets
    }

    /// Merges what a batch adds.
    ///
    /// - Parameters:
    ///   - deltas: ascending by (series, second).
    ///   - encoded: the bytes of their records.
    ///   - horizonSecond: one-second buckets before it are not kept.
    ///   - settledSecond: ten-second buckets in hashes that begin up to it may have expired.
    ///   - mustBeUndoable: the batch may have to be taken back for a reason of its own.
    /// - Returns: the new values, ascending by (series, second).
    mutating func merge(
        _ deltas: [BatchAggregator.Delta], encoded: [[UInt8]], horizonSecond: Int64, settledSecond: Int64 = .max,
        mustBeUndoable: Bool = false
    ) -> (fine: [AppliedBatch.Write], coarse: [AppliedBatch.Write]) {
        undo.removeAll(keepingCapacity: true)
        if !isRepeating { forgetOld() }
        isRepeating = false
        canTakeBack = mustBeUndoable || deltas.contains { mayBeOtherwise($0, horizonSecond, settledSecond) }
        var fineWrites: [AppliedBatch.Write] = []
        var coarseWrites: [AppliedBatch.Write] = []
        fineWrites.reserveCapacity(deltas.count)
        coarseWrites.reserveCapacity(deltas.count)
        var next = 0
        while next < deltas.count {
            let series = deltas[next].series
            while fine.count <= series { fine.append(Line()) }
            while coarse.count <= series { coarse.append(Line()) }
            // Seconds of one ten-second slot stand together: its bucket is encoded once.
            let slot = Self.floor(deltas[next].second, 10)
            let (index, wasHeld) = coarse[series].find(slot)
            let first = next
            if canTakeBack {
                undo.append((.tenSeconds, series, slot, wasHeld ? coarse[series].records[index] : nil))
            }
            while next < deltas.count, deltas[next].series == series, Self.floor(deltas[next].second, 10) == slot {
                let delta = deltas[next]
                if delta.second >= horizonSecond {
                    fineWrites.append(write(delta, encoded[next]))
                }
                if next == first && !wasHeld {
                    coarse[series].seconds.insert(slot, at: index)
                    coarse[series].records.insert(delta.record, at: index)
                    count += 1
                } else {
                    coarse[series].records[index].merge(delta.record)
                }
                next += 1
            }
            let bytes =
                next == first + 1 && !wasHeld ? encoded[first] : RecordCodec.encode(coarse[series].records[index])
            coarseWrites.append(
                AppliedBatch.Write(
                    series: series, second: slot, presence: presence(slot, isHeld: wasHeld),
                    mayNeedHash: Self.makeSure(of: Self.floor(slot, 600), in: &coarse[series]), record: bytes))
        }
        return (fineWrites, coarseWrites)
    }

    /// Takes the last `merge` back, which must be possible; the next one is of the same batch.
    mutating func takeBack() {
        isRepeating = true
        for (resolution, series, second, before) in undo.reversed() {
            switch resolution {
            case .second:
                count += Self.learn(before, second, series, in: &fine)
                fine[series].hash = .min
            case .tenSeconds:
                count += Self.learn(before, second, series, in: &coarse)
                coarse[series].hash = .min
            }
        }
        undo.removeAll(keepingCapacity: true)
    }

    /// Learns what Redis holds.
    mutating func learn(_ changed: ChangedBucket) throws(DecodingFailure) {
        let record = changed.record.isEmpty ? nil : try RecordCodec.decode(changed.record)
        switch changed.resolution {
        case .second: count += Self.learn(record, changed.second, changed.series, in: &fine)
        case .tenSeconds: count += Self.learn(record, changed.second, changed.series, in: &coarse)
        }
    }

    /// Returns how many buckets more there are.
    private static func learn(_ record: Record?, _ second: Int64, _ series: Int, in lines: inout [Line]) -> Int {
        while lines.count <= series { lines.append(Line()) }
        let before = lines[series].remove(second) ? 1 : 0
        guard let record else { return -before }
        let index = lines[series].find(second).index
        lines[series].seconds.insert(second, at: index)
        lines[series].records.insert(record, at: index)
        return 1 - before
    }

    private mutating func write(_ delta: BatchAggregator.Delta, _ encoded: [UInt8]) -> AppliedBatch.Write {
        let (index, isHeld) = fine[delta.series].find(delta.second)
        if canTakeBack {
            undo.append((.second, delta.series, delta.second, isHeld ? fine[delta.series].records[index] : nil))
        }
        var bytes = encoded
        if isHeld {
            fine[delta.series].records[index].merge(delta.record)
            bytes = RecordCodec.encode(fine[delta.series].records[index])
        } else {
            fine[delta.series].seconds.insert(delta.second, at: index)
            fine[delta.series].records.insert(delta.record, at: index)
            count += 1
        }
        return AppliedBatch.Write(
            series: delta.series, second: delta.second, presence: presence(delta.second, isHeld: isHeld),
            mayNeedHash: Self.makeSure(of: Self.floor(delta.second, 120), in: &fine[delta.series]), record: bytes)
    }

    /// Redis may hold something else than is thought here.
    private func mayBeOtherwise(
        _ delta: BatchAggregator.Delta, _ horizonSecond: Int64, _ settledSecond: Int64
    ) -> Bool {
        let slot = Self.floor(delta.second, 10)
        if Self.floor(slot, 600) <= settledSecond { return true }
        if slot <= absentAfter, !isHeld(delta.series, slot, in: coarse) { return true }
        return delta.second <= absentAfter && delta.second >= horizonSecond
            && !isHeld(delta.series, delta.second, in: fine)
    }

    private func isHeld(_ series: Int, _ second: Int64, in lines: [Line]) -> Bool {
        series < lines.count && lines[series].find(second).isThere
    }

    private func presence(_ second: Int64, isHeld: Bool) -> AppliedBatch.Presence {
        isHeld ? .held : second > absentAfter ? .absent : .unknown
    }

    /// True where the hash that begins at `start` may be a new one.
    private static func makeSure(of start: Int64, in line: inout Line) -> Bool {
        if line.hash == start { return false }
        line.hash = start
        return true
    }

    /// Before a batch, never in the middle of one: what was learned for a batch of many buckets would be forgotten before
    /// it is used, and the batch never come to an end.
    private mutating func forgetOld() {
        guard count > maxBuckets else { return }
        // The newest half stays: seconds are what a busy partition makes most of.
        var all: [Int64] = []
        all.reserveCapacity(count)
        for line in fine { all += line.seconds }
        for line in coarse { all += line.seconds }
        all.sort()
        let oldest = all[all.count / 2]
        count -= Self.forget(upTo: oldest, in: &fine) + Self.forget(upTo: oldest, in: &coarse)
        if absentAfter != .max { absentAfter = max(absentAfter, oldest) }
    }

    private static func forget(upTo second: Int64, in lines: inout [Line]) -> Int {
        var forgotten = 0
        for series in lines.indices {
            let gone = lines[series].seconds.firstIndex { $0 > second } ?? lines[series].seconds.count
            lines[series].seconds.removeFirst(gone)
            lines[series].records.removeFirst(gone)
            forgotten += gone
        }
        return forgotten
    }

    private static func floor(_ second: Int64, _ length: Int64) -> Int64 {
        let offset = second % length
        return second - (offset < 0 ? offset + length : offset)
    }
}
