package import Analytics

/// The bytes of a record. Two of them one behind the other are again a record: the merge of both.
///
/// ```
/// record  = { section }
/// section = metric flags [count] [hits] [values] [last] [sketch] [registers] [items]
/// metric  = varint, the metric's number in the definitions
/// flags   = byte: bits 0-1 values (0 none, 1 one value, 2 sum, 3 sum min max), 4 hits, 8 last, 16 sketch,
///           32 registers, 64 items, 128 the count is that of the section before
/// count   = varint, events; 0 only where registers or items are all there is; left away where `values` is 1 (it is 1), or
///           with bit 128
/// hits    = varint
/// values  = 1: the one value, which is sum, min and max · 2: sum · 3: sum min max; eight bytes each, lowest first
/// last    = zigzag event time in ms, then the value's eight bytes unless `values` is 1
/// sketch  = see SketchCodec; left away where `values` is 1: it holds that value alone
/// registers = varint length, then see HyperLogLogCodec
/// items   = see TopItemsCodec
/// ```
package enum RecordCodec {
    private static let hasHits: UInt8 = 4
    private static let hasLast: UInt8 = 8
    private static let hasSketch: UInt8 = 16
    static let hasRegisters: UInt8 = 32
    static let hasItems: UInt8 = 64
    private static let hasSameCount: UInt8 = 128

    package static func encode(_ record: Record) -> [UInt8] {
        var bytes: [UInt8] = []
        // One allocation for a usual record.
        bytes.reserveCapacity(record.sections.reduce(0) { $0 + 40 + $1.aggregate.sketch.positive.count * 2 })
        append(record, to: &bytes)
        return bytes
    }

    /// Appends the record, section by section.
    package static func append(_ record: Record, to bytes: inout [UInt8]) {
        var count: Int?
        for section in record.sections {
            append(section, after: count, to: &bytes)
            count = section.aggregate.count
        }
    }

    /// The merge of all sections in `bytes[range]`.
    package static func decode(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(DecodingFailure) -> Record {
        var record = Record()
        var cursor = ByteCursor(offset: range.lowerBound)
        var count: Int?
        while cursor.offset < range.upperBound {
            let start = cursor
            let head = try head(bytes, &cursor, after: count)
            if head.flags & (hasRegisters | hasItems) != 0 {
                cursor = start
                let section = try section(bytes, &cursor, after: count)
                try check(record.merge(section.aggregate, into: section.metric), cursor)
            } else {
                guard head.count > 0 else { throw DecodingFailure(what: "count", offset: start.offset) }
                // In its place: a section is some 200 bytes, and there are a few for every bucket read.
                try record.change(head.metric) { aggregate throws(DecodingFailure) in
                    try merge(bytes, &cursor, head, into: &aggregate)
                }
            }
            count = head.count
        }
        guard cursor.offset == range.upperBound else { throw DecodingFailure(what: "record", offset: cursor.offset) }
        return record
    }

    /// The merge of all sections in `bytes`.
    package static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> Record {
        try decode(bytes.span, 0..<bytes.count)
    }

    /// Merges the sections of `metric` in `bytes` into `aggregate`.
    package static func merge(
        _ bytes: [UInt8], of metric: MetricID, into aggregate: inout Aggregate
    ) throws(DecodingFailure) {
        try merge(bytes.span, 0..<bytes.count, of: metric, into: &aggregate)
    }

    /// Merges the sections of `metric` in `bytes[range]`, a record, into `aggregate`.
    package static func merge(
        _ bytes: Span<UInt8>, _ range: Range<Int>, of metric: MetricID, into aggregate: inout Aggregate
    ) throws(DecodingFailure) {
        var cursor = ByteCursor(offset: range.lowerBound)
        var count: Int?
        while cursor.offset < range.upperBound {
            let start = cursor
            let before = count
            let head = try head(bytes, &cursor, after: before)
            count = head.count
            if head.flags & (hasRegisters | hasItems) == 0 {
                if head.metric == metric {
                    try merge(bytes, &cursor, head, into: &aggregate)
                } else {
                    try skip(bytes, &cursor, head)
                }
                continue
            }
            cursor = start
            let section = try section(bytes, &cursor, after: before)
            guard section.metric == metric else { continue }
            aggregate.merge(section.aggregate)
            try check(aggregate.count, cursor)
        }
        guard cursor.offset == range.upperBound else { throw DecodingFailure(what: "record", offset: cursor.offset) }
    }

    /// Merging never overflows: each count was within the limit before.
    static func check(_ count: Int, _ cursor: ByteCursor) throws(DecodingFailure) {
        guard count <= ByteCursor.maxCount else { throw DecodingFailure(what: "count", offset: cursor.offset) }
    }

    private static func append(_ section: Record.Section, after count: Int?, to bytes: inout [UInt8]) {
        let aggregate = section.aggregate
        var flags: UInt8 = 0
        let one = onlyValue(aggregate)
        if one != nil {
            flags = 1
        } else if aggregate.sum != nil {
            flags = aggregate.range == nil ? 2 : 3
        }
        if aggregate.hits > 0 { flags |= hasHits }
        if aggregate.last != nil { flags |= hasLast }
        if !aggregate.sketch.isEmpty { flags |= hasSketch }
        if aggregate.registers != nil { flags |= hasRegisters }
        if aggregate.items != nil { flags |= hasItems }
        if one == nil && aggregate.count == count { flags |= hasSameCount }
        bytes.appendVarint(UInt64(section.metric.rawValue))
        bytes.append(flags)
        if one == nil && flags & hasSameCount == 0 { bytes.appendVarint(UInt64(aggregate.count)) }
        if aggregate.hits > 0 { bytes.appendVarint(UInt64(aggregate.hits)) }
        if let one {
            bytes.appendDouble(one)
        } else if let sum = aggregate.sum {
            bytes.appendDouble(sum)
            if let range = aggregate.range {
                bytes.appendDouble(range.lowerBound)
                bytes.appendDouble(range.upperBound)
            }
        }
        if let last = aggregate.last {
            bytes.appendZigzag(last.atMs)
            if one == nil { bytes.appendDouble(last.value) }
        }
        if one == nil && !aggregate.sketch.isEmpty { SketchCodec.append(aggregate.sketch, to: &bytes) }
        if let registers = aggregate.registers {
            let encoded = HyperLogLogCodec.encode(registers)
            bytes.appendVarint(UInt64(encoded.count))
            bytes.append(contentsOf: encoded)
        }
        if let items = aggregate.items { TopItemsCodec.append(items, to: &bytes) }
    }

    /// A record with nothing but what `metric` keeps of a minute: registers in the form in which Redis has them.
    package static func encode(registers: [UInt8], of metric: MetricID) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendVarint(UInt64(metric.rawValue))
        bytes.append(hasRegisters)
        bytes.append(0)
        bytes.appendVarint(UInt64(registers.count))
        bytes.append(contentsOf: registers)
        return bytes
    }

    /// The value of an aggregate that has seen just one.
    private static func onlyValue(_ aggregate: Aggregate) -> Double? {
        guard aggregate.count == 1, aggregate.sketch.isEmpty || aggregate.sketch.count == 1, let sum = aggregate.sum,
            let range = aggregate.range, range == sum...sum,
            aggregate.last.map({ $0.value == sum }) ?? true
        else { return nil }
        return sum
    }

    /// How a section begins, up to its hits.
    struct Head {
        let metric: MetricID
        let flags: UInt8
        let count: Int
        let hits: Int
        let start: Int
    }

    /// Reads how a section begins; `count` is that of the section before.
    static func head(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor, after count: Int?
    ) throws(DecodingFailure) -> Head {
        let start = cursor.offset
        guard let metric = UInt16(exactly: try cursor.varint(bytes)) else {
            throw DecodingFailure(what: "metric", offset: start)
        }
        let flags = try cursor.byte(bytes)
        guard flags & hasSameCount == 0 || (count != nil && flags & 3 != 1) else {
            throw DecodingFailure(what: "flags", offset: start)
        }
        let own: Int
        if let count, flags & hasSameCount != 0 {
            own = count
        } else {
            own = flags & 3 == 1 ? 1 : try cursor.count(bytes)
        }
        let hits = flags & hasHits != 0 ? try cursor.count(bytes) : 0
        guard hits <= own else { throw DecodingFailure(what: "hits", offset: start) }
        return Head(metric: MetricID(rawValue: metric), flags: flags, count: own, hits: hits, start: start)
    }

    /// Merges all of a section behind its head, but for sets.
    static func merge(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor, _ head: Head, into aggregate: inout Aggregate
    ) throws(DecodingFailure) {
        let isOne = head.flags & 3 == 1
        var sum: Double?
        var range: ClosedRange<Double>?
        if head.flags & 3 != 0 {
            let value = try number(bytes, &cursor)
            sum = value
            if isOne { range = value...value }
        }
        if head.flags & 3 == 3 {
            let (low, high) = (try number(bytes, &cursor), try number(bytes, &cursor))
            guard low <= high else { throw DecodingFailure(what: "range", offset: head.start) }
            range = low...high
        }
        var last: Aggregate.Last?
        if head.flags & hasLast != 0 {
            let atMs = try cursor.zigzag(bytes)
            last = .init(atMs: atMs, value: isOne ? sum ?? 0 : try number(bytes, &cursor))
        }
        aggregate.add(count: head.count, hits: head.hits, sum: sum, range: range, last: last)
        try check(aggregate.count, cursor)
        guard head.flags & hasSketch != 0 else { return }
        if isOne, let sum {
            aggregate.sketch.insert(sum)
        } else if try SketchCodec.merge(bytes, &cursor, into: &aggregate.sketch) != head.count {
            throw DecodingFailure(what: "sketch", offset: head.start)
        }
    }

    /// Moves the cursor behind a section whose head was read and that has no sets; what it says is not looked at.
    private static func skip(_ bytes: Span<UInt8>, _ cursor: inout ByteCursor, _ head: Head) throws(DecodingFailure) {
        let isOne = head.flags & 3 == 1
        switch head.flags & 3 {
        case 0: break
        case 3: cursor.offset += 24
        default: cursor.offset += 8
        }
        if head.flags & hasLast != 0 {
            _ = try cursor.varint(bytes)
            if !isOne { cursor.offset += 8 }
        }
        if head.flags & hasSketch != 0, !isOne { try SketchCodec.skip(bytes, &cursor) }
        guard cursor.offset <= bytes.count else { throw DecodingFailure(what: "section", offset: head.start) }
    }

    /// Reads a whole section; `count` is that of the section before.
    static func section(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor, after count: Int?
    ) throws(DecodingFailure) -> Record.Section {
        let head = try head(bytes, &cursor, after: count)
        var aggregate = Aggregate()
        try merge(bytes, &cursor, head, into: &aggregate)
        if head.flags & hasRegisters != 0 {
            let length = try cursor.count(bytes)
            guard length <= bytes.count - cursor.offset else {
                throw DecodingFailure(what: "registers", offset: head.start)
            }
            aggregate.registers = try HyperLogLogCodec.decode(bytes, cursor.offset..<cursor.offset + length)
            cursor.offset += length
        }
        if head.flags & hasItems != 0 { aggregate.items = try TopItemsCodec.decode(bytes, &cursor) }
        return Record.Section(metric: head.metric, aggregate: aggregate)
    }

    private static func number(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor
    ) throws(DecodingFailure) -> Double {
        let number = try cursor.double(bytes)
        guard number.isFinite else { throw DecodingFailure(what: "number", offset: cursor.offset) }
        return number
    }
}
