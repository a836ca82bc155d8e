/// What has been found for a question so far: for each group of labels the aggregates of its steps.
package struct GroupedBuckets: Equatable, Sendable {
    private let by: [String]
    private let stepMs: Int64
    private var placeByLabels: [LabelSet: Int] = [:]
    private var labels: [LabelSet] = []
    /// By place: aggregates by the start of the step, ms since 1970.
    private var buckets: [[Int64: Aggregate]] = []

    package init(by: [String], stepMs: Int64) {
        self.by = by
        self.stepMs = stepMs
    }

    package init(_ query: Query) { self.init(by: query.by, stepMs: query.isOneBucket ? .max : query.stepMs) }

    /// Gives away what has been found, with nobody left to share it, so that whoever takes it changes it in its place.
    package mutating func take() -> GroupedBuckets {
        var taken = GroupedBuckets(by: by, stepMs: stepMs)
        swap(&self, &taken)
        return taken
    }

    /// By the labels kept, then by the start of the step; groups without a bucket are left out.
    package var groups: [LabelSet: [Int64: Aggregate]] {
        var groups: [LabelSet: [Int64: Aggregate]] = [:]
        for (place, labels) in labels.enumerated() where !buckets[place].isEmpty { groups[labels] = buckets[place] }
        return groups
    }

    /// How many buckets there are, of all groups together.
    package var count: Int { buckets.reduce(0) { $0 + $1.count } }

    package var isEmpty: Bool { buckets.allSatisfy(\.isEmpty) }

    /// The group that a series belongs to. Events past a series limit stay a group of their own, unless all are one.
    package func group(of labels: LabelSet) -> LabelSet {
        labels == .overflow && !by.isEmpty ? labels : labels.keeping(by)
    }

    /// Where the group that a series belongs to stands: for `merge`, so that labels are compared once a series.
    package mutating func place(of labels: LabelSet) -> Int { place(ofGroup: group(of: labels)) }

    /// Merges what a series has in the bucket that begins at `bucketMs`; `place` is its group's.
    package mutating func merge(_ aggregate: Aggregate, at place: Int, bucketMs: Int64) {
        if aggregate.isEmpty { return }
        buckets[place][StepLadder.floor(bucketMs, stepMs), default: Aggregate()].merge(aggregate)
    }

    /// Merges what a series has in the bucket that begins at `bucketMs`; `group` as `group(of:)` gives it.
    package mutating func merge(_ aggregate: Aggregate, group: LabelSet, bucketMs: Int64) {
        if aggregate.isEmpty { return }
        merge(aggregate, at: place(ofGroup: group), bucketMs: bucketMs)
    }

    /// Changes the bucket that begins at `bucketMs` in its place; it is empty where there was none, and goes where it stays so.
    package mutating func change<Failure: Error>(
        at place: Int, bucketMs: Int64, _ body: (inout Aggregate) throws(Failure) -> Void
    ) throws(Failure) {
        let start = StepLadder.floor(bucketMs, stepMs)
        var isEmpty = false
        func change(_ aggregate: inout Aggregate) throws(Failure) {
            try body(&aggregate)
            isEmpty = aggregate.isEmpty
        }
        try change(&buckets[place][start, default: Aggregate()])
        if isEmpty { buckets[place][start] = nil }
    }

    /// The buckets that begin in `rangeMs` (ms since 1970).
    package func part(_ rangeMs: Range<Int64>) -> GroupedBuckets {
        var part = GroupedBuckets(by: by, stepMs: stepMs)
        for (place, labels) in labels.enumerated() {
            let found = buckets[place].filter { rangeMs.contains($0.key) }
            if found.isEmpty { continue }
            let other = part.place(ofGroup: labels)
            part.buckets[other] = found
        }
        return part
    }

    /// Merges all that `other` has found for the same question.
    package mutating func merge(_ other: GroupedBuckets) {
        for (from, labels) in other.labels.enumerated() {
            let place = place(ofGroup: labels)
            for (start, aggregate) in other.buckets[from] { merge(aggregate, at: place, bucketMs: start) }
        }
    }

    package static func == (a: GroupedBuckets, b: GroupedBuckets) -> Bool {
        a.by == b.by && a.stepMs == b.stepMs && a.groups == b.groups
    }

    private mutating func place(ofGroup group: LabelSet) -> Int {
        if let known = placeByLabels[group] { return known }
        labels.append(group)
        buckets.append([:])
        placeByLabels[group] = labels.count - 1
        return labels.count - 1
    }
}
