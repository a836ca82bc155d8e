internal import Analytics
internal import Wire

/// What PostgreSQL holds of a question in one piece of time: groups merged from series, packed.
///
/// A row is a group's bucket, as a record's bytes: ten times smaller than an aggregate with a sketch. What an aggregation makes of
/// the rows is computed once, and kept beside them:
/// ```
/// labels   A            B                    groups
/// ends     3            5                    their rows end here
/// starts   0   60  120  0   60               ms, ascending in a group
/// counts   7   9   4    1   2                events
/// ends     ·   ·   ·    ·   ·   bytes        the rows' records
/// p99      …   …   …    …   …                a column, NaN where a bucket has no value
/// ```
struct HistoryChunk: Sendable {
    /// By which records name the metric; only within a chunk.
    private static let metric = MetricID(rawValue: 0)

    let labels: [LabelSet]
    let groupEnds: [Int]
    let starts: [Int64]
    let counts: [Int]
    private let recordEnds: [Int]
    private let bytes: [UInt8]
    /// Whether the rows' records are there; else only `columns` can be told of them.
    let hasRecords: Bool
    private(set) var columns: [Aggregation: [Double]] = [:]

    /// Packs what was found, with the columns of `aggregations`; buckets are `seconds` long.
    init(_ buckets: GroupedBuckets, _ aggregations: [Aggregation] = [], seconds: Double = 1) {
        var (labels, groupEnds): ([LabelSet], [Int]) = ([], [])
        var (starts, counts, recordEnds): ([Int64], [Int], [Int]) = ([], [], [])
        var bytes: [UInt8] = []
        var columns: [Aggregation: [Double]] = Dictionary(
            aggregations.map { ($0, []) }, uniquingKeysWith: { first, _ in first })
        for (group, found) in buckets.groups {
            labels.append(group)
            for start in found.keys.sorted() {
                guard let aggregate = found[start] else { continue }
                RecordCodec.append(
                    Record(ascending: [.init(metric: Self.metric, aggregate: aggregate)]), to: &bytes)
                starts.append(start)
                counts.append(aggregate.count)
                recordEnds.append(bytes.count)
                for aggregation in columns.keys {
                    columns[aggregation]?.append(aggregate.value(aggregation, seconds: seconds) ?? .nan)
                }
            }
            groupEnds.append(starts.count)
        }
        (self.labels, self.groupEnds, self.starts) = (labels, groupEnds, starts)
        (self.counts, self.recordEnds, self.bytes) = (counts, recordEnds, bytes)
        self.columns = columns
        hasRecords = true
    }

    /// Takes the buckets of values made ahead (`buckets`, some of `made`) whose groups `keeps` keeps, as `labels` of what is left of
    /// them; `aggregations` are those of the values.
    init(
        _ made: LabelRollUps, _ buckets: Range<Int>, _ aggregations: [Aggregation], keeping labels: [LabelSet?]
    ) {
        var starts = Array(repeating: [Int64](), count: labels.count)
        var counts = Array(repeating: [Int](), count: labels.count)
        var values = Array(repeating: Array(repeating: [Double](), count: aggregations.count), count: labels.count)
        let isKept = labels.map { $0 != nil }
        for group in labels.indices where isKept[group] {
            starts[group].reserveCapacity(buckets.count)
            counts[group].reserveCapacity(buckets.count)
            for number in aggregations.indices { values[group][number].reserveCapacity(buckets.count) }
        }
        for bucket in made.buckets[buckets] {
            for (index, group) in bucket.groups.enumerated() where isKept[group] {
                starts[group].append(bucket.startMs)
                counts[group].append(bucket.counts[index])
                for number in aggregations.indices {
                    values[group][number].append(bucket.values[number][index])
                }
            }
        }
        let kept = labels.indices.filter { !starts[$0].isEmpty }
        self.labels = kept.compactMap { labels[$0] }
        var ends = 0
        groupEnds = kept.map { group in
            ends += starts[group].count
            return ends
        }
        self.starts = kept.flatMap { starts[$0] }
        self.counts = kept.flatMap { counts[$0] }
        for (number, aggregation) in aggregations.enumerated() {
            columns[aggregation] = kept.flatMap { values[$0][number] }
        }
        columns[.count] = self.counts.map(Double.init)
        (recordEnds, bytes, hasRecords) = ([], [], false)
    }

    /// Rows.
    var count: Int { starts.count }

    /// Bytes of memory, about.
    var byteCount: Int {
        let texts = labels.reduce(0) { sum, labels in
            sum + labels.labels.reduce(64) { $0 + 64 + $1.name.utf8.count + $1.value.utf8.count }
        }
        return 200 + texts + 8 * groupEnds.count + 24 * starts.count + bytes.count
            + columns.count * (48 + 8 * starts.count)
    }

    /// The rows of a group whose buckets begin in `range` (ms since 1970).
    func rows(ofGroup group: Int, in range: Range<Int64>) -> Range<Int> {
        let all = (group == 0 ? 0 : groupEnds[group - 1])..<groupEnds[group]
        if all.isEmpty || (range.contains(starts[all.lowerBound]) && range.contains(starts[all.upperBound - 1])) {
            return all
        }
        let first = all.first { starts[$0] >= range.lowerBound } ?? all.upperBound
        let end = all[first...].first { starts[$0] >= range.upperBound } ?? all.upperBound
        return first..<end
    }

    /// The aggregate of a row, where the records are there.
    func aggregate(_ row: Int) -> Aggregate {
        var aggregate = Aggregate()
        let start = row == 0 ? 0 : recordEnds[row - 1]
        do {
            try RecordCodec.merge(bytes.span, start..<recordEnds[row], of: Self.metric, into: &aggregate)
        } catch {
            preconditionFailure("a chunk's own record cannot be read: \(error)")
        }
        return aggregate
    }

    /// Merges the buckets that begin in `range` into `buckets`.
    func merge(_ range: Range<Int64>, into buckets: inout GroupedBuckets) {
        for (group, labels) in labels.enumerated() {
            for row in rows(ofGroup: group, in: range) {
                buckets.merge(aggregate(row), group: labels, bucketMs: starts[row])
            }
        }
    }

    /// Whether the columns of all these are there.
    func has(_ aggregations: [Aggregation]) -> Bool { aggregations.allSatisfy { columns[$0] != nil } }

    /// Computes the columns of `aggregations` that are not there yet, where the records are; buckets are `seconds` long.
    mutating func complete(_ aggregations: [Aggregation], seconds: Double) {
        let missing = Set(aggregations).subtracting(columns.keys)
        if missing.isEmpty || !hasRecords { return }
        var found: [Aggregation: [Double]] = [:]
        for aggregation in missing { found[aggregation, default: []].reserveCapacity(starts.count) }
        for row in starts.indices {
            let aggregate = aggregate(row)
            for aggregation in missing {
                found[aggregation]?.append(aggregate.value(aggregation, seconds: seconds) ?? .nan)
            }
        }
        columns.merge(found) { $1 }
    }
}
