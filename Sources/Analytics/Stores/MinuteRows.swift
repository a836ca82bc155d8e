/// Rows of one batch, flat: numbers side by side, sketches one behind the other as bytes, and only what few rows have apart.
///
/// A pass makes millions of rows and looks at each once; as values with arrays and texts of their own they took most of its time.
package struct MinuteRows: Sendable {
    /// Where a row's metric and labels come from in Redis, cheap to compare. During a pass one slot always means the same metric
    /// and labels; several slots may mean the same as well.
    package struct Slot: Hashable, Sendable {
        private let packed: UInt64

        /// `partition` is below 65,536, `series` below 2^32.
        package init(partition: Int, series: Int, metric: MetricID) {
            packed =
                UInt64(UInt16(partition)) << 48 | UInt64(UInt32(series)) << 16 | UInt64(metric.rawValue)
        }
    }

    /// Whose some rows are.
    package struct Origin: Sendable {
        package let slot: Slot
        package let metric: String
        package let kind: MetricKind
        package let labels: LabelSet

        package init(slot: Slot, metric: String, kind: MetricKind, labels: LabelSet) {
            self.slot = slot
            self.metric = metric
            self.kind = kind
            self.labels = labels
        }
    }

    /// The sets of the few rows that have some.
    package struct Sets: Sendable {
        package let registers: HyperLogLog?
        package let items: TopItems?
    }

    /// A row without anything that needs memory of its own.
    package struct Row: Sendable {
        /// Where its origin stands in `origins`.
        package var origin: Int
        /// Start of the minute, ms since 1970.
        package var minuteMs: Int64
        /// `StreamID.packed` of both.
        package var generation: Int64
        package var version: Int64
        package var numbers: AggregateNumbers
        /// Where its sketch's bytes (`SketchCodec`) stand in `sketches`; empty where it has none.
        package var sketch: Range<Int> = 0..<0
        /// Where its sets stand in `sets`.
        package var sets: Int?

        package init(origin: Int, minuteMs: Int64, generation: Int64, version: Int64, numbers: AggregateNumbers) {
            self.origin = origin
            self.minuteMs = minuteMs
            self.generation = generation
            self.version = version
            self.numbers = numbers
        }
    }

    /// Whose the rows are; several may mean the same.
    package private(set) var origins: [Origin] = []
    package private(set) var rows: [Row] = []
    package var sketches: [UInt8] = []
    package private(set) var sets: [Sets] = []

    package init() {}

    package var count: Int { rows.count }
    package var isEmpty: Bool { rows.isEmpty }

    /// Makes room for `count` rows in all.
    package mutating func reserve(_ count: Int) { rows.reserveCapacity(count) }

    /// Adds an origin; where it stands in `origins`.
    package mutating func add(_ origin: Origin) -> Int {
        origins.append(origin)
        return origins.count - 1
    }

    /// Adds a row, whose sketch is in `sketches` already.
    package mutating func append(_ row: Row) { rows.append(row) }

    /// Adds sets; where they stand in `sets`.
    package mutating func add(registers: HyperLogLog?, items: TopItems?) -> Int {
        sets.append(Sets(registers: registers, items: items))
        return sets.count - 1
    }
}

/// What an aggregate has in numbers: all but its sketch and its sets.
package struct AggregateNumbers: Equatable, Sendable {
    /// As in `Aggregate`.
    package let count: Int
    package let hits: Int
    package let sum: Double?
    package let range: ClosedRange<Double>?
    package let last: Aggregate.Last?

    package init(_ aggregate: Aggregate) {
        count = aggregate.count
        hits = aggregate.hits
        sum = aggregate.sum
        range = aggregate.range
        last = aggregate.last
    }
}
