internal import Analytics
internal import Wire

/// What a front holds in memory of all partitions: catalog, ring, where each follower stands, and the groups asked now.
///
/// Pure: whoever reads the stores feeds it, whoever talks to clients asks what has changed. One owner, one thread.
final class LiveMemory {
    let catalog = SeriesCatalog()
    private(set) var ring: Ring
    /// The sets of minutes, by the number of the minute since 1970 instead of the second.
    private(set) var minutes: Ring
    /// By partition.
    private(set) var followers: [FollowerMachine] = []
    /// Grows whenever something that was held is lost.
    private(set) var epoch = 0
    private var groupsMade = 0
    /// Counts changes; buckets remember the one that changed them.
    private(set) var version: UInt64 = 1
    /// Time of the newest event applied, ms since 1970; 0 where there is none.
    private(set) var newestMs: Int64 = 0
    /// Deltas and records that could not be read.
    private(set) var damagedCount = 0
    private(set) var groups: [LiveQuestion: LiveGroup] = [:]
    /// Those of them that stand, by metric.
    private(set) var standing: [String: [LiveGroup]] = [:]
    /// Values made of standing groups that are kept for who asks again.
    let values = ValueCache()
    /// Groups by what they keep, whatever their windows.
    private var groupsByContent: [LiveQuestion.Content: [LiveGroup]] = [:]
    /// Groups by the group of metrics they read, as the catalog numbers those.
    private var readers: [[LiveGroup]] = []
    private let cache: HistoryCache?
    /// The clock, in seconds.
    private var now: Int64
    private var selections: [Selection: [Int]] = [:]
    private var selectionsChecked: [Selection: Int] = [:]

    /// So many new series are looked at; with more the index is asked again, which does not look at each.
    private static let fewAdded = 32

    /// Which series of a group of metrics a filter lets through.
    private struct Selection: Hashable {
        let group: Int
        let filter: LabelFilter
    }

    /// What became of a batch.
    enum Outcome {
        /// These groups have changed.
        case applied(changed: [LiveGroup])
        /// Something before it, or about it, is missing: the partition must be read anew.
        case gap
    }

    /// `cache` is told what changes in history.
    init(now second: Int64, maxRingBytes: Int, cache: HistoryCache? = nil) {
        now = second
        self.cache = cache
        let start = second - Ring.seconds
        ring = Ring(start: start, maxBytes: maxRingBytes)
        minutes = Ring(start: Self.minute(start), maxBytes: maxRingBytes / 4)
    }

    /// Every partition is in memory, up to where its follower stands.
    var isCurrent: Bool { !followers.isEmpty && followers.allSatisfy { $0.phase == .current } }

    /// Adds the next partition, of which nothing is held yet; returns its number.
    func addPartition() -> Int {
        forgetGroups()
        followers.append(FollowerMachine())
        return followers.count - 1
    }

    /// The followers have reached these cursors.
    func hasReached(_ cursors: [ClosedRange<StreamID>?]) -> Bool {
        for (partition, cursors) in cursors.enumerated() {
            if let cursors, partition < followers.count, followers[partition].reached < cursors.upperBound {
                return false
            }
        }
        return true
    }

    /// The stores were read at these cursors, to which the followers must come.
    func saw(_ cursors: [ClosedRange<StreamID>?]) {
        for (partition, cursors) in cursors.enumerated() {
            guard let cursors, partition < followers.count else { continue }
            followers[partition].saw(cursors.lowerBound)
            followers[partition].saw(cursors.upperBound)
        }
    }

    // MARK: Rebuilding a partition

    /// A partition is about to be read anew: what is held of it goes, and with it every group that holds a part of it.
    func begin(partition: Int, position: StreamID, series: [NumberedSeries]) {
        for line in catalog.lines(ofPartition: partition) {
            ring.drop(line: line)
            minutes.drop(line: line)
        }
        catalog.replace(partition: partition, by: series)
        followers[partition].begin(position: position)
        forgetGroups()
    }

    /// Takes a part of a partition: the seconds of the series with numbers below `end` and not in the part before.
    ///
    /// Returns false where the store went back meanwhile.
    func load(partition: Int, numbersBelow end: Int, _ read: RecentBuckets) -> Bool {
        guard followers[partition].read(numbersBelow: end, cursor: read.state.cursor) else { return false }
        ring.advance(to: read.state.horizonSecond)
        minutes.advance(to: Self.minute(read.state.horizonSecond))
        newestMs = max(newestMs, read.state.newestMs)
        for bucket in read.buckets {
            guard let line = catalog.line(partition: partition, number: bucket.series) else { continue }
            catalog.saw(line: line, second: bucket.second)
            _ = ring.add(bucket.record, line: line, second: bucket.second)
        }
        for bucket in read.sets {
            guard let line = catalog.line(partition: partition, number: bucket.series) else { continue }
            _ = minutes.add(bucket.record, line: line, second: Self.minute(bucket.second))
        }
        return true
    }

    /// A series appeared while its partition was read.
    func add(_ series: NumberedSeries, partition: Int) { catalog.add(series, partition: partition) }

    /// All parts of a partition have been taken.
    func loaded(partition: Int) { followers[partition].loaded() }

    /// What is held of a partition cannot be relied on any more.
    func lose(partition: Int) {
        followers[partition].lose()
        forgetGroups()
    }

    private func forgetGroups() {
        epoch += 1
        cache?.forgetAll()
        for group in groups.values { group.forget() }
    }

    /// Follows newer definitions; groups whose metric is another now start from nothing.
    func define(_ definitions: Definitions) {
        catalog.define(definitions)
        for group in groups.values {
            if let metric = definitions[group.question.metric], metric != group.metric { group.redefine(metric) }
        }
        readers = []
    }

    // MARK: Following

    /// Merges a batch into the ring and the groups.
    func take(_ batch: LiveBatch, partition: Int) -> Outcome {
        let verdict = followers[partition].take(batch)
        if case .gap = verdict {
            forgetGroups()
            return .gap
        }
        for range in batch.settled {
            cache?.forget(range)
            outdate(range)
        }
        for numbered in batch.newSeries { catalog.add(numbered, partition: partition) }
        guard case .new = verdict else { return .applied(changed: []) }
        version += 1
        newestMs = max(newestMs, batch.newestMs)
        var changed: [LiveGroup] = []
        let catchesUp = followers[partition].phase == .catchingUp
        for (bucket, isSet) in batch.deltas.map({ ($0, false) }) + batch.setDeltas.map({ ($0, true) }) {
            if catchesUp && followers[partition].hasRead(number: bucket.series, to: batch.to) { continue }
            guard let line = catalog.line(partition: partition, number: bucket.series) else {
                lose(partition: partition)
                return .gap
            }
            guard let record = try? RecordCodec.decode(bucket.record) else {
                damagedCount += 1
                continue
            }
            if isSet {
                _ = minutes.add(bucket.record, line: line, second: Self.minute(bucket.second))
            } else {
                catalog.saw(line: line, second: bucket.second)
                _ = ring.add(bucket.record, line: line, second: bucket.second)
            }
            let delta = LiveDelta(
                partition: partition, to: batch.to, line: line, second: bucket.second, record: record)
            for group in readers(of: catalog.lines[line].group) {
                if group.apply(delta, catalog: catalog, version: version) && group.changedIn != version {
                    group.changedIn = version
                    changed.append(group)
                }
            }
        }
        followers[partition].settle()
        return .applied(changed: changed)
    }

    /// Moves the ring and all windows on to `second`; returns the groups that have to be filled anew.
    @discardableResult
    func advance(to second: Int64) -> [LiveGroup] {
        now = second
        // First, so that what leaves a finer group's window is in those that it feeds.
        var broken: [LiveGroup] = []
        for group in groups.values where group.source != nil {
            if !group.close(before: second - LiveGroup.openSeconds, version: nextVersion()) { broken.append(group) }
        }
        ring.advance(to: second - Ring.seconds)
        minutes.advance(to: Self.minute(second - Ring.seconds))
        for group in groups.values {
            group.advance(windowStart: windowStart(group, now: second))
        }
        return broken
    }

    /// Start of the first bucket that a group's window shows.
    func windowStart(_ group: LiveGroup, now second: Int64) -> Int64 {
        group.bucketStart(second - group.question.windowSeconds)
    }

    /// History has changed: what groups have read of it is to be read again. It is asked for the time before an hour ago only.
    private func outdate(_ rangeMs: Range<Int64>) {
        let from = rangeMs.lowerBound.rounded(downTo: 1000) / 1000
        let to = min(rangeMs.upperBound.rounded(upTo: 1000) / 1000, now - 3600 + 60)
        guard from < to else { return }
        for group in groups.values where group.isReady { group.outdate(from..<to) }
    }

    /// Up to here PostgreSQL answers, by the minute, once it has it all: standing groups begin behind it, and grow.
    private static func boundary(now second: Int64) -> Int64 {
        (second - 3_600).rounded(downTo: HistoryPieces.shortestMs / 1_000)
    }

    static func minute(_ second: Int64) -> Int64 { second.rounded(downTo: 60) / 60 }

    /// The second from which on all of a metric is held.
    func start(of metric: MetricDefinition) -> Int64 {
        metric.kind.keepsSets ? max(ring.start, minutes.start * 60) : ring.start
    }

    // MARK: Groups

    /// The group that answers `question`; made where nobody asks it yet, to be fed by `source`.
    func group(_ question: LiveQuestion, metric: MetricDefinition, source: LiveGroup? = nil) -> LiveGroup {
        if let known = groups[question] { return known }
        groupsMade += 1
        let group = LiveGroup(question, metric: metric, number: groupsMade, source: source)
        groups[question] = group
        if question.isStanding { standing[question.metric, default: []].append(group) }
        groupsByContent[question.content, default: []].append(group)
        readers = []
        return group
    }

    /// The groups that keep the same, whatever their windows.
    func groups(_ content: LiveQuestion.Content) -> [LiveGroup] { groupsByContent[content] ?? [] }

    /// A whole group that keeps the same from `second` on or before, and leaves no series out; nil where there is none.
    func group(_ content: LiveQuestion.Content, from second: Int64) -> LiveGroup? {
        groupsByContent[content]?.first {
            $0.isWhole && $0.stepSeconds == content.stepSeconds && $0.windowStart <= second
        }
    }

    /// The same from a group of a step that divides this one; the coarsest such.
    func finerGroup(_ content: LiveQuestion.Content, from second: Int64) -> LiveGroup? {
        for stepMs in StepLadder.all.reversed() {
            let step = stepMs / 1_000
            guard step < content.stepSeconds, content.stepSeconds.isMultiple(of: step) else { continue }
            let finer = LiveQuestion.Content(
                metric: content.metric, by: content.by, filter: content.filter, stepSeconds: step)
            if let group = group(finer, from: second) { return group }
        }
        return nil
    }

    /// Drops a group nobody asks for any more.
    func drop(_ question: LiveQuestion) {
        groups.removeValue(forKey: question)?.isDropped = true
        if question.isStanding { standing[question.metric]?.removeAll { $0.question == question } }
        groupsByContent[question.content]?.removeAll { $0.question == question }
        if groupsByContent[question.content]?.isEmpty ?? false { groupsByContent[question.content] = nil }
        readers = []
    }

    /// The groups that read a group of metrics.
    private func readers(of group: Int) -> [LiveGroup] {
        while readers.count <= group {
            let name = catalog.groupNames[readers.count]
            readers.append(groups.values.filter { $0.metric.isIn(group: name) })
        }
        return readers[group]
    }

    /// Starts a group from nothing; its ring part begins where the ring surely still is when all of it has been taken.
    func begin(_ group: LiveGroup, now second: Int64) {
        let safe = start(of: group.metric) + 8
        group.begin(
            windowStart: max(
                windowStart(group, now: second), group.question.isStanding ? Self.boundary(now: second) : 0),
            liveFrom: safe.rounded(upTo: group.stepSeconds),
            closedBefore: max(second - LiveGroup.openSeconds, group.source?.windowStart ?? 0),
            linesKnown: catalog.lines.count)
    }

    /// Takes the next lines of the ring into a group, about `work` seconds of events; true when all are in.
    func seed(_ group: LiveGroup, from line: Int, work: Int) -> Int? {
        var line = line
        var left = work
        while line < catalog.lines.count {
            guard left > 0 else { return line }
            if group.metric.isIn(group: catalog.groupNames[catalog.lines[line].group]) {
                left -= 1 + ring.count(line: line)
                group.seed(line: line, from: ring, minutes: minutes, catalog: catalog, version: version)
            }
            line += 1
        }
        group.endSeeding()
        return nil
    }

    /// Counts a change that comes from a read.
    func nextVersion() -> UInt64 {
        version += 1
        return version
    }

    // MARK: Selection

    /// The series of a metric that a filter lets through, by their indices in the catalog.
    func select(_ metric: MetricDefinition, _ filter: LabelFilter) -> [Int] {
        ([metric.group.name] + metric.formerGroups).flatMap { name in
            catalog.group(named: name).map { select(group: $0, filter) } ?? []
        }
    }

    private func select(group: Int, _ filter: LabelFilter) -> [Int] {
        let selection = Selection(group: group, filter: filter)
        if selections.count > 1_000 {
            selections = [:]
            selectionsChecked = [:]
        }
        let all = catalog.everySeries(ofGroup: group)
        let checked = selectionsChecked[selection] ?? 0
        if all.count - checked > Self.fewAdded {
            selections[selection] = catalog.select(group: group, filter)
            selectionsChecked[selection] = all.count
        } else if checked < all.count {
            let added = all[checked...].filter { filter.matches(catalog.series[$0].key.labels) }
            selections[selection, default: []].append(contentsOf: added)
            selectionsChecked[selection] = all.count
        }
        return selections[selection] ?? []
    }
}
