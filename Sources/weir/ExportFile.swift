import Glibc
import Service

/// Where an export goes: standard output, or a file that is there whole or not at all.
///
/// It is written under another name beside its own and renamed when it is complete and on disk. What is no plain file (a
/// named pipe, `/dev/null`) is written as it is. Calls block; `abandon` may come from any thread.
final class ExportFile: Sendable {
    private struct State {
        var descriptor: Int32
        /// The name until it is complete; nil where it has its own, or is given up.
        var temporary: String?
    }

    /// Its name, for messages.
    let name: String
    private let target: String?
    private let state: Lock<State>

    /// Opens the file at `path`; standard output for nil and `-`.
    ///
    /// - Throws: `StartError` 73 where it cannot be made.
    init(_ path: String?) throws(StartError) {
        guard let path, path != "-" else {
            (name, target) = ("standard output", nil)
            state = Lock(State(descriptor: STDOUT_FILENO))
            return
        }
        name = path
        var status = stat()
        let isThere = unsafe stat(path, &status) == 0
        let mode = status.st_mode
        if isThere, mode & S_IFMT == S_IFDIR { throw StartError(.cannotCreate, "\(path): is a folder") }
        if isThere, mode & S_IFMT != S_IFREG {
            target = nil
            state = Lock(State(descriptor: try Self.open(path, O_WRONLY | O_CLOEXEC, path)))
            return
        }
        // A link stays one: what it leads to is replaced.
        let target = isThere ? Self.resolved(path) : path
        self.target = target
        let slash = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
        let temporary =
            "\(target[..<slash]).\(target[slash...]).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
        let descriptor = try Self.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, path)
        if isThere { fchmod(descriptor, mode & 0o7777) }
        state = Lock(State(descriptor: descriptor, temporary: temporary))
    }

    /// Whether somebody reads along.
    var isTerminal: Bool { isatty(state.withLock { $0.descriptor }) == 1 }

    /// Writes all of `bytes`.
    ///
    /// - Throws: `StartError` 74; 141 where nobody reads a pipe any more, as for any other program in it.
    func write(_ bytes: [UInt8]) throws(StartError) {
        let code = writeAll(bytes, to: state.withLock { $0.descriptor })
        if code == 0 { return }
        throw StartError(code == EPIPE ? .signal(SIGPIPE) : .inputOutput, Self.problem(name, code))
    }

    /// Gives the file its name, once all of it is on disk.
    ///
    /// - Throws: `StartError` 74, and then there is none.
    func finish() throws(StartError) {
        let code = state.withLock { state -> Int32 in
            guard let temporary = state.temporary, let target else { return 0 }
            defer { close(state.descriptor) }
            state.temporary = nil
            if fsync(state.descriptor) == 0, unsafe rename(temporary, target) == 0 { return 0 }
            let code = errno
            unsafe unlink(temporary)
            return code
        }
        if code != 0 { throw StartError(.inputOutput, Self.problem(name, code)) }
    }

    /// Removes what was written, unless it is finished.
    func abandon() {
        state.withLock { state in
            if let temporary = state.temporary { unsafe unlink(temporary) }
            state.temporary = nil
        }
    }

    private static func open(_ path: String, _ flags: Int32, _ name: String) throws(StartError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, flags, 0o666)
        if descriptor < 0 { throw StartError(.cannotCreate, problem(name, errno)) }
        return descriptor
    }

    private static func resolved(_ path: String) -> String {
        guard let text = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    private static func problem(_ name: String, _ code: Int32) -> String {
        FileError(path: name, code: code).description
    }
}
