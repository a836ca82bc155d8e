/// A number that tells bytes from other bytes by mistake; nobody gains by making two collide.
enum Fingerprint {
    private static let prime: UInt64 = 0x100_0000_01b3

    /// FNV-1a over eight bytes at a time. Redis keeps it with idempotency keys, so it must stay the same.
    static func of(_ bytes: [UInt8]) -> UInt64 { of(bytes, bytes.indices) }

    /// The same of the bytes in `range`, going on from `seed`.
    static func of(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
        var hash = seed ^ UInt64(range.count)
        var place = range.lowerBound
        unsafe bytes.withUnsafeBytes { bytes in
            while place + 8 <= range.upperBound {
                let word = UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                hash = (hash ^ word) &* prime
                hash ^= hash >> 32  // products carry upwards only
                place += 8
            }
        }
        for byte in bytes[place..<range.upperBound] { hash = (hash ^ UInt64(byte)) &* prime }
        return hash
    }
}
