internal import Glibc

/// One open source of lines; owns its descriptor unless that is standard input.
///
/// All calls may block, so they belong to a thread of their own.
struct LogInput: ~Copyable {
    /// What people call it.
    let name: String
    let descriptor: Int32
    /// A file that can be read twice, and whose size says something.
    let isRegular: Bool
    private let ownsDescriptor: Bool
    private let device: dev_t
    private let inode: ino_t

    /// - Throws: `SystemError` where the file cannot be read.
    init(path: String, standardInput: Int32) throws(SystemError) {
        let isInput = path == "-"
        let descriptor = isInput ? standardInput : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(operation: path, code: errno) }
        var status = stat()
        var code = unsafe fstat(descriptor, &status) == 0 ? 0 : errno
        let kind = status.st_mode & S_IFMT
        if code == 0, kind == S_IFDIR { code = EISDIR }
        guard code == 0 else {
            if !isInput { close(descriptor) }
            throw SystemError(operation: path, code: code)
        }
        self.name = isInput ? "standard input" : path
        self.descriptor = descriptor
        isRegular = kind == S_IFREG
        ownsDescriptor = !isInput
        device = status.st_dev
        inode = status.st_ino
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
    }

    /// Reads up to `buffer.count` bytes into `buffer`; 0 at the end.
    func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw SystemError(operation: name, code: errno) }
        }
    }

    /// Goes back to the beginning.
    func rewind() { lseek(descriptor, 0, SEEK_SET) }

    /// What has become of the file while it was read.
    enum Change: Equatable {
        case none
        /// It is shorter than what was read of it.
        case truncated
        /// Another file has its name now.
        case replaced
    }

    /// Looks at the file and at its name; a name that is gone for the moment is no change.
    func change(afterReading offset: Int) -> Change {
        var status = stat()
        if unsafe stat(name, &status) == 0, status.st_ino != inode || status.st_dev != device {
            return .replaced
        }
        if unsafe fstat(descriptor, &status) == 0, status.st_size < offset { return .truncated }
        return .none
    }

    /// The size in bytes of a regular file, nil of anything else.
    static func size(ofFile path: String) -> Int? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
