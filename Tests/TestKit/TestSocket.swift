import Glibc
import Synchronization

/// A blocking stream socket with deadlines, for tests that speak a protocol byte by byte.
///
/// Safe from any thread; one reader and one writer may work at once. Closed when this object goes.
package final class TestSocket: Sendable {
    private let descriptor: Int32
    private let inbox = Mutex<[UInt8]>([])

    /// Connects.
    ///
    /// - Parameters:
    ///   - address: where to.
    ///   - receiveBufferBytes: the kernel's buffer for what is not read yet; small for a slow client.
    /// - Throws: `TestKitError` with the system's reason.
    package init(to address: SocketAddress, receiveBufferBytes: Int? = nil) throws {
        descriptor = try address.connect()
        if var size = receiveBufferBytes.map(Int32.init) {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit { close(descriptor) }

    // MARK: For tests

    /// Sends all bytes.
    package func send(_ bytes: [UInt8], within deadline: Duration = .seconds(10)) async throws {
        try await offThread { [self] in try write(bytes, until: .now + deadline) }
    }

    /// Sends all of the text.
    package func send(_ text: String, within deadline: Duration = .seconds(10)) async throws {
        try await send(Array(text.utf8), within: deadline)
    }

    /// Waits for exactly `count` bytes.
    package func receive(count: Int, within deadline: Duration = .seconds(10)) async throws -> [UInt8] {
        try await offThread { [self] in try read(count: count, until: .now + deadline) }
    }

    /// Waits for one line and returns it without its end.
    package func receiveLine(within deadline: Duration = .seconds(10)) async throws -> String {
        try await offThread { [self] in String(decoding: try readLine(until: .now + deadline), as: UTF8.self) }
    }

    /// Waits until the other side closes, and returns all that came before.
    package func receiveToEnd(within deadline: Duration = .seconds(10)) async throws -> [UInt8] {
        try await offThread { [self] in try readToEnd(until: .now + deadline) }
    }

    /// Says that nothing more will be sent; reading goes on.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Breaks the connection off, so that the other side sees a reset.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        // Closing needs the descriptor, which lives as long as this object: connecting to nowhere resets as well.
        var nowhere = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    // MARK: Blocking, for the clients of this module

    func write(_ bytes: [UInt8], until end: ContinuousClock.Instant) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                try wait(for: Int16(POLLOUT), until: end)
            } else if errno != EINTR {
                throw TestKitError("sending failed: \(String(cString: strerror(errno)))")
            }
        }
    }

    func read(count: Int, until end: ContinuousClock.Instant) throws -> [UInt8] {
        try inbox.withLock { inbox in
            while inbox.count < count {
                guard try fill(&inbox, until: end) else {
                    throw TestKitError("closed by the other side after \(inbox.count) of \(count) bytes")
                }
            }
            defer { inbox.removeFirst(count) }
            return Array(inbox[..<count])
        }
    }

    func readLine(until end: ContinuousClock.Instant) throws -> [UInt8] {
        try inbox.withLock { inbox in
            var looked = 0
            while true {
                if let newline = inbox[looked...].firstIndex(of: UInt8(ascii: "\n")) {
                    var line = Array(inbox[..<newline])
                    inbox.removeFirst(newline + 1)
                    if line.last == UInt8(ascii: "\r") { line.removeLast() }
                    return line
                }
                looked = inbox.count
                guard try fill(&inbox, until: end) else {
                    throw TestKitError("closed by the other side in the middle of a line of \(inbox.count) bytes")
                }
            }
        }
    }

    func readToEnd(until end: ContinuousClock.Instant) throws -> [UInt8] {
        try inbox.withLock { inbox in
            while try fill(&inbox, until: end) {}
            defer { inbox = [] }
            return inbox
        }
    }

    /// Appends what there is, waiting for the first byte; false at the end of the stream.
    private func fill(_ inbox: inout [UInt8], until end: ContinuousClock.Instant) throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                inbox += chunk[..<count]
                return true
            }
            if count == 0 { return false }
            if errno == EAGAIN {
                try wait(for: Int16(POLLIN), until: end)
            } else if errno != EINTR {
                throw TestKitError("receiving failed: \(String(cString: strerror(errno)))")
            }
        }
    }

    private func wait(for event: Int16, until end: ContinuousClock.Instant) throws {
        while true {
            let left = (end - .now).milliseconds
            if left <= 0 { throw TestKitError(event == Int16(POLLIN) ? "nothing came in time" : "cannot send in time") }
            var entry = pollfd(fd: descriptor, events: event, revents: 0)
            if poll(&entry, 1, Int32(clamping: left)) > 0 { return }
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded up.
    var milliseconds: Int64 {
        let parts = components
        return parts.seconds * 1000 + (parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
