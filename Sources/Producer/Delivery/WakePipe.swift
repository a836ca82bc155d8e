internal import Glibc

/// Lets a thread wait for bytes of a descriptor, for a time, or until somebody else wakes it, whatever comes first.
final class WakePipe: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    /// - Throws: the system's number where it has no descriptors left.
    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemError(operation: "pipe", code: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Lets the waiting thread go, or the next one that comes. From any thread.
    func wake() {
        var byte: UInt8 = 1
        // A full pipe wakes as well as one more byte would.
        while unsafe write(writeEnd, &byte, 1) < 0 && errno == EINTR {}
    }

    /// Waits until `descriptor` can be read (or is at its end), `wake` is called, or `timeout` has passed.
    ///
    /// Blocks the calling thread, so only for threads of our own. Calls of `wake` since the last wait count.
    /// - Returns: true if the descriptor has something to say.
    func wait(for descriptor: Int32? = nil, timeout: Duration? = nil) -> Bool {
        var sources = [
            pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        // Rounded up: waking a moment early would only mean to wait again.
        let milliseconds = timeout.map { Int32(max(0, min($0 / .milliseconds(1) + 1, 86_400_000))) }
        while unsafe poll(&sources, 2, milliseconds ?? -1) < 0 && errno == EINTR {}
        if sources[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while unsafe read(readEnd, &bytes, bytes.count) > 0 {}
        }
        return sources[1].revents != 0
    }
}

/// A call of the system that failed.
package struct SystemError: Error, CustomStringConvertible {
    /// What was tried, with the file's name where there is one.
    package let operation: String
    /// `errno`.
    package let code: Int32

    /// `access.log: No such file or directory`.
    package var description: String { "\(operation): \(unsafe String(cString: strerror(code)))" }
}
