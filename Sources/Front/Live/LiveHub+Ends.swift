package import Analytics
internal import Service

/// The ends of long questions, from live groups.
extension LiveHub {
    /// The end of what is asked, from a live group; counts the question where there is none.
    package func keptEnd(
        _ query: Query, latestStartMs: Int64
    ) async -> (buckets: GroupedBuckets, fromMs: Int64, newestMs: Int64)? {
        guard let content = content(query), memory.isCurrent, !isBehind else { return nil }
        let start = max(query.fromMs, latestStartMs) / 1_000
        // All of it lies before what groups are for.
        guard start < query.toMs / 1_000 else { return nil }
        if let group = memory.group(content, from: start), group.metric == query.metric {
            asked(group)
            var buckets = GroupedBuckets(query)
            let from = max(query.fromMs / 1_000, group.windowStart)
            group.merge(from..<query.toMs / 1_000, into: &buckets)
            return (buckets, from * 1_000, memory.newestMs)
        }
        follow(query, content, from: start)
        guard let view = memory.view(content, from: start), view.group.metric == query.metric,
            start.isMultiple(of: view.group.stepSeconds)
        else { return nil }
        asked(view.group)
        guard let buckets = await end(view, start..<query.toMs / 1_000, query) else { return nil }
        return (buckets, start * 1_000, memory.newestMs)
    }

    /// What a finer group has in `seconds`, merged in turns of the loop: what a series gets meanwhile is in it or not. Nil where the
    /// group was lost on the way.
    private func end(_ view: LiveView, _ seconds: Range<Int64>, _ query: Query) async -> GroupedBuckets? {
        let (group, places) = (view.group, view.places)
        let closed = view.settledEnd(in: seconds, now: time.wallMs() / 1_000)
        let key = KeptEnd.Key(group: group.number, filter: view.filter, query: query, start: seconds.lowerBound)
        let known = ends[key].flatMap { $0.isTrue(of: view, places) && $0.closed <= closed ? $0 : nil }
        var kept = known ?? KeptEnd(view, query, seconds)
        kept.begin(group)
        var work = 0
        while kept.merge(view, places, to: closed, &work, atMost: Self.workPerTurn) {
            await Task.yield()
            work = 0
            guard group.epoch == kept.epoch, group.placesChanged == kept.placesChanged, group.isWhole,
                group.windowStart <= seconds.lowerBound
            else { return nil }
        }
        ends[key] = kept
        if ends.count > KeptEnd.most, let oldest = ends.min(by: { $0.value.version < $1.value.version })?.key {
            ends[oldest] = nil
        }
        var buckets = kept.buckets
        // What was still open when it began may have been closed meanwhile, of some series before and of others after their turn.
        for place in view.places {
            _ = group.merge(closed..<seconds.upperBound, ofSeries: place, labels: view.labels, into: &buckets)
        }
        group.mergeOpen(closed..<seconds.upperBound, view.filter, labels: view.labels, into: &buckets)
        return buckets
    }
}

/// What was merged of a group for the end of a question, up to where nothing but a late event changes it.
struct KeptEnd {
    struct Key: Hashable {
        /// The group's number.
        let group: Int
        let filter: LabelFilter
        let by: [String]
        let stepMs: Int64
        /// In seconds.
        let start: Int64

        init(group: Int, filter: LabelFilter, query: Query, start: Int64) {
            self.group = group
            self.filter = filter
            by = query.by
            stepMs = query.stepMs
            self.start = start
        }
    }

    /// Ends that are kept at most, some hundred KB each.
    static let most = 32

    let epoch: Int
    let placesChanged: Int
    /// Of the group, when it was last used: what changed later may be in it or not.
    private(set) var version: UInt64 = 0
    private let start: Int64
    /// Seconds before this are in, of each of the group's series that is asked for.
    private(set) var closed: Int64
    private(set) var buckets: GroupedBuckets
    /// By place in the group: how far its series is in.
    private var ends: [Int: Int64] = [:]

    init(_ view: LiveView, _ query: Query, _ seconds: Range<Int64>) {
        epoch = view.group.epoch
        placesChanged = view.group.placesChanged
        start = seconds.lowerBound
        closed = seconds.lowerBound
        buckets = GroupedBuckets(query)
    }

    /// It is true of the group now, and about to be brought up to date.
    mutating func begin(_ group: LiveGroup) { version = group.version }

    /// Whether the group still has what is in here.
    func isTrue(of view: LiveView, _ places: [Int]) -> Bool {
        guard epoch == view.group.epoch, placesChanged == view.group.placesChanged else { return false }
        return places.allSatisfy { place in
            let end = ends[place] ?? start
            let line = view.group.series[place].buckets
            return line.version <= version
                || !line.indices(in: start..<end).contains { line.versions[$0] > version }
        }
    }

    /// Merges what is missing of each series up to `end`; true where `atMost` buckets were merged and more are left.
    mutating func merge(_ view: LiveView, _ places: [Int], to end: Int64, _ work: inout Int, atMost: Int) -> Bool {
        for place in places {
            let from = ends[place] ?? start
            guard from < end else { continue }
            if work > atMost { return true }
            work += 1 + view.group.merge(from..<end, ofSeries: place, labels: view.labels, into: &buckets)
            ends[place] = end
        }
        closed = max(closed, end)
        return false
    }
}

extension LiveView {
    /// So long events are late as a rule, at most, in seconds.
    private static let lateness: Int64 = 30

    /// At `now`, up to where, of `seconds`, all is in the group itself and stays as it is but for what comes late.
    fileprivate func settledEnd(in seconds: Range<Int64>, now: Int64) -> Int64 {
        let settled = min(group.closedEnd(stepSeconds: group.stepSeconds), now - Self.lateness)
        return min(max(settled.rounded(downTo: group.stepSeconds), seconds.lowerBound), seconds.upperBound)
    }
}
