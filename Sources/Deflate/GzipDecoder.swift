internal import CZlib

/// Decompresses gzip data that arrives in pieces, never to more than its limit, whatever they claim.
///
/// Several members in a row count as one, as the format says.
@safe package final class GzipDecoder {
    private let stream: UnsafeMutablePointer<z_stream>
    private let maxBytes: Int
    private var isWhole = false

    /// Makes a decoder for one body of at most `maxBytes` decompressed.
    package init(maxBytes: Int) {
        self.maxBytes = maxBytes
        // zlib keeps a pointer to the stream, so it must not move.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe weir_gzip_inflate_init(stream)
        precondition(code == Z_OK, "zlib has no memory or another version than its header")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Decompresses `bytes`, appending to `output`.
    package func decode(_ bytes: Span<UInt8>, into output: inout [UInt8]) throws(GzipError) {
        var failure: GzipError?
        unsafe bytes.withUnsafeBufferPointer { input in
            guard let base = input.baseAddress else { return }
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: base)
            unsafe stream.pointee.avail_in = UInt32(input.count)
            failure = inflateAll(into: &output)
        }
        if let failure { throw failure }
    }

    /// Checks that the data was complete.
    package func finish() throws(GzipError) {
        guard isWhole else { throw .truncated }
    }

    private func inflateAll(into output: inout [UInt8]) -> GzipError? {
        let step = 32 * 1024
        while unsafe stream.pointee.avail_in > 0 || !isWhole {
            if isWhole {
                guard unsafe inflateReset(stream) == Z_OK else { return .malformed }
                isWhole = false
            }
            let start = output.count
            // One byte over the limit tells a body that is too large from one that just fits.
            let room = min(step, maxBytes + 1 - start)
            guard room > 0 else { return .tooLarge }
            var code = Z_STREAM_ERROR
            // Appended in one copy: an array cannot lend room that holds nothing yet.
            output += unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                unsafe stream.pointee.next_out = base
                unsafe stream.pointee.avail_out = UInt32(room)
                code = unsafe inflate(stream, Z_NO_FLUSH)
                count = room - Int(unsafe stream.pointee.avail_out)
            }
            let left = unsafe Int(stream.pointee.avail_out)
            switch code {
            case Z_STREAM_END: isWhole = true
            case Z_OK: break
            case Z_BUF_ERROR: return output.count > maxBytes ? .tooLarge : nil
            default: return .malformed
            }
            if output.count > maxBytes { return .tooLarge }
            if left > 0, unsafe stream.pointee.avail_in == 0 { return nil }
        }
        return nil
    }
}
