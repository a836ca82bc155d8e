internal import Glibc

/// Puts a reply together from its values in the order in which they stand on the wire.
struct ReplyBuilder {
    /// The reply, once its last value has come.
    var complete: RedisValue?

    /// The innermost array that is not complete yet, and how many values it still lacks; 0 where no array is open.
    private var items: [RedisValue] = []
    private var missing = 0
    /// The arrays around it, outermost first.
    private var outer: [(items: [RedisValue], missing: Int)] = []
    private var shared = SharedBytes()

    mutating func beginArray(count: Int) {
        guard count > 0 else { return add(.array([])) }
        if missing > 0 { outer.append((items, missing)) }
        items = []
        items.reserveCapacity(min(count, 4096))  // the count is the peer's claim; more room comes with the items
        missing = count
    }

    mutating func addBulk(_ bytes: UnsafeRawBufferPointer) { add(.bulk(shared.array(bytes))) }

    mutating func add(_ value: RedisValue) {
        guard missing > 0 else {
            complete = value
            return
        }
        items.append(value)
        missing -= 1
        while missing == 0 {
            let whole = RedisValue.array(items)
            guard let around = outer.popLast() else {
                items = []
                complete = whole
                return
            }
            items = around.items
            missing = around.missing - 1
            items.append(whole)
        }
    }
}

/// Arrays that were made of short byte strings, so that one that comes again need not be allocated anew.
///
/// The entries of a stream repeat their field names, and many of their values too. Each string has one place, where the
/// newest of those that share it stands.
private struct SharedBytes {
    private static let maxBytes = 32
    private var arrays = [[UInt8]](repeating: [], count: 256)

    mutating func array(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard bytes.count <= Self.maxBytes, let start = bytes.baseAddress, bytes.count > 0 else {
            return [UInt8](bytes)
        }
        let place = Self.place(bytes)
        let isKnown = arrays[place].withUnsafeBytes { known in
            known.count == bytes.count && known.baseAddress.map { memcmp($0, start, bytes.count) == 0 } ?? false
        }
        if !isKnown { arrays[place] = [UInt8](bytes) }
        return arrays[place]
    }

    private static func place(_ bytes: UnsafeRawBufferPointer) -> Int {
        var word: UInt64 = 0
        if bytes.count >= 8 {
            word = bytes.loadUnaligned(as: UInt64.self)
            word ^= bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self) &* 3
        } else {
            for byte in bytes { word = word << 8 | UInt64(byte) }
        }
        return Int(truncatingIfNeeded: ((word &+ UInt64(bytes.count)) &* 0x9E37_79B9_7F4A_7C15) >> 56)
    }
}
