/// Numbers byte strings in the order they first appear: 0, 1, 2, …
///
/// Open addressing over one arena, with Swift's seeded hash, so that looking up a key allocates nothing and clients cannot
/// flood the table with colliding keys.
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
        let first = start(of: number)
        guard ends[number] - first == key.count else { return false }
        for offset in 0..<key.count where arena[first + offset] != key[offset] { return false }
        return true
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

    private static func hash(_ key: [UInt8]) -> Int {
        var hasher = Hasher()
        unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
