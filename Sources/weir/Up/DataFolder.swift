import Glibc
import Service

/// The folder of one installation, locked against a second `weir up` for as long as this object lives.
///
/// ```
/// .weir/lock               the process that uses it; empty after an orderly end
///       redis/             the append-only file
///       postgres/          the cluster
///       postgres-password  of the role weir, for connections by TCP
///       run/               the servers' Unix sockets
///       stores             instead of those four: where they are, if the servers' user could not enter here
/// ```
final class DataFolder: Sendable {
    /// Absolute.
    let path: String
    /// As the user named it, for messages.
    let name: String
    /// Whether the last `weir up` ended without a last word, so that what it started may be about to end.
    let wasAbandoned: Bool
    private let lock: Int32

    /// Makes the folder if needed, and locks it.
    init(_ name: String) throws(StartError) {
        self.name = name
        try makeFolders(name, mode: geteuid() == 0 ? 0o711 : 0o700)
        guard let path = absolutePath(name) else { throw Self.failure(name) }
        self.path = path
        lock = unsafe open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Self.failure("\(name)/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let owner = Self.content(lock)
            close(lock)
            throw StartError(
                .tryLater,
                "\(name) is in use by another weir up\(owner.isEmpty ? "" : " (process \(owner))"): stop that one, or "
                    + "choose another folder with --data")
        }
        wasAbandoned = !Self.content(lock).isEmpty
        rewriteLock("\(getpid())\n")
    }

    deinit { close(lock) }

    /// Notes that all has ended in order.
    func markClosed() { rewriteLock("") }

    private func rewriteLock(_ text: String) {
        ftruncate(lock, 0)
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe pwrite(lock, $0.baseAddress, $0.count, 0) }
    }

    private static func content(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private static func failure(_ path: String) -> StartError {
        let code = errno
        let hint = code == EACCES ? " (does it belong to another user?); choose another folder with --data" : ""
        return StartError(.cannotCreate, "\(FileError(path: path, code: code))\(hint)")
    }
}

/// Makes a folder with all those above it; one that is there stays as it is.
func makeFolders(_ path: String, mode: mode_t) throws(StartError) {
    if unsafe mkdir(path, mode) == 0 {
        unsafe chmod(path, mode)  // whatever the umask took
        return
    }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
        try makeFolders(String(path[..<slash]), mode: 0o755)
        return try makeFolders(path, mode: mode)
    }
    let code = errno
    guard code == EEXIST, FileOwner(path)?.isFolder == true else {
        throw StartError(.cannotCreate, "\(FileError(path: path, code: code == EEXIST ? ENOTDIR : code))")
    }
}

/// The path without links; nil with `errno` if there is nothing.
func absolutePath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}

/// Whose a file is, and who may use it.
struct FileOwner {
    let user: uid_t
    let isFolder: Bool
    /// Whether only its owner may enter, read or write it.
    let isPrivate: Bool

    /// Looks at `path` itself, not at what a link there points to; nil if there is nothing.
    init?(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        user = status.st_uid
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        isPrivate = status.st_mode & 0o077 == 0
    }
}
