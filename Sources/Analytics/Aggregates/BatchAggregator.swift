internal import Glibc

/// Folds events into one record for each (series, second) they touch, and into the sets of minutes: the partial aggregates
/// that a batch adds.
///
/// It also knows the series of its partition by number. Costs a few hundred nanoseconds an event, and no allocation once
/// the series and seconds of the batch have been seen.
package struct BatchAggregator: Sendable {
    /// What a batch adds to one series in one second.
    package struct Delta: Sendable {
        /// The series' number in the partition.
        package let series: Int
        /// Seconds since 1970.
        package let second: Int64
        package let record: Record

        package init(series: Int, second: Int64, record: Record) {
            self.series = series
            self.second = second
            self.record = record
        }
    }

    private struct MetricPlan: Sendable {
        let id: MetricID
        let kind: MetricKind
        let valueSlot: Int?
        /// Index into the sets of minutes; nil where its records hold all.
        let set: Int?
        let filter: BoundCondition?
        let match: BoundCondition?
    }

    private struct GroupPlan: Sendable {
        let group: SeriesGroup
        let labelSlots: [Int]
        let metrics: [MetricPlan]
        /// Series it has so far.
        var seriesCount = 0
    }

    private struct Place: Hashable {
        let series: Int32
        let second: Int64
    }

    private struct Open {
        let place: Place
        let group: Int32
        /// Where its aggregates begin, one for each metric of the group.
        let base: Int
    }

    /// Label values longer than this, in bytes, are cut, so that no client can fill the stores with one label.
    package static let maxLabelBytes = 1024

    /// The fields the definitions need, for whoever reads the events.
    package let table: FieldTable
    package let definitions: Definitions
    private var plans: [GroupPlan]
    private var series = ByteKeyTable()
    private var open: [Open] = []
    private var aggregates: [Aggregate] = []
    private var places: [Place: Int] = [:]
    /// By series: where its last event went, since events of a series mostly follow each other in time.
    private var latest: [Int32] = []
    private var sets: MinuteSets
    private var key: [UInt8] = []
    private var item: [UInt8] = []
    /// What each metric of the group at hand makes of the event: the value, if it has one, and whether it counts.
    private var values: [Double] = []
    private var outcome: [Outcome] = []

    private enum Outcome { case skipped, counted, hit }

    // A series' key is the group's number in two bytes, then for each label two bytes of length and its text. These stand
    // in place of the length's high byte:
    private static let missing: UInt8 = 255
    private static let overflow: UInt8 = 254

    package init(definitions: Definitions) {
        var table = FieldTable()
        let counted = definitions.counted
        let sets = counted.compactMap(\.set)
        self.definitions = definitions
        self.sets = MinuteSets(sets)
        plans = definitions.groups.map { group in
            GroupPlan(
                group: group, labelSlots: group.by.map { table.slot(adding: $0) },
                metrics: counted.filter { $0.group == group }.sorted { $0.id < $1.id }.map { metric in
                    MetricPlan(
                        id: metric.id, kind: metric.kind, valueSlot: metric.value.map { table.slot(adding: $0) },
                        set: metric.set.flatMap(sets.firstIndex),
                        filter: metric.filter.map { BoundCondition($0, table: &table) },
                        match: metric.match.map { BoundCondition($0, table: &table) })
                })
        }
        self.table = table
    }

    /// How many series the partition has.
    package var seriesCount: Int { series.count }

    /// Events have been added since the last `take`.
    package var isEmpty: Bool { open.isEmpty }

    /// How many (series, second) and sets of minutes the batch touches so far.
    package var touchedCount: Int { open.count + sets.touchedCount }

    /// Registers a series that the partition already has, under the next number; groups that no definition uses any more
    /// keep their number too.
    package mutating func addKnown(_ known: SeriesKey) {
        let plan = plans.firstIndex { $0.group.name == known.group }
        if let plan {
            plans[plan].seriesCount += 1
            appendKey(of: known.labels, group: plan)
        } else {
            key = [255, 255] + Array("\(known)".utf8)
        }
        series.add(key)
    }

    /// The group and labels of a series that this aggregator made or that a current definition uses.
    package func key(ofSeries number: Int) -> SeriesKey {
        let bytes = Array(series.key(number))
        let plan = plans[Int(bytes[0]) << 8 | Int(bytes[1])]
        var place = 2
        if bytes.count == 3 && bytes[2] == Self.overflow { return SeriesKey(group: plan.group.name, labels: .overflow) }
        var labels: [LabelSet.Label] = []
        for name in plan.group.by {
            let high = bytes[place]
            place += 1
            if high == Self.missing { continue }
            let count = Int(high) << 8 | Int(bytes[place])
            place += 1
            labels.append(.init(name: name, value: String(decoding: bytes[place..<place + count], as: UTF8.self)))
            place += count
        }
        return SeriesKey(group: plan.group.name, labels: LabelSet(labels))
    }

    /// Counts one event.
    ///
    /// - Parameters:
    ///   - event: its fields, by the slots of `table`.
    ///   - bytes: what they were read from.
    ///   - atMs: its time in ms since 1970.
    package mutating func add(_ event: EventFields, in bytes: Span<UInt8>, atMs: Int64) {
        let second = atMs >= 0 ? atMs / 1_000 : (atMs - 999) / 1_000
        for plan in plans.indices where decide(plan, event, bytes) {
            let series = seriesNumber(plan, event, bytes)
            let base = aggregatesBase(series: series, second: second, group: plan)
            for metric in plans[plan].metrics.indices where outcome[metric] != .skipped {
                let value = values[metric]
                switch plans[plan].metrics[metric].kind {
                case .counter where plans[plan].metrics[metric].valueSlot == nil: aggregates[base + metric].addEvent()
                case .counter: aggregates[base + metric].addToSum(value)
                case .gauge: aggregates[base + metric].addToGauge(value, atMs: atMs)
                case .ratio: aggregates[base + metric].addEvent(hit: outcome[metric] == .hit)
                case .distribution: aggregates[base + metric].addToDistribution(value)
                case .unique, .top:
                    aggregates[base + metric].addEvent()
                    addToSet(plans[plan].metrics[metric], event, bytes, series: series, second: second)
                }
            }
        }
    }

    private mutating func addToSet(
        _ metric: MetricPlan, _ event: EventFields, _ bytes: Span<UInt8>, series: Int, second: Int64
    ) {
        guard let set = metric.set, let slot = metric.valueSlot else { return }
        item.removeAll(keepingCapacity: true)
        event.appendText(slot, in: bytes, to: &item)
        if metric.kind == .top { Self.makeStorable(&item, from: 0) }
        let offset = second % 60
        sets.add(item, set: set, series: series, minute: second - (offset < 0 ? offset + 60 : offset))
    }

    /// What was added since the last call to the sets of minutes; to be taken together with `take`.
    package mutating func takeSets() -> [MinuteSets.Delta] { sets.take() }

    /// What was added since the last call, ascending by (series, second).
    package mutating func take() -> [Delta] {
        let deltas = open.map { open in
            var sections: [Record.Section] = []
            let metrics = plans[Int(open.group)].metrics
            sections.reserveCapacity(metrics.count)
            for metric in metrics.indices where !aggregates[open.base + metric].isEmpty {
                sections.append(.init(metric: metrics[metric].id, aggregate: aggregates[open.base + metric]))
            }
            return Delta(
                series: Int(open.place.series), second: open.place.second, record: Record(ascending: sections))
        }
        open.removeAll(keepingCapacity: true)
        aggregates.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        return deltas.sorted { ($0.series, $0.second) < ($1.series, $1.second) }
    }

    /// Fills `outcome` and `values`; true where any metric of the group counts the event.
    private mutating func decide(_ plan: Int, _ event: EventFields, _ bytes: Span<UInt8>) -> Bool {
        outcome.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        var any = false
        for index in plans[plan].metrics.indices {
            var made = Outcome.counted
            var value = 0.0
            if let filter = plans[plan].metrics[index].filter, filter.holds(for: event, in: bytes) != true {
                made = .skipped
            }
            if made != .skipped, let slot = plans[plan].metrics[index].valueSlot {
                if plans[plan].metrics[index].set != nil {
                    if !event.isPresent(slot) { made = .skipped }
                } else if let number = event.number(slot, in: bytes) {
                    value = number
                } else {
                    made = .skipped
                }
            }
            if made != .skipped, let match = plans[plan].metrics[index].match {
                switch match.holds(for: event, in: bytes) {
                case true: made = .hit
                case false: break
                default: made = .skipped
                }
            }
            any = any || made != .skipped
            outcome.append(made)
            values.append(value)
        }
        return any
    }

    private mutating func seriesNumber(_ plan: Int, _ event: EventFields, _ bytes: Span<UInt8>) -> Int {
        beginKey(group: plan)
        for slot in plans[plan].labelSlots {
            guard event.isPresent(slot) else {
                key.append(Self.missing)
                continue
            }
            let start = key.count
            key.append(0)
            key.append(0)
            event.appendText(slot, in: bytes, to: &key)
            closeLabel(from: start)
        }
        if let known = series.number(of: key) { return known }
        if plans[plan].seriesCount >= plans[plan].group.maxSeries {
            beginKey(group: plan)
            key.append(Self.overflow)
            if let overflow = series.number(of: key) { return overflow }
        }
        plans[plan].seriesCount += 1
        return series.add(key)
    }

    private mutating func appendKey(of labels: LabelSet, group: Int) {
        beginKey(group: group)
        if labels == .overflow {
            key.append(Self.overflow)
            return
        }
        for name in plans[group].group.by {
            guard let value = labels[name] else {
                key.append(Self.missing)
                continue
            }
            let start = key.count
            key.append(0)
            key.append(0)
            key.append(contentsOf: value.utf8)
            closeLabel(from: start)
        }
    }

    private mutating func beginKey(group: Int) {
        key.removeAll(keepingCapacity: true)
        key.append(UInt8(group >> 8))
        key.append(UInt8(group & 255))
    }

    /// Writes the length of the label that was appended after the two bytes at `start`, cutting it where it is too long.
    private mutating func closeLabel(from start: Int) {
        Self.makeStorable(&key, from: start + 2)
        let count = key.count - start - 2
        key[start] = UInt8(count >> 8)
        key[start + 1] = UInt8(count & 255)
    }

    /// Makes the end of `text` from `start` on what every store can hold.
    private static func makeStorable(_ text: inout [UInt8], from start: Int) {
        // PostgreSQL has no text with U+0000 in it, and one such label would stop the compaction: SUBSTITUTE stands there.
        let hasZero = unsafe text.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return unsafe memchr(base + start, 0, bytes.count - start) != nil
        }
        if hasZero { for place in start..<text.count where text[place] == 0 { text[place] = 0x1A } }
        guard text.count - start > maxLabelBytes else { return }
        var count = maxLabelBytes
        // Not in the middle of a character.
        while count > 0 && text[start + count] & 0xC0 == 0x80 { count -= 1 }
        text.removeSubrange((start + count)...)
    }

    private mutating func aggregatesBase(series: Int, second: Int64, group: Int) -> Int {
        while latest.count <= series { latest.append(-1) }
        let last = Int(latest[series])
        let place = Place(series: Int32(series), second: second)
        if last >= 0, last < open.count, open[last].place == place { return open[last].base }
        if let known = places[place] {
            latest[series] = Int32(known)
            return open[known].base
        }
        let base = aggregates.count
        places[place] = open.count
        latest[series] = Int32(open.count)
        open.append(Open(place: place, group: Int32(group), base: base))
        aggregates.append(contentsOf: repeatElement(Aggregate(), count: plans[group].metrics.count))
        return base
    }
}
