internal import CZlib

/// Compresses whole bodies.
package enum Gzip {
    /// `bytes` as gzip data; `level` 1 (fast) ... 9 (small).
    ///
    /// About 60 MB/s at level 1 and 25 MB/s at level 6, so it is for bodies up to a few hundred kilobytes on a loop.
    package static func compress(_ bytes: [UInt8], level: Int) -> [UInt8] {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let started = unsafe weir_gzip_deflate_init(stream, Int32(level))
        precondition(started == Z_OK, "zlib has no memory or another version than its header")
        defer {
            unsafe deflateEnd(stream)
            unsafe stream.deallocate()
        }
        let bound = unsafe Int(deflateBound(stream, UInt(bytes.count)))
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe bytes.withUnsafeBufferPointer { input in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                let code = unsafe deflate(stream, Z_FINISH)
                precondition(code == Z_STREAM_END, "deflateBound is an upper bound")
            }
            count = unsafe bound - Int(stream.pointee.avail_out)
        }
    }
}
