internal import CZlib

/// Decompresses the messages of permessage-deflate (RFC 7692), each by itself, so that all sockets of a loop share one, or in
/// reference to those before, as a client needs it.
///
/// Keeps one stream of zlib (some 40 KB); not for two threads at once.
@safe package final class MessageInflater {
    /// What the sender left away, RFC 7692, section 7.2.2.
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    /// Set in zlib's `data_type` where a block has just ended.
    private static let endOfBlock: Int32 = 128
    private let stream: UnsafeMutablePointer<z_stream>

    package init() {
        // zlib keeps a pointer to the stream, so it must not move.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe weir_raw_inflate_init(stream)
        precondition(code == Z_OK, "zlib has no memory or another version than its header")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The message that `payload` stands for; where it `continues`, it may refer to the messages before.
    ///
    /// - Throws: `.tooLarge` as soon as it has more than `maxBytes`, whatever it claims; `.malformed`, `.truncated`.
    package func inflate(_ payload: [UInt8], maxBytes: Int, continues: Bool = false) throws(GzipError) -> [UInt8] {
        if !continues { precondition(unsafe inflateReset(stream) == Z_OK, "the stream is sound") }
        var message: [UInt8] = []
        for piece in [payload, Self.tail] {
            if let failure = take(piece, into: &message, maxBytes) { throw failure }
        }
        guard unsafe stream.pointee.data_type & Self.endOfBlock != 0 else { throw .truncated }
        return message
    }

    private func take(_ piece: [UInt8], into message: inout [UInt8], _ maxBytes: Int) -> GzipError? {
        unsafe piece.withUnsafeBufferPointer { input in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(input.count)
            while true {
                // One byte over the limit tells a message that is too large from one that just fits.
                let room = min(max(1024, 4 * piece.count), 64 * 1024, maxBytes + 1 - message.count)
                guard room > 0 else { return .tooLarge }
                var code = Z_STREAM_ERROR
                message += unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(room)
                    code = unsafe CZlib.inflate(stream, Z_SYNC_FLUSH)
                    count = room - Int(unsafe stream.pointee.avail_out)
                }
                if message.count > maxBytes { return .tooLarge }
                switch code {
                case Z_OK, Z_BUF_ERROR: if unsafe stream.pointee.avail_out > 0 { return nil }
                // A last block may be followed by others: a stream of their own for zlib.
                case Z_STREAM_END:
                    guard unsafe inflateReset(stream) == Z_OK else { return .malformed }
                    if unsafe stream.pointee.avail_in == 0 { return nil }
                default: return .malformed
                }
            }
        }
    }
}
