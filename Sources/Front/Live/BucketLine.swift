internal import Analytics

/// The buckets of one series of an answer, each with the version of the group in which it last changed.
struct BucketLine {
    /// Starts in seconds since 1970, ascending.
    private(set) var starts: [Int64] = []
    private(set) var versions: [UInt64] = []
    private(set) var aggregates: [Aggregate] = []
    /// Events in each: asked for with every answer, and found without a look at the aggregates, which are large.
    private(set) var counts: [Int] = []
    /// The greatest of `versions`.
    private(set) var version: UInt64 = 0
    /// What aggregations make of the buckets: computed when asked for, kept while a bucket stays the same.
    private var columns: [(aggregation: Aggregation, values: [Double])] = []

    static let maxColumns = 8
    /// Stands for a value that is not computed; NaN is one that a bucket does not have.
    private static let stale = -Double.infinity

    var isEmpty: Bool { starts.isEmpty }

    /// Events in all buckets.
    var eventCount: Int { counts.reduce(0, +) }

    /// The bucket that begins at `start`.
    subscript(start: Int64) -> Aggregate? {
        let (index, isThere) = find(start)
        return isThere ? aggregates[index] : nil
    }

    /// Adds `aggregate` to the bucket that begins at `start`.
    mutating func merge(_ aggregate: Aggregate, at start: Int64, version: UInt64) {
        let (index, isThere) = find(start)
        if isThere {
            aggregates[index].merge(aggregate)
            counts[index] += aggregate.count
            versions[index] = version
            outdate(index)
        } else {
            for column in columns.indices { columns[column].values.insert(Self.stale, at: index) }
            starts.insert(start, at: index)
            aggregates.insert(aggregate, at: index)
            counts.insert(aggregate.count, at: index)
            versions.insert(version, at: index)
        }
        self.version = max(self.version, version)
    }

    /// Replaces the buckets in `range` by `others`; those that stay equal keep their version.
    ///
    /// Returns false where a bucket went away, which no update can tell a client.
    mutating func replace(_ range: Range<Int64>, by others: [Int64: Aggregate], version: UInt64) -> Bool {
        var isTold = true
        for index in starts.indices.reversed() where range.contains(starts[index]) && others[starts[index]] == nil {
            starts.remove(at: index)
            versions.remove(at: index)
            aggregates.remove(at: index)
            counts.remove(at: index)
            for column in columns.indices { columns[column].values.remove(at: index) }
            isTold = false
        }
        // Ascending, so that what comes new goes to the end, or near it.
        for (start, aggregate) in others.sorted(by: { $0.key < $1.key }) where self[start] != aggregate {
            let (index, isThere) = find(start)
            if isThere {
                aggregates[index] = aggregate
                counts[index] = aggregate.count
                versions[index] = version
                outdate(index)
                self.version = max(self.version, version)
            } else {
                merge(aggregate, at: start, version: version)
            }
        }
        return isTold
    }

    /// Forgets the buckets that begin before `start`.
    mutating func drop(before start: Int64) {
        let count = starts.firstIndex { $0 >= start } ?? starts.count
        if count == 0 { return }
        starts.removeFirst(count)
        versions.removeFirst(count)
        aggregates.removeFirst(count)
        counts.removeFirst(count)
        for column in columns.indices { columns[column].values.removeFirst(count) }
    }

    /// What `aggregation` makes of each bucket, of `seconds`; NaN where it has no such value.
    mutating func values(_ aggregation: Aggregation, seconds: Double) -> [Double] {
        var work = Int.max
        return columns[compute(aggregation, seconds: seconds, work: &work)].values
    }

    /// Computes what is missing of it, as many as `work` says, which falls by them.
    @discardableResult
    mutating func compute(_ aggregation: Aggregation, seconds: Double, work: inout Int) -> Int {
        var column = columns.firstIndex { $0.aggregation == aggregation } ?? columns.count
        if column == columns.count {
            if column == Self.maxColumns {
                columns = []
                column = 0
            }
            columns.append((aggregation, Array(repeating: Self.stale, count: starts.count)))
        }
        for index in starts.indices where columns[column].values[index] == Self.stale {
            if work <= 0 { break }
            work -= 1
            columns[column].values[index] = aggregates[index].value(aggregation, seconds: seconds) ?? .nan
        }
        return column
    }

    /// Indices of the buckets that begin in `range` (seconds since 1970).
    func indices(in range: Range<Int64>) -> Range<Int> {
        let (first, end) = (find(range.lowerBound).index, find(range.upperBound).index)
        return first..<max(first, end)
    }

    /// Bytes of memory, about.
    var byteCount: Int {
        aggregates.reduce(64 + columns.count * 8 * starts.count) { sum, aggregate in
            sum + 280 + 16 * (aggregate.sketch.positive.count + aggregate.sketch.negative.count)
                + (aggregate.registers == nil ? 0 : 1 << 14)
                + (aggregate.items.map { 100 * $0.counts.count } ?? 0)
        }
    }

    private mutating func outdate(_ index: Int) {
        for column in columns.indices { columns[column].values[index] = Self.stale }
    }

    /// Indices of the buckets that begin at `from` or later and have changed after `version`.
    func changed(since version: UInt64, from: Int64) -> [Int] {
        if self.version <= version { return [] }
        return versions.indices.filter { versions[$0] > version && starts[$0] >= from }
    }

    private func find(_ start: Int64) -> (index: Int, isThere: Bool) {
        var index = starts.count
        // New events are nearly always in one of the last buckets.
        while index > 0 && index > starts.count - 4 {
            if starts[index - 1] < start { return (index, false) }
            if starts[index - 1] == start { return (index - 1, true) }
            index -= 1
        }
        var low = 0
        while low < index {
            let middle = (low + index) / 2
            if starts[middle] < start { low = middle + 1 } else { index = middle }
        }
        return (low, low < starts.count && starts[low] == start)
    }
}
