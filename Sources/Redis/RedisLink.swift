internal import CHiredis
internal import Glibc
internal import Reactor

/// One connected socket: bytes out, replies in. Belongs to the client that opened it, on the client's loop.
///
/// Why not hiredis' own asynchronous context: 0.14 has no deadlines, frees replies after the callback (so they are copied
/// anyway), and formats each command into a string of its own; measured, our encoder takes half the time, and here all
/// that was asked for in one turn of the loop leaves in one write.
final class RedisLink {
    private let descriptor: CInt
    private let reader = ReplyReader()
    private var output: [UInt8] = []
    private var outputSent = 0
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Set by the client right after `init`, for its callbacks lead back there.
    var watch: FileWatch?
    /// Bytes that were ever queued here, and of these the ones that the system has taken.
    private(set) var queuedBytes: UInt64 = 0
    private(set) var sentBytes: UInt64 = 0
    var isFlushScheduled = false

    /// Takes over a connected, non-blocking descriptor.
    init(adopting descriptor: CInt) { self.descriptor = descriptor }

    deinit {
        watch?.cancel()
        close(descriptor)
        input.deallocate()
    }

    func makeWatch(
        on loop: EventLoop, onReadable: @escaping @Sendable () -> Void, onWritable: @escaping @Sendable () -> Void
    ) {
        let made = loop.watch(descriptor, onReadable: onReadable, onWritable: onWritable)
        made.want(read: true, write: false)
        watch = made
    }

    func queue(_ commands: [RedisCommand]) {
        let before = output.count
        for command in commands { command.encode(into: &output) }
        queuedBytes += UInt64(output.count - before)
    }

    /// Writes what is queued, as far as the system takes it; the rest goes when the socket can be written again.
    func flush() throws(RedisError) {
        while outputSent < output.count {
            let sent = output.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress?.advanced(by: outputSent), bytes.count - outputSent,
                    CInt(MSG_NOSIGNAL))
            }
            if sent >= 0 {
                outputSent += sent
                sentBytes += UInt64(sent)
                continue
            }
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN else { throw RedisError(.disconnected, "write", String(cString: strerror(code))) }
            break
        }
        if outputSent == output.count {
            // A buffer that one great command has made large is given back.
            output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
            outputSent = 0
        } else if outputSent >= output.count / 2 {
            output.removeFirst(outputSent)
            outputSent = 0
        }
        watch?.want(read: true, write: !output.isEmpty)
    }

    /// Reads what has come, at most 1 MiB a turn, and hands every whole reply to `take`.
    func receive(_ take: (RedisValue) throws(RedisError) -> Void) throws(RedisError) {
        for _ in 0..<16 {
            let count = recv(descriptor, input.baseAddress, input.count, 0)
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                if code == EAGAIN { return }
                throw RedisError(.disconnected, "read", String(cString: strerror(code)))
            }
            if count == 0 { throw RedisError(.disconnected, "read", "the server closed the connection") }
            try reader.feed(UnsafeRawBufferPointer(rebasing: input[..<count]))
            while let reply = try reader.next() { try take(reply) }
            if count < input.count { return }
        }
    }
}
