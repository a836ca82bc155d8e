package import Analytics

/// The bytes of a HyperLogLog as Redis keeps them under a key: what GET returns, and what SET makes one of.
///
/// ```
/// "HYLL" · encoding: 0 dense, 1 sparse · 3 zero bytes · 8 bytes of cached cardinality, whose highest bit says that it is not
/// dense:  16,384 registers of six bits, the lowest bits first
/// sparse: 00nnnnnn          n + 1 registers that are 0
///         01nnnnnn nnnnnnnn n + 1 registers that are 0
///         1vvvvvnn          n + 1 registers that are v + 1
/// ```
/// Source: Redis 7.0, `hyperloglog.c`.
package enum HyperLogLogCodec {
    private static let headBytes = 16
    private static let denseBytes = HyperLogLog.registerCount * 6 / 8
    /// Redis' own `hll-sparse-max-bytes`.
    private static let maxSparseBytes = 3_000
    private static let maxSparseRank: UInt8 = 32

    /// Sparse where Redis would keep it so.
    package static func encode(_ registers: HyperLogLog) -> [UInt8] {
        var bytes = Array("HYLL".utf8) + [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]
        if !appendSparse(registers, to: &bytes) {
            bytes.removeSubrange(headBytes...)
            bytes[4] = 0
            appendDense(registers, to: &bytes)
        }
        return bytes
    }

    /// Reads the HyperLogLog that fills `range`.
    package static func decode(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(DecodingFailure) -> HyperLogLog {
        let start = range.lowerBound
        guard range.count >= headBytes, "HYLL".utf8.enumerated().allSatisfy({ bytes[start + $0] == $1 }) else {
            throw DecodingFailure(what: "HyperLogLog", offset: start)
        }
        let body = start + headBytes..<range.upperBound
        switch bytes[start + 4] {
        case 0: return try dense(bytes, body)
        case 1: return try sparse(bytes, body)
        default: throw DecodingFailure(what: "HyperLogLog encoding", offset: start + 4)
        }
    }

    private static func appendDense(_ registers: HyperLogLog, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: denseBytes))
        registers.forEach { place in
            let bit = place.index * 6
            let value = UInt16(place.rank) << UInt16(bit & 7)
            bytes[start + bit / 8] |= UInt8(truncatingIfNeeded: value)
            // The last register ends with the last byte.
            if bit & 7 > 2 { bytes[start + bit / 8 + 1] |= UInt8(value >> 8) }
        }
    }

    /// False where Redis would not keep it so.
    private static func appendSparse(_ registers: HyperLogLog, to bytes: inout [UInt8]) -> Bool {
        var next = 0
        var isSparse = true
        registers.forEach { place in
            guard isSparse, place.rank <= maxSparseRank, bytes.count <= maxSparseBytes + headBytes else {
                isSparse = false
                return
            }
            appendZeros(place.index - next, to: &bytes)
            bytes.append(0x80 | (place.rank - 1) << 2)
            next = place.index + 1
        }
        appendZeros(HyperLogLog.registerCount - next, to: &bytes)
        return isSparse && bytes.count <= maxSparseBytes + headBytes
    }

    private static func appendZeros(_ count: Int, to bytes: inout [UInt8]) {
        if count > 64 {
            bytes.append(0x40 | UInt8((count - 1) >> 8))
            bytes.append(UInt8((count - 1) & 255))
        } else if count > 0 {
            bytes.append(UInt8(count - 1))
        }
    }

    private static func dense(_ bytes: Span<UInt8>, _ body: Range<Int>) throws(DecodingFailure) -> HyperLogLog {
        // Redis' string may have a byte more, for its own reads past the end.
        guard body.count == denseBytes || body.count == denseBytes + 1 else {
            throw DecodingFailure(what: "dense HyperLogLog", offset: body.lowerBound)
        }
        var registers = HyperLogLog()
        for index in 0..<HyperLogLog.registerCount {
            let bit = index * 6
            let place = body.lowerBound + bit / 8
            var value = UInt16(bytes[place])
            if bit & 7 > 2 { value |= UInt16(bytes[place + 1]) << 8 }
            let rank = UInt8(value >> UInt16(bit & 7) & 63)
            if rank > 0 { try raise(index, rank, &registers, place) }
        }
        return registers
    }

    private static func sparse(_ bytes: Span<UInt8>, _ body: Range<Int>) throws(DecodingFailure) -> HyperLogLog {
        var registers = HyperLogLog()
        var (index, place) = (0, body.lowerBound)
        while place < body.upperBound {
            let byte = Int(bytes[place])
            if byte & 0x80 != 0 {
                let end = index + (byte & 3) + 1
                guard end <= HyperLogLog.registerCount else { break }
                for index in index..<end { try raise(index, UInt8(byte >> 2 & 31) + 1, &registers, place) }
                index = end
            } else if byte & 0x40 != 0 {
                guard place + 1 < body.upperBound else { break }
                index += (byte & 63) << 8 + Int(bytes[place + 1]) + 1
                place += 1
            } else {
                index += byte + 1
            }
            place += 1
        }
        guard place == body.upperBound, index == HyperLogLog.registerCount else {
            throw DecodingFailure(what: "sparse HyperLogLog", offset: place)
        }
        return registers
    }

    private static func raise(
        _ index: Int, _ rank: UInt8, _ registers: inout HyperLogLog, _ offset: Int
    ) throws(DecodingFailure) {
        guard rank <= HyperLogLog.maxRank else { throw DecodingFailure(what: "register", offset: offset) }
        registers.raise(.init(index: index, rank: rank))
    }
}
