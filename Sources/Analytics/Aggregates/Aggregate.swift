/// What a metric keeps of a set of events; merging is associative and commutative, and `Aggregate()` is its identity.
///
/// A batch, a bucket, a coarser bucket, a group of series, a partition and a late event are all merges of this one value.
/// Fields that a kind does not use stay at their identity.
package struct Aggregate: Equatable, Sendable {
    /// The value with the greatest (event time, value), so that the order of arrival does not matter.
    package struct Last: Equatable, Sendable {
        /// Event time in ms since 1970.
        package var atMs: Int64
        package var value: Double

        package init(atMs: Int64, value: Double) {
            self.atMs = atMs
            self.value = value
        }
    }

    /// Events counted.
    package var count = 0
    /// Of them, those for which a ratio's `match` holds.
    package var hits = 0
    /// Sum of the values; nil where events have no value. Always finite: what would be more stays at the greatest double.
    package var sum: Double?
    /// Smallest and largest value; nil where they are not kept.
    package var range: ClosedRange<Double>?
    package var last: Last?
    /// The values' distribution; empty where it is not kept.
    package var sketch = Sketch()
    /// The distinct values; nil where they are not kept. Kept of whole minutes, in an aggregate whose count may be 0.
    package var registers: HyperLogLog?
    /// The items; nil where they are not kept. Kept of whole minutes, in an aggregate whose count may be 0.
    package var items: TopItems?

    package init() {}

    package var isEmpty: Bool { count == 0 && registers == nil && items == nil }

    /// Forgets all, but keeps the memory of its sketch for what comes next.
    package mutating func removeAll() {
        (count, hits, sum, range, last) = (0, 0, nil, nil, nil)
        sketch.removeAll()
        (registers, items) = (nil, nil)
    }

    /// Counts one event without a value.
    package mutating func addEvent() { count += 1 }

    /// Counts one event of a ratio.
    package mutating func addEvent(hit: Bool) {
        count += 1
        if hit { hits += 1 }
    }

    /// Counts one event with a finite value, keeping only the sum.
    package mutating func addToSum(_ value: Double) {
        count += 1
        addSum(value)
    }

    /// Counts one event with a finite value in a gauge.
    package mutating func addToGauge(_ value: Double, atMs: Int64) {
        addToSum(value)
        widen(to: value...value)
        keepLatest(Last(atMs: atMs, value: value))
    }

    /// Counts one event with a finite value in a distribution.
    package mutating func addToDistribution(_ value: Double) {
        addToSum(value)
        widen(to: value...value)
        sketch.insert(value)
    }

    /// Adds all that `other` has counted.
    package mutating func merge(_ other: Aggregate) {
        add(count: other.count, hits: other.hits, sum: other.sum, range: other.range, last: other.last)
        if !other.sketch.isEmpty { sketch.merge(other.sketch) }
        if let added = other.registers {
            if registers == nil { registers = added } else { registers?.merge(added) }
        }
        if let added = other.items {
            if items == nil { items = added } else { items?.merge(added) }
        }
    }

    /// Adds what another aggregate has counted, but for its sets and its sketch.
    package mutating func add(count: Int, hits: Int, sum: Double?, range: ClosedRange<Double>?, last: Last?) {
        self.count += count
        self.hits += hits
        if let sum { addSum(sum) }
        if let range { widen(to: range) }
        if let last { keepLatest(last) }
    }

    /// Two infinities of unlike sign would make a sum that is no number, for ever.
    private mutating func addSum(_ added: Double) {
        let total = (sum ?? 0) + added
        sum = min(max(total, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }

    private mutating func widen(to added: ClosedRange<Double>) {
        guard let range else {
            range = added
            return
        }
        self.range = min(range.lowerBound, added.lowerBound)...max(range.upperBound, added.upperBound)
    }

    private mutating func keepLatest(_ added: Last) {
        guard let last else {
            last = added
            return
        }
        if (added.atMs, added.value) > (last.atMs, last.value) { self.last = added }
    }
}
