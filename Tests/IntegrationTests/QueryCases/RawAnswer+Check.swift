extension RawAnswer {
    /// Why this is not what the raw events add up to; nil where it is.
    ///
    /// `events` are all that were sent, ascending by time, and `coarser` the steps that the question's may have risen to.
    func problem(_ question: RawQuestion, _ events: [RawEvent], coarser: [Int64]) -> String? {
        if !degraded.isEmpty { return "degraded: \(degraded)" }
        let wanted = question.wantedStepMs
        guard ([wanted] + coarser.map { max(wanted, $0) }).contains(stepMs) else {
            return "a step of \(stepMs) ms, not \(wanted) or one of \(coarser)"
        }
        // Rounded once for each step that was risen to, and each is a multiple of those before, or nearly.
        guard fromMs % stepMs == 0, toMs % stepMs == 0, fromMs <= question.fromMs, toMs >= question.toMs,
            fromMs > question.fromMs - 2 * stepMs, toMs < question.toMs + 2 * stepMs
        else { return "from \(fromMs) to \(toMs) for \(question.fromMs) to \(question.toMs)" }

        let reference = RawReference(question, events, fromMs: fromMs, toMs: toMs, stepMs: stepMs)
        var all = reference.ordered(question)
        if question.fills, all.isEmpty, question.by.isEmpty { all = [(group: [], buckets: [:])] }
        let limit = question.limit ?? 100
        if isTruncated != (all.count > limit) { return "truncated is \(isTruncated) of \(all.count) groups" }
        let groups = series.map(\.group)
        let wantedGroups = all.prefix(limit).map(\.group)
        if groups != wantedGroups { return "groups are \(groups), not \(wantedGroups)" }
        for (one, expected) in zip(series, all) {
            if let problem = problem(one, expected.buckets, question) { return "group \(one.group): \(problem)" }
        }
        return nil
    }

    private func problem(
        _ one: Series, _ buckets: [Int64: RawReference.Bucket], _ question: RawQuestion
    ) -> String? {
        let times = question.fills ? Array(stride(from: fromMs, to: toMs, by: Int(stepMs))) : buckets.keys.sorted()
        if one.times != times {
            let (found, wanted) = (Set(one.times), Set(times))
            return "buckets missing: \(wanted.subtracting(found).sorted()), too many: "
                + "\(found.subtracting(wanted).sorted()), in all \(one.times.count)"
        }
        for (name, values) in zip(question.asked, one.values) {
            for (time, value) in zip(times, values) {
                guard let bucket = buckets[time] else {
                    let empty: Double? = name == "count" || name == "rate" ? 0 : nil
                    if value != .number(empty) { return "\(name) of the empty bucket \(time) is \(value)" }
                    continue
                }
                switch value {
                case .number(let number):
                    if let problem = bucket.problem(question.metric, name, number, stepMs: stepMs) {
                        return "bucket \(time): \(problem)"
                    }
                case .items(let items):
                    let wanted = Array(bucket.items.prefix(10))
                    if items != wanted { return "bucket \(time): items are \(items), not \(wanted)" }
                }
            }
        }
        return nil
    }

    /// Why this lacks something of `known`, or has more than `sent`; nil where it lies between the two.
    ///
    /// For an answer given while events come and minutes are compacted. Both are ascending by time, `sent` holds `known`.
    func problem(_ question: RawQuestion, known: [RawEvent], sent: [RawEvent]) -> String? {
        if !degraded.isEmpty { return "degraded: \(degraded)" }
        let least = RawReference(question, known, fromMs: fromMs, toMs: toMs, stepMs: stepMs).groups
        let most = RawReference(question, sent, fromMs: fromMs, toMs: toMs, stepMs: stepMs).groups
        let found = Dictionary(series.map { ($0.group, $0) }, uniquingKeysWith: { $1 })
        if found.count != series.count { return "a group is there twice" }
        for (group, buckets) in least {
            let lost = Set(buckets.keys).subtracting(found[group]?.times ?? [])
            if !lost.isEmpty { return "group \(group) has lost the buckets \(lost.sorted())" }
        }
        for one in series {
            if Set(one.times).count != one.times.count { return "group \(one.group) has a bucket twice" }
            for (name, values) in zip(question.asked, one.values) {
                for (time, value) in zip(one.times, values) {
                    guard let upper = most[one.group]?[time] else {
                        return "group \(one.group), bucket \(time) is there"
                    }
                    let lower = least[one.group]?[time] ?? RawReference.Bucket()
                    if !Self.isBetween(name, value, lower, upper) {
                        return "group \(one.group), bucket \(time): \(name) is \(value), of \(lower.count) to "
                            + "\(upper.count) events"
                    }
                }
            }
        }
        return nil
    }

    private static func isBetween(
        _ name: String, _ value: Value, _ lower: RawReference.Bucket, _ upper: RawReference.Bucket
    ) -> Bool {
        switch (name, value) {
        case ("count", .number(let found?)): return (lower.count...upper.count).contains(Int(found))
        case ("min", .number(let found?)):
            return found <= lower.values.min() ?? .infinity && found >= upper.values.min() ?? .infinity
        case ("max", .number(let found?)):
            return found >= lower.values.max() ?? -.infinity && found <= upper.values.max() ?? -.infinity
        case ("unique", .number(let found?)):
            let (few, many) = (Double(Set(lower.texts).count), Double(Set(upper.texts).count))
            return found >= few - max(2, 0.0324 * few) && found <= many + max(2, 0.0324 * many)
        case ("top", .items(let items)):
            let counts = Dictionary(items.map { ($0.item, $0.count) }, uniquingKeysWith: { $1 })
            let most = Dictionary(upper.items.map { ($0.item, $0.count) }, uniquingKeysWith: { $1 })
            return lower.items.allSatisfy { counts[$0.item, default: 0] >= $0.count }
                && items.allSatisfy { $0.count <= most[$0.item, default: 0] }
        default: return false
        }
    }

    /// Why `other` is another answer; nil where they are equal: to the bit but for sums, good to 1e-9.
    func difference(from other: RawAnswer, _ question: RawQuestion) -> String? {
        guard isTruncated == other.isTruncated, series.map(\.group) == other.series.map(\.group) else {
            return "groups \(series.map(\.group)) and \(other.series.map(\.group))"
        }
        for (mine, theirs) in zip(series, other.series) {
            if mine.times != theirs.times { return "group \(mine.group): times \(mine.times) and \(theirs.times)" }
            for (name, values) in zip(question.asked, zip(mine.values, theirs.values)) {
                for (time, pair) in zip(mine.times, zip(values.0, values.1)) where pair.0 != pair.1 {
                    if ["sum", "mean", "rate"].contains(name), case .number(let a?) = pair.0,
                        case .number(let b?) = pair.1,
                        // Of sums that are differences the rounding shows: what was added up is up to 400 a value here.
                        abs(a - b) <= max(1e-9 * max(abs(a), abs(b)), 1e-6)
                    {
                        continue
                    }
                    return "group \(mine.group), bucket \(time): \(name) is \(pair.0) and \(pair.1)"
                }
            }
        }
        return nil
    }
}
