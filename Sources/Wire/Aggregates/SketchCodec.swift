package import Analytics

/// The bytes of a sketch: in Redis, on the live stream and in PostgreSQL's `sketch` column.
///
/// ```
/// sketch = head [zero] [negatives] [positives]
/// head   = varint: 1 if `zero` follows | 2 if negatives follow | 4 if positives follow
/// zero   = varint, how many values were 0
/// bins   = varint number of bins - 1, zigzag index of the first, then for each bin, ascending:
///          varint: (steps from the bin before - 1, for the first 0) * 2 | 1 if its count is above 1,
///          and, if so, varint count - 2
/// ```
package enum SketchCodec {
    /// Appends the sketch.
    package static func append(_ sketch: Sketch, to bytes: inout [UInt8]) {
        var head: UInt64 = 0
        if sketch.zeroCount > 0 { head |= 1 }
        if !sketch.negative.isEmpty { head |= 2 }
        if !sketch.positive.isEmpty { head |= 4 }
        bytes.appendVarint(head)
        if sketch.zeroCount > 0 { bytes.appendVarint(UInt64(sketch.zeroCount)) }
        appendBins(sketch.negative, to: &bytes)
        appendBins(sketch.positive, to: &bytes)
    }

    /// Reads one sketch and moves the cursor behind it.
    package static func decode(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor
    ) throws(DecodingFailure) -> Sketch {
        let start = cursor.offset
        let head = try cursor.varint(bytes)
        guard head < 8 else { throw DecodingFailure(what: "sketch head", offset: start) }
        let zeroCount = head & 1 != 0 ? try cursor.count(bytes) : 0
        let negative = head & 2 != 0 ? try bins(bytes, &cursor) : []
        let positive = head & 4 != 0 ? try bins(bytes, &cursor) : []
        guard let sketch = Sketch(positive: positive, negative: negative, zeroCount: zeroCount) else {
            throw DecodingFailure(what: "sketch", offset: start)
        }
        return sketch
    }

    /// Reads one sketch and adds all it has counted to `sketch`, without making it first; returns how many values these are. Some
    /// of them may have been added where it throws.
    package static func merge(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor, into sketch: inout Sketch
    ) throws(DecodingFailure) -> Int {
        let start = cursor.offset
        let head = try cursor.varint(bytes)
        guard head < 8 else { throw DecodingFailure(what: "sketch head", offset: start) }
        var total = 0
        if head & 1 != 0 {
            total = try cursor.count(bytes)
            sketch.addZeros(total)
        }
        if head & 2 != 0 { total += try mergeBins(bytes, &cursor, isNegative: true, into: &sketch) }
        if head & 4 != 0 { total += try mergeBins(bytes, &cursor, isNegative: false, into: &sketch) }
        return total
    }

    /// Moves the cursor behind a sketch, without looking at what it says.
    static func skip(_ bytes: Span<UInt8>, _ cursor: inout ByteCursor) throws(DecodingFailure) {
        let head = try cursor.varint(bytes)
        if head & 1 != 0 { _ = try cursor.varint(bytes) }
        for bit: UInt64 in [2, 4] where head & bit != 0 {
            let count = try cursor.count(bytes) + 1
            guard count <= bytes.count - cursor.offset else {
                throw DecodingFailure(what: "bins", offset: cursor.offset)
            }
            _ = try cursor.varint(bytes)
            for _ in 0..<count where try cursor.varint(bytes) & 1 != 0 { _ = try cursor.varint(bytes) }
        }
    }

    /// Adds bins to `sketch`; returns how many values these are.
    private static func mergeBins(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor, isNegative: Bool, into sketch: inout Sketch
    ) throws(DecodingFailure) -> Int {
        let start = cursor.offset
        let indices = Sketch.indices
        var total = 0
        if sketch.hasNone(isNegative: isNegative) {
            // As they stand, into memory that the sketch has kept.
            try eachBin(bytes, &cursor) { (index, count) throws(DecodingFailure) in
                guard indices.contains(index) else { throw DecodingFailure(what: "sketch", offset: start) }
                total += count
                sketch.append(.init(index: index, count: count), isNegative: isNegative)
            }
            return total
        }
        let bins = try bins(bytes, &cursor)
        guard let first = bins.first, let last = bins.last, indices.contains(first.index), indices.contains(last.index)
        else { throw DecodingFailure(what: "sketch", offset: start) }
        for bin in bins { total += bin.count }
        sketch.add(ascending: bins, isNegative: isNegative)
        return total
    }

    private static func appendBins(_ bins: [Sketch.Bin], to bytes: inout [UInt8]) {
        guard let first = bins.first else { return }
        bytes.appendVarint(UInt64(bins.count - 1))
        bytes.appendZigzag(Int64(first.index))
        var previous = first.index - 1
        for bin in bins {
            let steps = UInt64(bin.index - previous - 1)
            bytes.appendVarint(steps << 1 | (bin.count > 1 ? 1 : 0))
            if bin.count > 1 { bytes.appendVarint(UInt64(bin.count - 2)) }
            previous = bin.index
        }
    }

    private static func bins(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor
    ) throws(DecodingFailure) -> [Sketch.Bin] {
        var bins: [Sketch.Bin] = []
        // At most as many as there are bytes: what is claimed need not be so.
        var peek = cursor
        bins.reserveCapacity(min(try peek.count(bytes) + 1, bytes.count - cursor.offset))
        try eachBin(bytes, &cursor) { index, count in bins.append(.init(index: index, count: count)) }
        return bins
    }

    /// Calls `body` for each bin, ascending by index.
    private static func eachBin(
        _ bytes: Span<UInt8>, _ cursor: inout ByteCursor,
        _ body: (_ index: Int32, _ count: Int) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        let count = try cursor.count(bytes) + 1
        guard count <= bytes.count - cursor.offset, let first = Int32(exactly: try cursor.zigzag(bytes)) else {
            throw DecodingFailure(what: "bins", offset: cursor.offset)
        }
        var previous = Int64(first) - 1
        var total: UInt64 = 0
        for _ in 0..<count {
            let head = try cursor.varint(bytes)
            let values = head & 1 != 0 ? try cursor.count(bytes) + 2 : 1
            total += UInt64(values)
            guard total <= ByteCursor.maxCount, let steps = Int32(exactly: head >> 1),
                let index = Int32(exactly: previous + Int64(steps) + 1)
            else {
                throw DecodingFailure(what: "bin", offset: cursor.offset)
            }
            try body(index, values)
            previous = Int64(index)
        }
    }
}
