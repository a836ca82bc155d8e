internal import Glibc

/// Tells whether a file is another than before: its place on disk, its size, and when it was last written.
package struct FileVersion: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: KernelTime

    /// Looks at the file at `path`, following links; nil where there is none that can be looked at.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = KernelTime(status.st_mtim)
    }
}
