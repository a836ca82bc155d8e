internal import Glibc

/// The registers of a HyperLogLog, the same to the bit as those that Redis' PFADD makes of the same values.
///
/// 16,384 registers, standard error 0.81 %. Merging takes the greater of two registers, so it is associative, commutative
/// and idempotent. Few registers are kept as a sorted list, many as an array; which of the two depends on their number
/// alone, so equal registers are equal values. Sources: Redis 7.0 `hyperloglog.c`; Flajolet et al., "HyperLogLog", 2007;
/// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284.
package struct HyperLogLog: Equatable, Sendable {
    /// Where a value goes, and what its register is at least.
    package struct Place: Equatable, Sendable {
        /// 0...16,383.
        package let index: Int
        /// 1...51.
        package let rank: UInt8

        package init(index: Int, rank: UInt8) {
            self.index = index
            self.rank = rank
        }
    }

    package static let registerCount = 16_384
    /// The greatest value of a register.
    package static let maxRank: UInt8 = 51
    private static let indexBits: UInt64 = 14
    /// Past so many registers the array takes less room and less time.
    private static let maxListed = 1_024
    private static let alpha = 0.721347520444481703680

    /// Ascending: index in the high bits, register in the low eight.
    private var listed: [UInt32] = []
    /// By index; empty while the list serves.
    private var all: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { listed.isEmpty && all.isEmpty }

    /// Registers that are not zero.
    package var filledCount: Int { all.isEmpty ? listed.count : all.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }

    /// Where the value `bytes` goes.
    package static func place(of bytes: Span<UInt8>) -> Place {
        var hash = murmurHash64A(bytes)
        let index = Int(hash & UInt64(registerCount - 1))
        hash >>= indexBits
        hash |= 1 << (64 - indexBits)
        return Place(index: index, rank: UInt8(hash.trailingZeroBitCount + 1))
    }

    /// Adds a value; true where that changed a register.
    @discardableResult
    package mutating func insert(_ bytes: Span<UInt8>) -> Bool { raise(Self.place(of: bytes)) }

    /// Makes a register at least `place.rank`; true where that changed it.
    @discardableResult
    package mutating func raise(_ place: Place) -> Bool {
        if !all.isEmpty {
            guard all[place.index] < place.rank else { return false }
            all[place.index] = place.rank
            return true
        }
        let entry = UInt32(place.index) << 8 | UInt32(place.rank)
        let position = lowerBound(UInt32(place.index) << 8)
        if position < listed.count, listed[position] >> 8 == UInt32(place.index) {
            guard listed[position] < entry else { return false }
            listed[position] = entry
            return true
        }
        listed.insert(entry, at: position)
        if listed.count > Self.maxListed { spread() }
        return true
    }

    /// Adds all that `other` has seen.
    package mutating func merge(_ other: HyperLogLog) {
        if isEmpty {
            self = other
            return
        }
        if !other.all.isEmpty && all.isEmpty { spread() }
        other.forEach { raise($0) }
    }

    /// Calls `body` with each register that is not zero, ascending by index.
    package func forEach(_ body: (Place) -> Void) {
        for entry in listed { body(Place(index: Int(entry >> 8), rank: UInt8(entry & 255))) }
        for (index, rank) in all.enumerated() where rank > 0 { body(Place(index: index, rank: rank)) }
    }

    /// How many distinct values it has seen, about: what PFCOUNT answers for the same registers.
    package var count: Int {
        var histogram = [Double](repeating: 0, count: 64)
        var filled = 0.0
        forEach { place in
            histogram[Int(place.rank)] += 1
            filled += 1
        }
        let m = Double(Self.registerCount)
        histogram[0] = m - filled
        let q = Int(64 - Self.indexBits)
        var z = m * Self.tau((m - histogram[q + 1]) / m)
        for rank in stride(from: q, through: 1, by: -1) { z = (z + histogram[rank]) * 0.5 }
        z += m * Self.sigma(histogram[0] / m)
        return Int((Self.alpha * m * m / z).rounded())
    }

    private mutating func spread() {
        all = Array(repeating: 0, count: Self.registerCount)
        for entry in listed { all[Int(entry >> 8)] = UInt8(entry & 255) }
        listed = []
    }

    private func lowerBound(_ entry: UInt32) -> Int {
        var (low, high) = (0, listed.count)
        while low < high {
            let middle = (low + high) / 2
            if listed[middle] < entry { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Ertl's σ, as Redis computes it.
    private static func sigma(_ start: Double) -> Double {
        if start == 1 { return .infinity }
        var (x, y, z) = (start, 1.0, start)
        while true {
            x *= x
            let before = z
            z += x * y
            y += y
            if z == before { return z }
        }
    }

    /// Ertl's τ, as Redis computes it.
    private static func tau(_ start: Double) -> Double {
        if start == 0 || start == 1 { return 0 }
        var (x, y, z) = (start, 1.0, 1 - start)
        while true {
            x = x.squareRoot()
            let before = z
            y *= 0.5
            z -= pow(1 - x, 2) * y
            if z == before { return z / 3 }
        }
    }

    /// Austin Appleby's MurmurHash64A with Redis' seed, the same on machines of either byte order.
    private static func murmurHash64A(_ bytes: Span<UInt8>) -> UInt64 {
        let m: UInt64 = 0xc6a4_a793_5bd1_e995
        let r: UInt64 = 47
        var hash: UInt64 = 0xadc8_3b19 ^ (UInt64(bytes.count) &* m)
        var place = 0
        while place + 8 <= bytes.count {
            var block: UInt64 = 0
            for offset in 0..<8 { block |= UInt64(bytes[place + offset]) << UInt64(offset * 8) }
            block = block &* m
            block ^= block >> r
            hash = (hash ^ (block &* m)) &* m
            place += 8
        }
        if place < bytes.count {
            for offset in 0..<bytes.count - place { hash ^= UInt64(bytes[place + offset]) << UInt64(offset * 8) }
            hash = hash &* m
        }
        hash ^= hash >> r
        hash = hash &* m
        return hash ^ hash >> r
    }
}
