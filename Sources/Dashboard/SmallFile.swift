import Glibc

/// Reads a file that fits into memory many times over, without Foundation.
enum SmallFile {
    /// More than any chart library; a bound so that a wrong folder cannot fill the memory.
    private static let maxBytes = 4 << 20

    /// The file's bytes; nil where it cannot be read, is no regular file or is larger than 4 MiB.
    static func bytes(ofFileAt path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxBytes
        else { return nil }
        let size = Int(status.st_size)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, size - count)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { return }
                count += got
            }
        }
        return bytes.count == size ? bytes : nil
    }
}
