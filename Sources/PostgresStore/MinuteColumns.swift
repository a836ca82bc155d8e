internal import Analytics
internal import Postgres
internal import Service
internal import Wire

extension CopyWriter {
    /// Writes the 16 columns of weir.minute, in the order of `writer.copy_minute.sql`, of a row of `rows`.
    mutating func append(
        _ row: MinuteRows.Row, of rows: MinuteRows, partition: Int16, series: Int32
    ) {
        beginRow(columns: 16)
        timestamptz(us: row.minuteMs * 1_000)
        int8(row.generation)
        int8(row.version)
        // A ratio without a hit is 0, not unknown.
        appendValues(of: row.numbers, hasHits: row.numbers.hits > 0 || rows.origins[row.origin].kind == .ratio)
        int4(series)
        int2(partition)
        if row.sketch.isEmpty { null() } else { bytea(rows.sketches.span.extracting(row.sketch)) }
        if let place = row.sets {
            appendSets(registers: rows.sets[place].registers, items: rows.sets[place].items)
        } else {
            appendSets(registers: nil, items: nil)
        }
    }

    /// Writes the columns n, hits, sum, min, max, last_at, last_value.
    mutating func appendValues(of aggregate: AggregateNumbers, hasHits: Bool) {
        int8(Int64(aggregate.count))
        if hasHits { int8(Int64(aggregate.hits)) } else { null() }
        if let sum = aggregate.sum { float8(sum) } else { null() }
        if let range = aggregate.range {
            float8(range.lowerBound)
            float8(range.upperBound)
        } else {
            null()
            null()
        }
        if let last = aggregate.last {
            timestamptz(us: last.atMs * 1_000)
            float8(last.value)
        } else {
            null()
            null()
        }
    }

    /// Writes the columns sketch, hll, items, dropped.
    mutating func appendSets(of aggregate: Aggregate) {
        if aggregate.sketch.isEmpty {
            null()
        } else {
            var bytes: [UInt8] = []
            SketchCodec.append(aggregate.sketch, to: &bytes)
            bytea(bytes)
        }
        appendSets(registers: aggregate.registers, items: aggregate.items)
    }

    /// Writes the columns hll, items, dropped.
    private mutating func appendSets(registers: HyperLogLog?, items: TopItems?) {
        if let registers { bytea(HyperLogLogCodec.encode(registers)) } else { null() }
        if let items {
            jsonb(Self.json(items))
            int8(Int64(items.dropped))
        } else {
            null()
            null()
        }
    }

    /// `{"item":3,"other":1}`, ascending by item.
    private static func json(_ items: TopItems) -> [UInt8] {
        var json: [UInt8] = [UInt8(ascii: "{")]
        for (item, count) in items.counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            if Self.isPlain(item) {
                json.append(UInt8(ascii: "\""))
                json.append(contentsOf: item)
                json.append(UInt8(ascii: "\""))
            } else {
                json.appendJSON(String(decoding: item, as: UTF8.self))
            }
            json.append(UInt8(ascii: ":"))
            json.appendJSON(count)
        }
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// Stands in JSON as it is: the usual case, in a tenth of the time.
    private static func isPlain(_ item: [UInt8]) -> Bool {
        item.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }
}

extension QueryResult {
    /// Reads all of `history.held.sql`.
    borrowing func historyHeld(nowMs: Int64) throws -> HistoryHeld {
        var held = HistoryHeld.all
        for row in 0..<rowCount {
            var fromMs = try timestamptzUs(row, 2) / 1_000
            if !isNull(row, 1) {
                // What is due may go at any moment: as if it had, by the day, which no partition is shorter than.
                let dueMs = nowMs - Int64(try integer(row, 1)) * 1_000
                fromMs = max(fromMs, StepLadder.floor(dueMs, HistoryResolution.day.ms))
            }
            switch HistoryResolution(rawValue: try text(row, 0)) {
            case .minute: held.minutesFromMs = fromMs
            case .hour: held.hoursFromMs = fromMs
            case .day, nil: break
            }
        }
        return held
    }

    /// Reads a row of `history.minute_rows.sql` and its like.
    borrowing func historyRow(_ row: Int) throws -> HistoryRow {
        var aggregate = Aggregate()
        try merge(row, into: &aggregate)
        return HistoryRow(
            series: Int(try integer(row, 0)), bucketMs: try timestamptzUs(row, 1) / 1_000, aggregate: aggregate)
    }

    /// Merges the aggregate of such a row into `aggregate`, its sketch bin by bin; some of it where it throws.
    borrowing func merge(_ row: Int, into aggregate: inout Aggregate) throws {
        var range: ClosedRange<Double>?
        if !isNull(row, 5) && !isNull(row, 6) {
            let (low, high) = (try float8(row, 5), try float8(row, 6))
            guard low <= high else { throw Self.damaged("min is above max") }
            range = low...high
        }
        var last: Aggregate.Last?
        if !isNull(row, 7) { last = .init(atMs: try timestamptzUs(row, 7) / 1_000, value: try float8(row, 8)) }
        aggregate.add(
            count: Int(try integer(row, 2)), hits: isNull(row, 3) ? 0 : Int(try integer(row, 3)),
            sum: isNull(row, 4) ? nil : try float8(row, 4), range: range, last: last)
        if !isNull(row, 9) {
            let failure = try withBytes(row, 9) { bytes -> DecodingFailure? in
                var cursor = ByteCursor()
                do throws(DecodingFailure) {
                    _ = try SketchCodec.merge(bytes, &cursor, into: &aggregate.sketch)
                    return nil
                } catch { return error }
            }
            if let failure {
                throw Self.damaged("a sketch cannot be read: \(failure.what) at byte \(failure.offset)")
            }
        }
        if !isNull(row, 10) || !isNull(row, 11) { try mergeSets(row, into: &aggregate) }
    }

    private borrowing func mergeSets(_ row: Int, into aggregate: inout Aggregate) throws {
        var sets = Aggregate()
        if !isNull(row, 10) {
            let bytes = try bytea(row, 10)
            do {
                sets.registers = try HyperLogLogCodec.decode(bytes.span, 0..<bytes.count)
            } catch {
                throw Self.damaged("a HyperLogLog cannot be read: \(error.what) at byte \(error.offset)")
            }
        }
        if !isNull(row, 11) && !isNull(row, 12) {
            guard let items = Self.items(try text(row, 11), dropped: Int(try integer(row, 12))) else {
                throw Self.damaged("items are no object of counts")
            }
            sets.items = items
        }
        aggregate.merge(sets)
    }

    private static func items(_ json: String, dropped: Int) -> TopItems? {
        guard let members = (try? JSON5.parse(Array(json.utf8)))?.members else { return nil }
        var counts: [[UInt8]: Int] = Dictionary(minimumCapacity: members.count)
        for member in members {
            guard let count = member.value.integer else { return nil }
            counts[Array(member.key.utf8)] = Int(count)
        }
        return TopItems(counts: counts, dropped: dropped)
    }

    private static func damaged(_ detail: String) -> StoreError {
        StoreError(.incompatible, store: "postgres", operation: "read minutes", detail: detail)
    }
}
