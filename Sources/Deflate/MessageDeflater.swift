internal import CZlib

/// Compresses messages as permessage-deflate (RFC 7692) has them on the wire, each by itself or in reference to those before.
///
/// Keeps one stream of zlib (268 KB with the largest window); not for two threads at once.
@safe package final class MessageDeflater {
    /// What windows zlib can compress with; the 8 bits that RFC 7692 allows too are none of them.
    package static let windowBits = 9...15
    /// The empty block that a flush ends with; RFC 7692, section 7.2.1, leaves it away.
    private static let tail = 4
    private let stream: UnsafeMutablePointer<z_stream>

    /// Makes a compressor.
    ///
    /// - Parameters:
    ///   - windowBits: the receiver needs no more than `1 << windowBits` bytes of window; 9...15.
    ///   - level: 1 (fast) ... 9 (small).
    package init(windowBits: Int, level: Int) {
        precondition(MessageDeflater.windowBits.contains(windowBits), "a window of 9 to 15 bits")
        // zlib keeps a pointer to the stream, so it must not move.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe weir_raw_deflate_init(stream, Int32(level), Int32(windowBits))
        precondition(code == Z_OK, "zlib has no memory or another version than its header")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The payload that stands for `message`; about 60 MB/s at level 1.
    ///
    /// Where it `continues`, it refers to the messages since the last one that did not: the receiver must have decompressed them
    /// right before, in this order.
    package func compress(_ message: [UInt8], continues: Bool = false) -> [UInt8] {
        // An empty stored block, as section 7.2.3.6 says; zlib would make nothing of nothing.
        guard !message.isEmpty else { return [0] }
        if !continues { precondition(unsafe deflateReset(stream) == Z_OK, "the stream is sound") }
        // The bound is for a whole stream; a flush adds at most a header, the empty block and bits to the next byte.
        let bound = unsafe Int(deflateBound(stream, UInt(message.count))) + 16
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe message.withUnsafeBufferPointer { input in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                let code = unsafe deflate(stream, Z_SYNC_FLUSH)
                precondition(
                    unsafe code == Z_OK && stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0,
                    "deflateBound is an upper bound")
            }
            count = unsafe bound - Int(stream.pointee.avail_out) - MessageDeflater.tail
        }
    }
}
