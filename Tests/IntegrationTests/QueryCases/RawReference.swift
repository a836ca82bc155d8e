/// What a question must be answered with, from a list of the raw events: filtered, put into buckets and sorted, one by one.
struct RawReference {
    /// What one bucket of one group holds.
    struct Bucket {
        var count = 0
        var hits = 0
        var values: [Double] = []
        var last: (atMs: Int64, value: Double)?
        var texts: [String] = []

        mutating func add(_ reading: RawMetric.Reading, atMs: Int64) {
            count += 1
            if reading.isHit { hits += 1 }
            if let value = reading.value {
                values.append(value)
                if let last, (last.atMs, last.value) >= (atMs, value) { return }
                last = (atMs, value)
            }
            if let text = reading.text { texts.append(text) }
        }

        /// Items with their counts, the heaviest first, equals by their bytes.
        var items: [RawAnswer.Item] {
            var counts: [[UInt8]: Int] = [:]
            for text in texts { counts[Array(text.utf8), default: 0] += 1 }
            return counts.sorted { a, b in
                a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
            }.map { RawAnswer.Item(item: String(decoding: $0.key, as: UTF8.self), count: $0.value) }
        }
    }

    /// Groups by their labels: for each label asked for the place of its value.
    private(set) var groups: [[Int]: [Int64: Bucket]] = [:]

    /// Goes through `events`, which are ascending by time; without a step all is one bucket, at 0.
    init(_ question: RawQuestion, _ events: [RawEvent], fromMs: Int64, toMs: Int64, stepMs: Int64?) {
        let keeps = RawEvents.values.indices.map { label in
            RawEvents.values[label].indices.map { Self.keeps(question, label, $0) }
        }
        var place = Self.first(events, atLeast: fromMs)
        while place < events.count, events[place].atMs < toMs {
            let event = events[place]
            place += 1
            guard keeps[0][event.labels[0]], keeps[1][event.labels[1]], keeps[2][event.labels[2]],
                let reading = question.metric.read(event)
            else { continue }
            let start = stepMs.map { event.atMs - event.atMs % $0 } ?? 0
            groups[question.by.map { event.labels[$0] }, default: [:]][start, default: Bucket()]
                .add(reading, atMs: event.atMs)
        }
    }

    /// A label stays where a keeping pattern matches, if there are any, and no other does.
    private static func keeps(_ question: RawQuestion, _ label: Int, _ value: Int) -> Bool {
        for condition in question.filter where condition.label == label {
            let matching = condition.patterns.filter { value > 0 && $0.matches(RawEvents.values[label][value]) }
            if matching.contains(where: \.isExclusion) { return false }
            if condition.patterns.contains(where: { !$0.isExclusion }) && matching.isEmpty { return false }
        }
        return true
    }

    private static func first(_ events: [RawEvent], atLeast atMs: Int64) -> Int {
        var (low, high) = (0, events.count)
        while low < high {
            let middle = (low + high) / 2
            if events[middle].atMs < atMs { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The groups as an answer lists them: by their events, equals by the bytes of their labels.
    func ordered(_ question: RawQuestion) -> [(group: [Int], buckets: [Int64: Bucket])] {
        func texts(_ group: [Int]) -> [[UInt8]] {
            zip(question.by, group).filter { $0.1 > 0 }.map { label, value in
                (Array(RawEvents.labelNames[label].utf8), Array(RawEvents.values[label][value].utf8))
            }.sorted { $0.0.lexicographicallyPrecedes($1.0) }.flatMap { [$0.0, $0.1] }
        }
        let weighed = groups.map { group, buckets in
            (group, buckets, weight: buckets.values.reduce(0) { $0 + $1.count }, texts: texts(group))
        }
        return weighed.sorted { a, b in
            a.weight != b.weight
                ? a.weight > b.weight
                : a.texts.lexicographicallyPrecedes(b.texts) { $0.lexicographicallyPrecedes($1) }
        }.map { ($0.0, $0.1) }
    }
}

extension RawReference.Bucket {
    /// Why `found` is not what the bucket has of an aggregation; nil where it is.
    ///
    /// Counts, extremes and the like are exact, sums good to 1e-9 of what was added up, quantiles to 1 % and their rounding.
    func problem(_ metric: RawMetric, _ name: String, _ found: Double?, stepMs: Int64) -> String? {
        let magnitude = values.reduce(0) { $0 + abs($1) }
        let sum = values.reduce(0, +)
        let seconds = Double(stepMs) / 1_000
        let isSummed = !values.isEmpty
        func near(_ wanted: Double, _ tolerance: Double) -> String? {
            guard let found, abs(found - wanted) <= tolerance else {
                return "\(name) is \(found.map { "\($0)" } ?? "null"), not \(wanted)"
            }
            return nil
        }
        switch name {
        case "count": return near(Double(count), 0)
        case "sum": return isSummed ? near(sum, 1e-9 * magnitude) : near(Double(count), 0)
        case "rate":
            return metric.ratesSum
                ? near(sum / seconds, 1e-9 * magnitude / seconds) : near(Double(count) / seconds, 0)
        case "mean": return near(sum / Double(count), 1e-9 * magnitude / Double(count))
        case "min": return near(values.min() ?? .nan, 0)
        case "max": return near(values.max() ?? .nan, 0)
        case "last": return near(last?.value ?? .nan, 0)
        case "ratio": return near(Double(hits) / Double(count), 0)
        case "unique":
            let distinct = Double(Set(texts).count)
            return near(distinct, max(2, 4 * 0.0081 * distinct))
        default:
            guard let percent = Double(name.dropFirst()) else { return "\(name) is unknown" }
            let exact = values.sorted()[Int(percent / 100 * Double(count - 1))]
            return near(exact, (0.01 + 5.06e-6) * abs(exact))
        }
    }
}
