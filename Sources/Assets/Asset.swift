/// One file of the repository that is built into the executable.
///
/// The bytes lie in the executable's read-only data: holding an asset costs nothing, and any thread may read it.
package struct Asset: Sendable {
    /// Its path inside the repository, such as `sql/migrations/0001_create_series.sql`.
    package let path: String
    private let memory: StaticMemory

    init(path: String, start: UnsafePointer<UInt8>, count: Int) {
        self.path = path
        memory = StaticMemory(address: UInt(bitPattern: start), count: count)
    }

    /// Its size in bytes.
    package var count: Int { memory.count }

    /// The part of the path after the last '/'.
    package var name: Substring { path.split(separator: "/").last ?? "" }

    /// Lends the file's bytes, without a copy.
    package func withBytes<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
        try body(unsafe Span(_unsafeElements: memory.buffer))
    }

    /// A copy of the file's bytes.
    package var bytes: [UInt8] { unsafe [UInt8](memory.buffer) }

    /// The file as text; bytes that are no UTF-8 are replaced.
    package var text: String { unsafe String(decoding: memory.buffer, as: UTF8.self) }
}

/// Memory that lives as long as the process, kept as a number because pointers are not Sendable.
private struct StaticMemory: Sendable {
    let address: UInt
    let count: Int

    var buffer: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: UnsafePointer(bitPattern: address), count: count)
    }
}
