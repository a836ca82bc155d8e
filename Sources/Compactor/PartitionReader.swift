internal import Analytics
internal import Service
internal import Wire

/// What was read of a partition for one transaction.
struct ReadBatch: Sendable {
    var history: HistoryBatch
    var settled: [SettledMinute] = []
    /// Where Redis stood with the last read, and when that had returned (monotonic, ns).
    var cursor: StreamID
    var readNs: UInt64 = 0
    /// The greatest of the versions read.
    var newestVersion = StreamID.zero
    /// Minutes of which the last was read.
    var minutes = 0
    var heldBack = 0
}

/// Reads the changed minutes of one partition and makes rows of them, batch by batch.
struct PartitionReader: Sendable {
    /// A series of the partition.
    private struct Series {
        let labels: LabelSet
        /// Of its group of metrics.
        let sets: [MetricSet]
        /// How many series before it have the same labels, of another group of metrics.
        let rank: UInt64
    }

    /// Where the metrics of the series at hand stand among the origins of a batch. There are a few, and the next record is nearly always
    /// of the same series.
    private struct Origins {
        private(set) var series = -1
        private(set) var rank: UInt64 = 0
        private var metrics: [MetricID] = []
        private var places: [Int] = []

        mutating func begin(_ series: Int, rank: UInt64) {
            self.series = series
            self.rank = rank
            metrics.removeAll(keepingCapacity: true)
            places.removeAll(keepingCapacity: true)
        }

        func knows(_ metric: MetricID) -> Bool { metrics.contains(metric) }

        mutating func add(_ metric: MetricID, _ place: Int) {
            metrics.append(metric)
            places.append(place)
        }

        /// Of a metric that it knows.
        func place(of metric: MetricID) -> Int {
            guard let index = metrics.firstIndex(of: metric) else { preconditionFailure("a metric without an origin") }
            return places[index]
        }
    }

    /// A part of a record that cannot become a row, and why.
    private struct Unreadable: Error { let reason: String }

    /// Minutes of series in one read: some 3 ms of Redis' time.
    private static let minutesPerRead = 2_000
    /// Minutes of series that are read one after the other for one transaction, before it is looked whether it is full.
    private static let minutesPerSlice = 2_000
    private static let tenMinutesMs: Int64 = 600_000

    /// Changed minutes of the same hour. They are written series by series: an hour that has been rolled up is then rolled up again
    /// once for each, and their rows lie side by side.
    private struct Hour {
        let endMs: Int64
        /// From the first to the last changed minute of each ten, which Redis keeps together.
        let tens: [Range<Int64>]
        /// Series that changed in one of them, but for those that `withSets` has.
        var series: ArraySlice<Int> = []
        /// Those that have sets, which cost Redis more.
        var withSets: ArraySlice<Int> = []

        /// The next series of one kind; nil where none are left.
        mutating func next() -> [Int]? {
            let lengths = tens.map { Int(($0.upperBound - $0.lowerBound) / 60_000) }
            let longest = lengths.max() ?? 1
            let all = lengths.reduce(0, +)
            let count = max(1, min(PartitionReader.minutesPerRead / longest, PartitionReader.minutesPerSlice / all))
            if series.isEmpty {
                defer { withSets = withSets.dropFirst(count) }
                return withSets.isEmpty ? nil : Array(withSets.prefix(count))
            }
            defer { series = series.dropFirst(count) }
            return Array(series.prefix(count))
        }
    }

    let partition: Int
    let source: any CompactionSource
    let logger: Logger
    let time: TimeSource
    /// As the pass found it.
    let cursor: StreamID
    /// The end of the last minute that is over.
    let closedMs: Int64
    /// Those that have changed and are over, ascending.
    let minutes: [Int64]

    private var definitions: Definitions
    private var metrics: [MetricID: MetricDefinition] = [:]
    private var series: [Int: Series] = [:]
    /// The first minute that cannot be written whole.
    private var heldBackMs: Int64?
    /// Minutes that were read whole.
    private var minutesRead = 0
    private var fold = RecordFold()
    /// Among the partials at hand: for the one here it was looked whether there are newer definitions.
    private var unknownIsFinal: Int?
    /// What is still to be read of the minutes at hand.
    private var hour: Hour?
    private var isFinished = false

    init(
        partition: Int, source: any CompactionSource, logger: Logger, time: TimeSource, cursor: StreamID,
        closedMs: Int64, minutes: [Int64], definitions: Definitions
    ) {
        self.partition = partition
        self.source = source
        self.logger = logger.with(["partition": "\(partition)"])
        self.time = time
        self.cursor = cursor
        self.closedMs = closedMs
        self.minutes = minutes
        self.definitions = definitions
        index(definitions)
    }

    /// The next rows, some `maxRows` or all that are left, and how far the watermark may go with them; nil where none are left.
    /// The last batch may have no rows: it moves the watermark.
    mutating func next(maxRows: Int) async throws(StoreError) -> ReadBatch? {
        if isFinished { return nil }
        var batch = ReadBatch(history: HistoryBatch(partition: partition), cursor: cursor)
        batch.history.rows.reserve(maxRows + Self.minutesPerRead)
        while minutesRead < minutes.count {
            var hour: Hour
            if let open = self.hour { hour = open } else { hour = try await nextHour() }
            while let some = hour.next() {
                self.hour = hour
                for ten in hour.tens { try await read(ten, some, into: &batch) }
                guard batch.history.rows.count >= maxRows else { continue }
                // No minute of these is written whole until the last series is.
                batch.history.watermarkMs = watermark(writtenBefore: hour.tens[0].lowerBound)
                return batch
            }
            self.hour = nil
            while minutesRead < minutes.count, minutes[minutesRead] < hour.endMs {
                minutesRead += 1
                batch.minutes += 1
            }
        }
        isFinished = true
        batch.history.watermarkMs = watermark(writtenBefore: closedMs)
        return batch
    }

    /// The next changed minutes of the same hour, and the series that changed in them.
    private mutating func nextHour() async throws(StoreError) -> Hour {
        let endMs = StepLadder.floor(minutes[minutesRead], HistoryResolution.hour.ms) + HistoryResolution.hour.ms
        var tens: [Range<Int64>] = []
        var changed: Set<Int> = []
        for minute in minutes[minutesRead...] where minute < endMs {
            changed.formUnion(try await source.dirtySeries(partition: partition, minuteMs: minute))
            if let last = tens.last, StepLadder.floor(last.lowerBound, Self.tenMinutesMs) + Self.tenMinutesMs > minute {
                tens[tens.count - 1] = last.lowerBound..<minute + 60_000
            } else {
                tens.append(minute..<minute + 60_000)
            }
        }
        if changed.contains(where: { series[$0] == nil }) {
            index(try await source.series(partition: partition))
        }
        let sorted = changed.sorted()
        return Hour(
            endMs: endMs, tens: tens, series: sorted.filter { series[$0]?.sets.isEmpty ?? false }[...],
            withSets: sorted.filter { !(series[$0]?.sets.isEmpty ?? false) }[...])
    }

    /// How far the watermark may go when every minute before `minute` is written but for those held back.
    private func watermark(writtenBefore minute: Int64) -> Int64 { min(minute, heldBackMs ?? .max) }

    /// Reads minutes of `numbers`.
    private mutating func read(
        _ minutesMs: Range<Int64>, _ numbers: [Int], into batch: inout ReadBatch
    ) async throws(StoreError) {
        let hasSets = numbers.contains { series[$0].map { !$0.sets.isEmpty } ?? true }
        let found = try await source.partials(
            partition: partition, minutesMs: minutesMs, series: numbers, sets: hasSets ? definitions.sets : [])
        // Taken after the read, so that what it saw is at least so old.
        batch.readNs = time.monotonicNs()
        batch.cursor = found.cursor
        var place = 0
        while let stopped = append(found, from: &place, into: &batch) {
            // Definitions change before anything is counted by them, so whoever has read the one has the other.
            if let newer = try await source.definitions(), newer.version != definitions.version { index(newer) }
            place = stopped
            unknownIsFinal = stopped
        }
        unknownIsFinal = nil
    }

    /// Appends the rows of the partials from `place` on; where one of them has a metric without a definition, and it was not yet looked
    /// whether there are newer ones, it stops and says at which.
    private mutating func append(
        _ found: MinutePartials, from place: inout Int, into batch: inout ReadBatch
    ) -> Int? {
        var origins = Origins()
        while place < found.partials.count {
            let partial = found.partials[place]
            do {
                guard
                    try append(
                        partial, found.bytes.span, isFinal: unknownIsFinal == place, &origins, to: &batch.history.rows)
                else { return place }
                batch.settled.append(
                    SettledMinute(minuteMs: partial.minuteMs, series: partial.series, version: partial.version))
                batch.newestVersion = max(batch.newestVersion, partial.version)
            } catch {
                batch.heldBack += 1
                heldBackMs = min(heldBackMs ?? partial.minuteMs, partial.minuteMs)
                logger.error(
                    "a minute of a series cannot be written and stays in Redis",
                    ["series": .int(partial.series), "minute_ms": .int(partial.minuteMs), "reason": "\(error.reason)"])
            }
            place += 1
        }
        return nil
    }

    /// Appends the rows of a record: all, or none where it throws; false where a metric has no definition and that is not final.
    private mutating func append(
        _ partial: MinutePartials.Partial, _ bytes: Span<UInt8>, isFinal: Bool, _ origins: inout Origins,
        to rows: inout MinuteRows
    ) throws(Unreadable) -> Bool {
        do {
            try fold.read(bytes, partial.record)
        } catch {
            let offset = error.offset - partial.record.lowerBound
            throw Unreadable(reason: "its \(error.what) cannot be read, at byte \(offset)")
        }
        if origins.series != partial.series {
            guard let series = series[partial.series] else { throw Unreadable(reason: "the series has no labels") }
            origins.begin(partial.series, rank: series.rank)
        }
        for index in 0..<fold.count {
            let number = fold.metric(index)
            if !origins.knows(number) {
                guard let metric = metrics[number] else {
                    if !isFinal { return false }
                    throw Unreadable(reason: "metric number \(number.rawValue) has no definition")
                }
                guard let labels = series[partial.series]?.labels else { continue }
                let slot = MinuteRows.Slot(partition: partition, series: partial.series, metric: number)
                origins.add(
                    number, rows.add(.init(slot: slot, metric: metric.name, kind: metric.kind, labels: labels)))
            }
            guard fold.isConsistent(index) else {
                let name = metrics[number]?.name ?? "a metric"
                throw Unreadable(reason: "what \(name) counted contradicts itself")
            }
        }
        // After a metric has moved to another group, one (metric, label set) may come from two series, whose buckets were
        // made by the same batch: the rank keeps their generations apart.
        let generation = StreamID(
            ms: partial.generation.ms, sequence: partial.generation.sequence &+ origins.rank)
        // A set without events is what an older minute has left.
        for index in 0..<fold.count where fold.eventCount(index) > 0 {
            fold.append(
                index, to: &rows, origin: origins.place(of: fold.metric(index)), minuteMs: partial.minuteMs,
                generation: generation, version: partial.version)
        }
        return true
    }

    private mutating func index(_ newer: Definitions) {
        definitions = newer
        metrics = Dictionary(newer.metrics.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func index(_ numbered: [NumberedSeries]) {
        var ranks: [LabelSet: UInt64] = [:]
        series = [:]
        series.reserveCapacity(numbered.count)
        let sets = definitions.sets.compactMap { set in metrics[set.metric].map { (set, $0) } }
        for one in numbered.sorted(by: { $0.number < $1.number }) {
            let labels = one.key.labels.storable
            series[one.number] = Series(
                labels: labels, sets: sets.filter { $0.1.isIn(group: one.key.group) }.map(\.0),
                rank: ranks[labels, default: 0])
            ranks[labels, default: 0] += 1
        }
    }
}

extension LabelSet {
    /// The labels as PostgreSQL can hold them, whose texts have no U+0000.
    fileprivate var storable: LabelSet {
        guard labels.contains(where: { $0.name.utf8.contains(0) || $0.value.utf8.contains(0) }) else { return self }
        return LabelSet(
            labels.map {
                Label(
                    name: $0.name.replacing("\0", with: "\u{FFFD}"), value: $0.value.replacing("\0", with: "\u{FFFD}"))
            })
    }
}
