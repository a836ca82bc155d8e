/// Why bytes could not be decoded. They come from our own stores, so this means damage or a newer format.
package struct DecodingFailure: Error, Equatable, Sendable {
    /// What was being read.
    package let what: StaticString
    /// Where in the bytes.
    package let offset: Int

    package static func == (a: DecodingFailure, b: DecodingFailure) -> Bool {
        a.offset == b.offset && a.what.description == b.what.description
    }
}

extension [UInt8] {
    /// Appends a number in groups of seven bits, lowest first, the high bit saying that more follow (LEB128).
    package mutating func appendVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Appends a signed number as a varint, small magnitudes first: 0, -1, 1, -2, …
    package mutating func appendZigzag(_ number: Int64) {
        appendVarint(UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    /// Appends a double's eight bytes, lowest first.
    package mutating func appendDouble(_ number: Double) {
        unsafe Swift.withUnsafeBytes(of: number.bitPattern.littleEndian) { unsafe append(contentsOf: $0) }
    }
}

/// Reads what `[UInt8].append…` wrote, from `offset` on.
package struct ByteCursor: Sendable {
    /// The next byte to read.
    package var offset: Int

    package init(offset: Int = 0) { self.offset = offset }

    /// The next byte.
    package mutating func byte(_ bytes: Span<UInt8>) throws(DecodingFailure) -> UInt8 {
        guard offset < bytes.count else { throw DecodingFailure(what: "byte", offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// A number of seven bits a byte, the lowest first.
    package mutating func varint(_ bytes: Span<UInt8>) throws(DecodingFailure) -> UInt64 {
        // Most are small.
        if offset < bytes.count && bytes[offset] < 0x80 {
            offset += 1
            return UInt64(bytes[offset - 1])
        }
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count && shift < 64 {
            let byte = bytes[offset]
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 { break }
            offset += 1
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        throw DecodingFailure(what: "varint", offset: offset)
    }

    /// No count is greater: sums of a thousand counts still fit an `Int`, and every one fits a double.
    package static let maxCount: UInt64 = 1 << 53

    /// A varint that is a count of things or bytes, at most `maxCount`.
    package mutating func count(_ bytes: Span<UInt8>) throws(DecodingFailure) -> Int {
        let count = try varint(bytes)
        guard count <= Self.maxCount else { throw DecodingFailure(what: "count", offset: offset) }
        return Int(count)
    }

    /// A signed varint: 0, -1, 1, -2, … as 0, 1, 2, 3, …
    package mutating func zigzag(_ bytes: Span<UInt8>) throws(DecodingFailure) -> Int64 {
        let number = try varint(bytes)
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// Eight bytes, as `appendDouble` wrote them.
    package mutating func double(_ bytes: Span<UInt8>) throws(DecodingFailure) -> Double {
        guard offset + 8 <= bytes.count else { throw DecodingFailure(what: "double", offset: offset) }
        var bits: UInt64 = 0
        for place in (0..<8).reversed() { bits = bits << 8 | UInt64(bytes[offset + place]) }
        offset += 8
        return Double(bitPattern: bits)
    }

    /// `count` bytes, copied.
    package mutating func bytes(_ count: Int, of bytes: Span<UInt8>) throws(DecodingFailure) -> [UInt8] {
        guard count >= 0, count <= bytes.count - offset else { throw DecodingFailure(what: "bytes", offset: offset) }
        let start = offset
        offset += count
        return [UInt8](unsafe bytes.extracting(start..<offset).withUnsafeBufferPointer { unsafe Array($0) })
    }
}
