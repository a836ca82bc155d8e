package import Analytics

/// Merges the sections of records, one record after the other, in memory that it keeps: what is read of millions of records, each once,
/// needs no allocation for each.
package struct RecordFold: Sendable {
    private struct Part: Sendable {
        var metric: MetricID
        var aggregate = Aggregate()
    }

    /// The first `count` are the record's, ascending by metric; what stands behind them is kept for later ones.
    private var parts: [Part] = []

    /// How many metrics the record has.
    package private(set) var count = 0

    package init() {}

    /// Takes the merge of all sections in `bytes[range]`, a record, in the place of the one before.
    ///
    /// - Throws: where `RecordCodec.decode` does; what it holds then is of no use.
    package mutating func read(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(DecodingFailure) {
        count = 0
        var cursor = ByteCursor(offset: range.lowerBound)
        var before: Int?
        while cursor.offset < range.upperBound {
            let start = cursor
            let head = try RecordCodec.head(bytes, &cursor, after: before)
            if head.flags & (RecordCodec.hasRegisters | RecordCodec.hasItems) != 0 {
                cursor = start
                let section = try RecordCodec.section(bytes, &cursor, after: before)
                if !section.aggregate.isEmpty {
                    let place = place(of: section.metric)
                    parts[place].aggregate.merge(section.aggregate)
                    try RecordCodec.check(parts[place].aggregate.count, cursor)
                }
            } else {
                guard head.count > 0 else { throw DecodingFailure(what: "count", offset: start.offset) }
                let place = place(of: head.metric)
                try RecordCodec.merge(bytes, &cursor, head, into: &parts[place].aggregate)
            }
            before = head.count
        }
        guard cursor.offset == range.upperBound else { throw DecodingFailure(what: "record", offset: cursor.offset) }
    }

    /// The metric of part `index`, 0..<`count`.
    package func metric(_ index: Int) -> MetricID { parts[index].metric }

    /// What part `index` counts; 0 where there is only what an older minute has left of a set.
    package func eventCount(_ index: Int) -> Int { parts[index].aggregate.count }

    /// Whether what part `index` counted can be: hits among the events, values with their range.
    package func isConsistent(_ index: Int) -> Bool {
        parts[index].aggregate.hits <= parts[index].aggregate.count
            && (parts[index].aggregate.sketch.isEmpty || parts[index].aggregate.range != nil)
    }

    /// Appends part `index` to `rows`, as a row of `origin` (where it stands in `rows.origins`).
    package func append(
        _ index: Int, to rows: inout MinuteRows, origin: Int, minuteMs: Int64, generation: StreamID, version: StreamID
    ) {
        rows.append(
            parts[index].aggregate, origin: origin, minuteMs: minuteMs, generation: generation, version: version)
    }

    /// Where the part of `metric` stands; an empty one where there was none.
    private mutating func place(of metric: MetricID) -> Int {
        var place = 0
        while place < count && parts[place].metric < metric { place += 1 }
        if place < count && parts[place].metric == metric { return place }
        if count == parts.count { parts.append(Part(metric: metric)) }
        var last = count
        parts[last].metric = metric
        parts[last].aggregate.removeAll()
        count += 1
        while last > place {
            parts.swapAt(last, last - 1)
            last -= 1
        }
        return place
    }
}

extension MinuteRows {
    /// Appends a row of `origin` (where it stands in `origins`); `minuteMs` is the start of the minute, ms since 1970.
    package mutating func append(
        _ aggregate: Aggregate, origin: Int, minuteMs: Int64, generation: StreamID, version: StreamID
    ) {
        var row = Row(
            origin: origin, minuteMs: minuteMs, generation: generation.packed, version: version.packed,
            numbers: AggregateNumbers(aggregate))
        if !aggregate.sketch.isEmpty {
            let start = sketches.count
            SketchCodec.append(aggregate.sketch, to: &sketches)
            row.sketch = start..<sketches.count
        }
        if aggregate.registers != nil || aggregate.items != nil {
            row.sets = add(registers: aggregate.registers, items: aggregate.items)
        }
        append(row)
    }
}
