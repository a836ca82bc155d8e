internal import Analytics

/// The merged series of one question that is asked now, kept up to date by deltas and shared by all who ask it.
///
/// Its buckets come from the ring where that reaches back far enough (`liveFrom`), and from a read of the stores before. From
/// the moment either is taken up, every delta is merged too, so that the group always stands where the followers stand:
/// ```
///           windowStart          liveFrom                     now
///   ────────────┼───────────────────┼───────────────────────────┼───▶ time
///               │  read of stores   │  ring, line by line       │
///   deltas:     │  kept in `late`   │  merged for lines whose ring part is in
/// ```
/// A group that is fed by a finer one (`LiveGroup+Feeding`) has in this way what lies before `closedBefore`, and the finer one the rest.
///
/// A read's partitions may stand ahead of the followers; it is held until they have reached its cursors. Then the deltas in
/// `late` that are newer than the read are merged on top.
final class LiveGroup {
    enum Phase {
        /// Nothing is there yet: the memory is not current, or a part of it was lost.
        case empty
        /// Lines below `lines` have their part of the ring in.
        case seeding(lines: Int)
        case ready
    }

    struct Series {
        let labels: LabelSet
        var buckets = BucketLine()
    }

    /// A delta inside a range that is being read.
    private struct Late {
        let partition: Int
        /// The cursor after its batch.
        let to: StreamID
        let line: Int
        let series: Int
        let start: Int64
        let aggregate: Aggregate
    }

    /// Deltas kept while a read is under way; past this the read is given up and done again.
    private static let maxLate = 100_000
    private static let excluded: Int32 = -1
    private static let unknown: Int32 = -2

    let question: LiveQuestion
    /// Another for each group that ever was.
    let number: Int
    private(set) var metric: MetricDefinition
    private(set) var phase = Phase.empty
    /// Grows with every start from nothing: who has seen another number needs a snapshot.
    private(set) var epoch = 0
    /// The version in which anything last changed.
    private(set) var version: UInt64 = 0
    var series: [Series] = []
    /// More series match than are kept.
    private(set) var isTruncated = false
    /// Start of the first bucket kept, in seconds.
    private(set) var windowStart: Int64 = 0
    /// From this second on the ring gave the buckets.
    private(set) var liveFrom: Int64 = 0
    /// The seconds that are being read from the stores.
    private(set) var reading: Range<Int64>?
    /// Tiers the stores' part came from, and what was missing there.
    private(set) var tiers: [String] = []
    private(set) var degraded: [String] = []
    /// Seconds whose history changed since it was read; whole buckets.
    private(set) var outdated: Range<Int64>?
    /// The version in which the owner last noted a change.
    var changedIn: UInt64 = 0
    /// Length of a bucket: what was asked for, or what the stores still hold of so long a window.
    private(set) var stepSeconds: Int64
    /// The finer group of the same labels whose seconds are merged into this one when they are over; nil where each delta is.
    private(set) var source: LiveGroup?
    /// What begins here or later is in `source` only; everything where there is none.
    var closedBefore: Int64
    /// Nobody gives it deltas any more.
    var isDropped = false
    /// Grows when a place in `series` is given to another.
    private(set) var placesChanged = 0
    private let grouping: GroupedBuckets
    private var seriesByLabels: [LabelSet: Int] = [:]
    private var seriesOfLine: [Int32] = []
    /// Label sets that found no room while they had events.
    private var refused: Set<LabelSet> = []
    private var late: [Late] = []
    private var lateOverflowed = false
    /// Lines that the catalog had when the read began.
    private var linesKnown = 0

    init(_ question: LiveQuestion, metric: MetricDefinition, number: Int = 0, source: LiveGroup? = nil) {
        self.source = source
        closedBefore = source == nil ? .max : 0
        self.question = question
        self.number = number
        self.metric = metric
        stepSeconds = question.stepSeconds
        grouping = GroupedBuckets(by: question.by, stepMs: question.stepSeconds * 1000)
    }

    var isReady: Bool { if case .ready = phase { true } else { false } }

    /// All that matches is there and none of it is to be read again.
    var isWhole: Bool {
        isReady && !isTruncated && outdated == nil && reading == nil && degraded.isEmpty && !isDropped && isFed
    }

    /// Starts from nothing, with buckets from `windowStart` on; those from `liveFrom` on come from the ring, or from `closedBefore` on
    /// from `source`.
    func begin(windowStart: Int64, liveFrom: Int64, closedBefore: Int64 = .max, linesKnown: Int) {
        forget()
        self.linesKnown = linesKnown
        self.windowStart = windowStart
        self.liveFrom = max(windowStart, liveFrom)
        self.closedBefore = source == nil ? .max : max(closedBefore, self.liveFrom)
        phase = .seeding(lines: 0)
        reading = windowStart < self.liveFrom ? windowStart..<self.liveFrom : nil
    }

    /// Drops everything: what it stood on is gone.
    func forget() {
        epoch += 1
        phase = .empty
        series = []
        seriesByLabels = [:]
        seriesOfLine = []
        refused = []
        isTruncated = false
        reading = nil
        late = []
        lateOverflowed = false
        outdated = nil
        tiers = []
        degraded = []
    }

    /// The stores hold the window in longer buckets only: begins anew with these.
    func rise(toStep seconds: Int64) {
        stepSeconds = seconds
        forget()
    }

    /// Answers by another definition from now on.
    func redefine(_ metric: MetricDefinition) {
        self.metric = metric
        forget()
    }

    /// Takes one line's part of the ring; lines come in order.
    func seed(line: Int, from ring: Ring, minutes: Ring, catalog: SeriesCatalog, version: UInt64) {
        defer { phase = .seeding(lines: line + 1) }
        ring.forEachAggregate(of: metric.id, line: line, from: liveFrom, to: min(ring.end, closedBefore)) {
            second, aggregate in
            guard let index = seriesIndex(line: line, catalog: catalog) else { return }
            merge(aggregate, into: index, second: second, version: version)
        }
        guard metric.kind.keepsSets else { return }
        // Steps of such a metric are whole minutes.
        minutes.forEachAggregate(of: metric.id, line: line, from: liveFrom / 60, to: minutes.end) { minute, aggregate in
            guard let index = seriesIndex(line: line, catalog: catalog) else { return }
            merge(aggregate, into: index, second: minute * 60, version: version)
        }
    }

    /// The ring is in; without a read under way the group is ready.
    func endSeeding() {
        phase = .seeding(lines: .max)
        if reading == nil { becomeReady() }
    }

    /// Merges one delta; true where a bucket that is shown has changed.
    func apply(_ delta: LiveDelta, catalog: SeriesCatalog, version: UInt64) -> Bool {
        guard delta.second < closedBefore else { return false }
        let start = bucketStart(delta.second)
        if case .empty = phase { return false }
        guard start >= windowStart, let aggregate = delta.record[metric.id],
            let index = seriesIndex(line: delta.line, catalog: catalog)
        else { return false }
        if let reading, reading.contains(start) {
            if late.count < Self.maxLate {
                late.append(
                    Late(
                        partition: delta.partition, to: delta.to, line: delta.line, series: index, start: start,
                        aggregate: aggregate))
            } else {
                lateOverflowed = true
            }
            if !isReady { return false }
        } else if delta.line >= seededLines {
            return false  // the ring has it, and the line's turn comes
        }
        merge(aggregate, into: index, second: delta.second, version: version)
        return isReady
    }

    /// Says that `range`, of whole buckets, is about to be read: again, or for the first time once the ring is in.
    func beginReading(_ range: Range<Int64>, linesKnown: Int) {
        self.linesKnown = linesKnown
        reading = range
        late = []
        lateOverflowed = false
    }

    /// The read failed: what was shown stays, and is to be read again; what was not begins anew.
    func giveUpReading() {
        guard isReady else {
            forget()
            return
        }
        if let reading { outdate(reading) }
        endReading()
    }

    /// The stores' part from `range` on is not what was read.
    func outdate(_ range: Range<Int64>) {
        let from = max(bucketStart(range.lowerBound), windowStart)
        let to = range.upperBound.rounded(upTo: stepSeconds)
        guard from < to else { return }
        let known = outdated ?? from..<to
        outdated = min(known.lowerBound, from)..<max(known.upperBound, to)
    }

    /// The stores' part was incomplete: all of it is to be read again.
    func readAgain() {
        if windowStart < liveFrom { outdate(windowStart..<liveFrom) }
    }

    /// The seconds to read again, which count as read from now on.
    func takeOutdated() -> Range<Int64>? {
        defer { outdated = nil }
        guard let range = outdated, range.upperBound > windowStart else { return nil }
        return max(range.lowerBound, windowStart)..<range.upperBound
    }

    private func endReading() {
        reading = nil
        late = []
        lateOverflowed = false
    }

    /// Takes what was read. The followers must have reached the read's cursors.
    ///
    /// Returns false where what came in between leaves it unsure what the read holds: read again.
    func install(_ read: HistoryPart, version: UInt64) -> Bool {
        guard let range = reading, !lateOverflowed else { return false }
        var fresh: [LabelSet: [Int64: Aggregate]] = read.buckets
        for delta in late {
            switch read.holds(partition: delta.partition, to: delta.to) {
            case false: break
            // The read asked for the series that were known; of one that came up meanwhile it may have nothing.
            case true where delta.line < linesKnown: continue
            default: return false
            }
            fresh[series[delta.series].labels, default: [:]][delta.start, default: Aggregate()].merge(delta.aggregate)
        }
        for labels in fresh.keys where seriesByLabels[labels] == nil && !refused.contains(labels) {
            if isReady && series.count >= question.limit {
                isTruncated = true
                refused.insert(labels)
            } else {
                addSeries(labels)
            }
        }
        var isTold = true
        for index in series.indices {
            let buckets = fresh[series[index].labels] ?? [:]
            isTold = series[index].buckets.replace(range, by: buckets, version: version) && isTold
        }
        endReading()
        self.version = version
        tiers = read.tiers
        degraded = read.degraded
        if !isReady {
            becomeReady()
        } else if !isTold {
            epoch += 1
        }
        return true
    }

    /// Moves the window on: what falls out is forgotten here, and sent to nobody.
    func advance(windowStart: Int64) {
        guard windowStart > self.windowStart, isReady else { return }
        self.windowStart = windowStart
        for index in series.indices { series[index].buckets.drop(before: windowStart) }
    }

    /// Start of the bucket that holds `second`.
    func bucketStart(_ second: Int64) -> Int64 { second.rounded(downTo: stepSeconds) }

    private var seededLines: Int { if case .seeding(let lines) = phase { lines } else { .max } }

    func merge(_ aggregate: Aggregate, into index: Int, second: Int64, version: UInt64) {
        series[index].buckets.merge(aggregate, at: bucketStart(second), version: version)
        self.version = version
    }

    /// The series a line belongs to; nil where the question leaves it out. Words are compared once a line.
    private func seriesIndex(line: Int, catalog: SeriesCatalog) -> Int? {
        while seriesOfLine.count <= line { seriesOfLine.append(Self.unknown) }
        if seriesOfLine[line] == Self.unknown { seriesOfLine[line] = lookUp(catalog.key(ofLine: line)) }
        return seriesOfLine[line] < 0 ? nil : Int(seriesOfLine[line])
    }

    private func lookUp(_ key: SeriesKey) -> Int32 {
        guard metric.isIn(group: key.group), question.filter.matches(key.labels) else { return Self.excluded }
        return place(of: grouping.group(of: key.labels)).map(Int32.init) ?? Self.excluded
    }

    /// The series of these labels; nil where there is no room for it.
    func place(of labels: LabelSet) -> Int? {
        if let known = seriesByLabels[labels] { return known }
        // While it starts, all are needed to know the heaviest; afterwards a new one comes in only where there is room.
        if isReady && series.count >= question.limit && !refused.contains(labels) {
            if let place = replaceEmptySeries(by: labels) { return place }
            isTruncated = true
            refused.insert(labels)
        }
        // Some of its events are missing, and a part must not be shown as the whole.
        return refused.contains(labels) ? nil : addSeries(labels)
    }

    @discardableResult
    private func addSeries(_ labels: LabelSet) -> Int {
        series.append(Series(labels: labels))
        seriesByLabels[labels] = series.count - 1
        return series.count - 1
    }

    /// Gives the place of a series that has nothing left in the window to another.
    private func replaceEmptySeries(by labels: LabelSet) -> Int? {
        guard reading == nil, let index = series.firstIndex(where: \.buckets.isEmpty) else { return nil }
        seriesByLabels[series[index].labels] = nil
        for line in seriesOfLine.indices where seriesOfLine[line] == Int32(index) {
            seriesOfLine[line] = Self.unknown
        }
        series[index] = Series(labels: labels)
        placesChanged += 1
        seriesByLabels[labels] = index
        return index
    }

    private func becomeReady() {
        if series.count > question.limit { keepHeaviest() }
        phase = .ready
    }

    private func keepHeaviest() {
        let ranked = series.map { (series: $0, events: $0.buckets.eventCount) }.sorted { $0.events > $1.events }
        for dropped in ranked.dropFirst(question.limit) { refused.insert(dropped.series.labels) }
        series = ranked.prefix(question.limit).map(\.series)
        seriesByLabels = [:]
        for (index, kept) in series.enumerated() { seriesByLabels[kept.labels] = index }
        seriesOfLine = []
        placesChanged += 1
        isTruncated = true
    }
}
