internal import Glibc

/// Writes all of `bytes` to `descriptor`, in one `write` where the system takes it so; gives up silently on an error,
/// since those who call it (logs, the last words of a failing start) have nobody left to tell.
func writeFully(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        if written > 0 {
            rest = rest.dropFirst(written)
        } else if written == 0 || errno != EINTR {
            return
        }
    }
}

/// A file that could not be read: the system's number, and what was tried.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package let path: String
    /// `errno`; `EFBIG` where the file is greater than the caller allows.
    package let code: Int32

    /// The error `code` that came up at `path`.
    package init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }

    /// `weir.json5: No such file or directory`.
    package var description: String { "\(path): \(unsafe String(cString: strerror(code)))" }
}

/// Reads the whole file at `path`; blocks the calling thread, so it belongs to start-up and to threads of its own.
/// A file greater than `maxBytes` is refused with `EFBIG`.
package func readFile(_ path: String, maxBytes: Int = 16 << 20) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
    defer { close(descriptor) }
    // Files under /proc have no size, so the only honest end is a read of nothing.
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            bytes += chunk[..<count]
            if bytes.count > maxBytes { throw FileError(path: path, code: EFBIG) }
        } else if count == 0 {
            return bytes
        } else if errno != EINTR {
            throw FileError(path: path, code: errno)
        }
    }
}
