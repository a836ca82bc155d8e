internal import Analytics
internal import Service
internal import Wire

/// Reads the changed minutes of one partition and makes rows of them.
struct PartitionReader {
    /// What was made of one read.
    struct Read {
        var cursor: StreamID
        var rows: [MinuteRow] = []
        var settled: [SettledMinute] = []
        var heldBack = 0
    }

    /// A series of the partition.
    private struct Series {
        let labels: LabelSet
        /// How many series before it have the same labels, of another group of metrics.
        let rank: UInt64
    }

    /// A part of a record that cannot become a row, and why.
    private struct Unreadable: Error { let reason: String }

    let partition: Int
    let source: any CompactionSource
    let logger: Logger
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

    init(
        partition: Int, source: any CompactionSource, logger: Logger, cursor: StreamID, closedMs: Int64,
        minutes: [Int64], definitions: Definitions
    ) {
        self.partition = partition
        self.source = source
        self.logger = logger.with(["partition": "\(partition)"])
        self.cursor = cursor
        self.closedMs = closedMs
        self.minutes = minutes
        self.definitions = definitions
        index(definitions)
    }

    /// How far the watermark may go when every minute before `minute` is written but for those held back.
    func watermark(writtenBefore minute: Int64) -> Int64 { min(minute, heldBackMs ?? .max) }

    /// Reads a minute of `numbers`, at most 500.
    mutating func read(_ minute: Int64, _ numbers: [Int]) async throws(StoreError) -> Read {
        if numbers.contains(where: { series[$0] == nil }) {
            index(try await source.series(partition: partition))
        }
        let found = try await source.partials(
            partition: partition, minuteMs: minute, series: numbers, sets: definitions.sets)
        var read = Read(cursor: found.cursor)
        for partial in found.partials {
            do {
                let record = try record(of: partial)
                if record.sections.contains(where: { metrics[$0.metric] == nil }) {
                    // Definitions change before anything is counted by them, so whoever has read the one has the other.
                    if let newer = try await source.definitions(), newer.version != definitions.version { index(newer) }
                }
                read.rows += try rows(of: record, partial, minute)
                read.settled.append(
                    SettledMinute(minuteMs: minute, series: partial.series, version: partial.version))
            } catch let error as Unreadable {
                read.heldBack += 1
                heldBackMs = min(heldBackMs ?? minute, minute)
                logger.error(
                    "a minute of a series cannot be written and stays in Redis",
                    ["series": .int(partial.series), "minute_ms": .int(minute), "reason": "\(error.reason)"])
            } catch {
                throw error as? StoreError
                    ?? StoreError(.rejected, store: "redis", operation: "read minutes", detail: "\(error)")
            }
        }
        return read
    }

    private func record(of partial: MinutePartials.Partial) throws(Unreadable) -> Record {
        var record = Record()
        for bytes in partial.records {
            do {
                record.merge(try RecordCodec.decode(bytes))
            } catch {
                throw Unreadable(reason: "its \(error.what) cannot be read, at byte \(error.offset)")
            }
        }
        return record
    }

    private func rows(
        of record: Record, _ partial: MinutePartials.Partial, _ minute: Int64
    ) throws(Unreadable) -> [MinuteRow] {
        guard let series = series[partial.series] else { throw Unreadable(reason: "the series has no labels") }
        // After a metric has moved to another group, one (metric, label set) may come from two series, whose buckets were
        // made by the same batch: the rank keeps their generations apart.
        let generation = StreamID(
            ms: partial.generation.ms, sequence: partial.generation.sequence &+ series.rank)
        var rows: [MinuteRow] = []
        for section in record.sections {
            guard let metric = metrics[section.metric] else {
                throw Unreadable(reason: "metric number \(section.metric.rawValue) has no definition")
            }
            let aggregate = section.aggregate
            // A set without events is what an older minute has left.
            if aggregate.count == 0 { continue }
            guard aggregate.hits <= aggregate.count, aggregate.sketch.isEmpty || aggregate.range != nil else {
                throw Unreadable(reason: "what \(metric.name) counted contradicts itself")
            }
            rows.append(
                MinuteRow(
                    metric: metric.name, kind: metric.kind, labels: series.labels, minuteMs: minute,
                    generation: generation, version: partial.version, aggregate: aggregate))
        }
        return rows
    }

    private mutating func index(_ newer: Definitions) {
        definitions = newer
        metrics = Dictionary(newer.metrics.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func index(_ numbered: [NumberedSeries]) {
        var ranks: [LabelSet: UInt64] = [:]
        series = [:]
        series.reserveCapacity(numbered.count)
        for one in numbered.sorted(by: { $0.number < $1.number }) {
            let labels = one.key.labels.storable
            series[one.number] = Series(labels: labels, rank: ranks[labels, default: 0])
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
