internal import Analytics

/// Values that are made of a group's buckets by merging (series into one, or steps into longer ones), kept for who asks again.
///
/// What a bucket of the group has changed since is merged anew, and nothing else. One owner, one thread.
final class KeptValues {
    /// What is kept: a view, and the aggregations.
    struct Key: Hashable {
        /// The group's number.
        let group: Int
        let filter: LabelFilter
        let isOne: Bool
        let stepSeconds: Int64
        let aggregations: [Aggregation]
    }

    /// One series of the answer.
    private struct Line {
        let labels: LabelSet
        /// The group's series in it.
        var places: [Int] = []
        /// Starts of the steps, in seconds, ascending.
        var starts: [Int64] = []
        var weights: [Int] = []
        /// By aggregation; NaN where a step does not have it.
        var values: [[Double]]
    }

    /// A step that is to be merged anew.
    private struct Step: Hashable {
        let line: Int
        let start: Int64
    }

    let key: Key
    /// When (monotonic) it was last asked for.
    var usedNs: UInt64 = 0
    private var lines: [Line] = []
    private var lineByLabels: [LabelSet: Int] = [:]
    private var pending: Set<Step> = []
    /// As the group was when it was last looked at.
    private var epoch = -1
    private var placesChanged = 0
    private var placeCount = 0
    private var version: UInt64 = 0
    /// Steps that begin earlier are kept.
    private var end = Int64.min

    init(_ key: Key) { self.key = key }

    /// Merges what has changed, `work` buckets about; true where nothing is left to do.
    func catchUp(_ view: LiveView, work: Int) -> Bool {
        look(view)
        var left = work
        while let step = pending.first {
            guard left > 0 else { return false }
            pending.remove(step)
            left -= 1 + merge(view, step)
        }
        return true
    }

    /// The steps that begin in `range`, in seconds since 1970.
    func columns(in range: Range<Int64>) -> AnswerColumns {
        var columns = AnswerColumns(aggregationCount: key.aggregations.count)
        for line in lines {
            let indices = Self.place(range.lowerBound, line.starts)..<Self.place(range.upperBound, line.starts)
            if indices.isEmpty { continue }
            let column = columns.place(of: line.labels)
            let times = line.starts[indices].map { $0 * 1_000 }
            columns.append(times: times[...], weight: line.weights[indices].reduce(0, +), at: column)
            for number in line.values.indices {
                columns.append(values: line.values[number][indices], aggregation: number, at: column)
            }
        }
        return columns
    }

    /// Bytes of memory, about.
    var byteCount: Int {
        lines.reduce(256) { $0 + 200 + $1.starts.count * (16 + 8 * key.aggregations.count) } + pending.count * 40
    }

    /// Notes which steps have changed, and which are over since it was last looked at.
    private func look(_ view: LiveView) {
        let group = view.group
        if epoch != group.epoch || placesChanged != group.placesChanged {
            (lines, lineByLabels, pending) = ([], [:], [])
            (epoch, placesChanged, placeCount, version, end) = (group.epoch, group.placesChanged, 0, 0, .min)
        }
        let newEnd = group.closedEnd(stepSeconds: key.stepSeconds)
        while placeCount < group.series.count {
            add(place: placeCount, group.series[placeCount].labels, view)
            placeCount += 1
        }
        for number in lines.indices {
            for place in lines[number].places {
                let buckets = group.series[place].buckets
                if buckets.version > version {
                    for index in buckets.starts.indices where buckets.versions[index] > version {
                        let start = buckets.starts[index].rounded(downTo: key.stepSeconds)
                        if start < newEnd { pending.insert(Step(line: number, start: start)) }
                    }
                }
                guard end < newEnd, newEnd < .max else { continue }
                for index in buckets.indices(in: end..<newEnd) {
                    pending.insert(
                        Step(line: number, start: buckets.starts[index].rounded(downTo: key.stepSeconds)))
                }
            }
            drop(before: group.windowStart, line: number)
        }
        version = group.version
        end = newEnd
    }

    private func add(place: Int, _ labels: LabelSet, _ view: LiveView) {
        guard view.filter.isEmpty || view.filter.matches(labels) else { return }
        let shown = view.labels ?? labels
        if lineByLabels[shown] == nil {
            lineByLabels[shown] = lines.count
            lines.append(Line(labels: shown, values: Array(repeating: [], count: key.aggregations.count)))
        }
        guard let number = lineByLabels[shown] else { return }
        lines[number].places.append(place)
    }

    /// Returns how many buckets that took.
    private func merge(_ view: LiveView, _ step: Step) -> Int {
        var (sum, count) = (Aggregate(), 0)
        for place in lines[step.line].places {
            let buckets = view.group.series[place].buckets
            for index in buckets.indices(in: step.start..<step.start + key.stepSeconds) {
                sum.merge(buckets.aggregates[index])
                count += 1
            }
        }
        let index = Self.place(step.start, lines[step.line].starts)
        let isThere = index < lines[step.line].starts.count && lines[step.line].starts[index] == step.start
        if isThere { remove(index..<index + 1, line: step.line) }
        if sum.isEmpty { return count }
        lines[step.line].starts.insert(step.start, at: index)
        lines[step.line].weights.insert(sum.count, at: index)
        for (number, aggregation) in key.aggregations.enumerated() {
            let value = sum.value(aggregation, seconds: Double(key.stepSeconds)) ?? .nan
            lines[step.line].values[number].insert(value, at: index)
        }
        return count
    }

    private func drop(before start: Int64, line: Int) {
        guard let first = lines[line].starts.first, first < start else { return }
        remove(0..<Self.place(start, lines[line].starts), line: line)
    }

    private func remove(_ indices: Range<Int>, line: Int) {
        lines[line].starts.removeSubrange(indices)
        lines[line].weights.removeSubrange(indices)
        for number in lines[line].values.indices { lines[line].values[number].removeSubrange(indices) }
    }

    /// The first index whose start is not below `start`.
    private static func place(_ start: Int64, _ starts: [Int64]) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The kept values of a front, within a bound; those not asked for the longest go first.
final class ValueCache {
    private static let maxBytes = 32 << 20
    private static let idleNs: UInt64 = 120_000_000_000

    private var entries: [KeptValues.Key: KeptValues] = [:]

    /// What is kept of a view; empty where nothing is yet.
    func values(_ view: LiveView, _ aggregations: [Aggregation], nowNs: UInt64) -> KeptValues {
        let key = KeptValues.Key(
            group: view.group.number, filter: view.filter, isOne: view.isOne, stepSeconds: view.stepSeconds,
            aggregations: aggregations)
        let entry = entries[key] ?? KeptValues(key)
        entries[key] = entry
        entry.usedNs = nowNs
        return entry
    }

    /// Forgets what nobody has asked for in a while, and what is too much.
    func limit(nowNs: UInt64) {
        var bytes = 0
        for (key, entry) in entries.sorted(by: { $0.value.usedNs > $1.value.usedNs }) {
            bytes += entry.byteCount
            if bytes > Self.maxBytes || nowNs > entry.usedNs + Self.idleNs { entries[key] = nil }
        }
    }
}
