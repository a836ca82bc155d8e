/// Numbers byte strings in the order they first appear: 0, 1, 2, …
///
/// Open addressing over one arena, so that looking up a key allocates nothing. The hash has a seed that nobody outside the
/// process knows, so that clients cannot flood the table with colliding keys.
package struct ByteKeyTable: Sendable {
    private var arena: [UInt8] = []
    /// Where each key ends in the arena.
    private var ends: [Int] = []
    private var hashes: [Int] = []
    /// Key number + 1, or 0; a power of two long, at most half full.
    private var places: [Int32] = Array(repeating: 0, count: 64)

    package init() {}

    package var count: Int { ends.count }

    /// The bytes of key `number`.
    package func key(_ number: Int) -> ArraySlice<UInt8> { arena[start(of: number)..<ends[number]] }

    /// The number of `key`; nil where it has none.
    package func number(of key: [UInt8]) -> Int? {
        let hash = Self.hash(key)
        var place = hash & (places.count - 1)
        while places[place] != 0 {
            let number = Int(places[place]) - 1
            if hashes[number] == hash && matches(number, key) { return number }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    /// Gives `key`, which has none, the next number.
    @discardableResult
    package mutating func add(_ key: [UInt8]) -> Int {
        arena.append(contentsOf: key)
        ends.append(arena.count)
        hashes.append(Self.hash(key))
        if ends.count * 2 > places.count { grow() } else { put(ends.count - 1) }
        return ends.count - 1
    }

    private func start(of number: Int) -> Int { number == 0 ? 0 : ends[number - 1] }

    private func matches(_ number: Int, _ key: [UInt8]) -> Bool {
        arena.span.extracting(start(of: number)..<ends[number]).hasSameBytes(as: key.span)
    }

    private mutating func put(_ number: Int) {
        var place = hashes[number] & (places.count - 1)
        while places[place] != 0 { place = (place + 1) & (places.count - 1) }
        places[place] = Int32(number) + 1
    }

    private mutating func grow() {
        places = Array(repeating: 0, count: places.count * 2)
        for number in ends.indices { put(number) }
    }

    // Swift's Hasher takes four times as long for keys of some 40 bytes. This is the loop of wyhash (Wang Yi, final version
    // 4, public domain): 16 bytes a step, multiplied to 128 bits and folded, with secrets that are random here.
    private static let secrets = (
        UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)
    )

    private static func hash(_ key: [UInt8]) -> Int {
        let (first, second, third) = secrets
        return unsafe key.withUnsafeBytes { bytes in
            var state = third ^ UInt64(bytes.count)
            var place = 0
            while place + 16 <= bytes.count {
                let low = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                let high = unsafe bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)
                state = fold(low ^ first, high ^ state)
                place += 16
            }
            var (low, high, shift) = (UInt64(0), UInt64(0), UInt64(0))
            if place + 8 <= bytes.count {
                high = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                place += 8
            }
            while place < bytes.count {
                low |= unsafe UInt64(bytes[place]) << shift
                shift += 8
                place += 1
            }
            return Int(truncatingIfNeeded: fold(fold(low ^ second, high ^ state), first ^ third))
        }
    }

    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
