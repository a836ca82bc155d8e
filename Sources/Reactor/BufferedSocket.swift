internal import CEvent
internal import Glibc

/// Whoever drives a `BufferedSocket`; called on the loop's thread, so actors pinned to the loop enter with `assumeIsolated`.
package protocol SocketHandler: AnyObject, Sendable {
    /// There are new bytes: look at them with `withInput`, take them with `consume`.
    func socketCanRead()
    /// The peer sends no more (it may still read). Called once, after the last `socketCanRead`.
    func socketInputEnded()
    /// Output that had to wait is all sent.
    func socketDrained()
    /// The socket has closed by itself: broken where there is an error, else after `closeWhenSent` had come to its end.
    /// Nothing is called after this, nor after `close`.
    func socketClosed(_ error: ReactorError?)
}

/// A connected socket with buffers, driven by its loop; belongs to the loop's thread.
///
/// Reading: bytes arrive in the loop's own buffer and are shown in place; only what the handler leaves is copied.
/// Writing: sent at once where the kernel takes it, queued where not. What is written while the handler reads goes out
/// in one call at the end.
///
/// ```
/// open ─closeWhenSent▶ all sent ─▶ lingering (input discarded, so that the peer gets the last bytes and no reset) ─▶ closed
/// open ─close▶ closed         open ─error▶ closed, socketClosed
/// ```
package final class BufferedSocket {
    package let loop: EventLoop
    package let peer: Endpoint
    /// Bytes the kernel has taken so far; grows as long as the peer reads.
    package private(set) var bytesSent: UInt64 = 0

    private enum Ending { case none, whenSent, lingering }

    private var descriptor: CInt
    private var reading: OpaquePointer?
    private var writing: OpaquePointer?
    /// Weak, not unowned: an actor whose last reference has gone waits for the loop to take it apart, and bytes may come before.
    private weak var handler: (any SocketHandler)?
    private var isReading = false
    private var awaitsWritable = false
    private var inputEnded = false
    private var ending = Ending.none
    private var corks = 0
    /// The error of a write that was not told yet.
    private var broken: CInt?

    /// Bytes left over from earlier reads, from `inputStart` on.
    private var input: [UInt8] = []
    private var inputStart = 0
    /// Bytes just received, still in the loop's buffer; nil outside the read callback.
    private var fresh: UnsafeRawBufferPointer?
    private var output = OutputQueue()

    /// Takes the socket over; nothing happens before `start`.
    package init(loop: EventLoop, adopting socket: consuming ConnectedSocket) {
        self.loop = loop
        peer = socket.peer
        descriptor = socket.take()
    }

    deinit { close() }

    /// Begins to read; `handler` owns this socket.
    package func start(_ handler: any SocketHandler) {
        loop.preconditionOnLoop()
        precondition(reading == nil && descriptor >= 0, "started once, before it is closed")
        self.handler = handler
        let context = Unmanaged.passUnretained(self).toOpaque()
        reading = event_new(loop.base, descriptor, Int16(EV_READ | EV_PERSIST), onSocketReadable, context)
        writing = event_new(loop.base, descriptor, Int16(EV_WRITE | EV_PERSIST), onSocketWritable, context)
        resumeReading()
    }

    package var isClosed: Bool { descriptor < 0 }

    /// The size of the kernel's send buffer; small ones keep a slow reader's backlog here, where it is seen.
    package func setSendBuffer(bytes: Int) {
        var size = CInt(clamping: bytes)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }

    // MARK: Input

    /// Unread bytes there are.
    package var inputCount: Int { fresh?.count ?? (input.count - inputStart) }

    /// Shows the unread bytes to `body`, which must not touch the socket meanwhile.
    package func withInput<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        if let fresh {
            let bytes = fresh.bindMemory(to: UInt8.self)
            return body(bytes.span)
        }
        return input.withUnsafeBufferPointer { all in
            let unread = UnsafeBufferPointer(rebasing: all[inputStart...])
            return body(unread.span)
        }
    }

    /// Drops the first `count` unread bytes.
    package func consume(_ count: Int) {
        precondition(count <= inputCount, "more consumed than received")
        if let fresh {
            self.fresh = UnsafeRawBufferPointer(rebasing: fresh[count...])
            return
        }
        inputStart += count
        if inputStart == input.count {
            input = []
            inputStart = 0
        }
    }

    /// Stops reading, so that the peer is slowed down; unread bytes stay.
    package func pauseReading() {
        guard isReading, let reading else { return }
        isReading = false
        event_del(reading)
    }

    /// Reads on.
    package func resumeReading() {
        guard !isReading, !inputEnded, let reading else { return }
        isReading = true
        event_add(reading, nil)
    }

    fileprivate func readable() {
        loop.releaseLater(self)
        let buffer = loop.receiveBuffer
        let count = recv(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
        guard count > 0 else {
            let code = errno
            if count == 0 { return endInput() }
            if code != EAGAIN && code != EINTR { fail(code) }
            return
        }
        if ending == .lingering { return }
        let received = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        if inputCount == 0 {
            fresh = received
        } else {
            if inputStart > 0 {
                input.removeFirst(inputStart)
                inputStart = 0
            }
            input.append(contentsOf: received)
        }
        corks += 1
        handler?.socketCanRead()
        if let fresh {
            self.fresh = nil
            input = fresh.isEmpty ? [] : Array(fresh)
        }
        uncork()
    }

    private func endInput() {
        inputEnded = true
        pauseReading()
        guard ending != .lingering else { return end(nil) }
        corks += 1
        handler?.socketInputEnded()
        uncork()
    }

    // MARK: Output

    /// Bytes written that the kernel has not taken yet.
    package var pendingBytes: Int { output.count }

    /// Sends or queues `bytes`, which are shared and not copied where they are large.
    package func write(_ bytes: [UInt8]) {
        guard canWrite, !bytes.isEmpty else { return }
        guard corks == 0, output.isEmpty else {
            output.append(bytes)
            if corks == 0 { flush() }
            return
        }
        switch send(bytes, from: 0, descriptor, more: false) {
        case .success(let sent):
            bytesSent += UInt64(sent)
            if sent < bytes.count {
                output.append(bytes, sent: sent)
                awaitWritable(true)
            }
        case .failure(let error):
            guard error.code == EAGAIN else { return breakLater(error.code) }
            output.append(bytes)
            awaitWritable(true)
        }
    }

    /// Lets `body` append to the output, for encoders that write in place.
    package func write(_ body: (inout [UInt8]) -> Void) {
        guard canWrite else { return }
        output.write(body)
        if corks == 0 { flush() }
    }

    /// Holds output back until the matching `uncork`, so that several writes leave in one call.
    package func cork() { corks += 1 }

    /// Sends what was held back, once every `cork` is undone.
    package func uncork() {
        corks -= 1
        if corks == 0, descriptor >= 0 { flush() }
    }

    /// Sends what the kernel takes now, corked or not; the rest follows by itself and ends with `socketDrained`.
    package func flushCorked() {
        guard canWrite, !awaitsWritable, !output.isEmpty else { return }
        flushNow(afterWaiting: false)
    }

    private var canWrite: Bool { descriptor >= 0 && ending == .none && broken == nil }

    private func flush() {
        // Once the kernel has refused, only its word that it can take more is worth a call.
        guard !awaitsWritable else { return }
        if output.isEmpty { return sentAll(afterWaiting: false) }
        flushNow(afterWaiting: false)
    }

    private func flushNow(afterWaiting: Bool) {
        let before = output.count
        let progress = output.flush(to: descriptor)
        bytesSent += UInt64(before - output.count)
        switch progress {
        case .done:
            awaitWritable(false)
            sentAll(afterWaiting: afterWaiting)
        case .blocked: awaitWritable(true)
        case .failed(let code): breakLater(code)
        }
    }

    private func sentAll(afterWaiting: Bool) {
        if ending == .whenSent {
            shutdown(descriptor, CInt(SHUT_WR))
            ending = .lingering
            if inputEnded { return end(nil) }
            resumeReading()
        } else if afterWaiting {
            handler?.socketDrained()
        }
    }

    private func awaitWritable(_ wanted: Bool) {
        guard wanted != awaitsWritable, let writing else { return }
        awaitsWritable = wanted
        if wanted { event_add(writing, nil) } else { event_del(writing) }
    }

    fileprivate func writable() {
        loop.releaseLater(self)
        if let broken { return fail(broken) }
        corks += 1
        flushNow(afterWaiting: true)
        uncork()
    }

    // MARK: The end

    /// Closes once all output is sent; nothing more can be written, and `socketClosed` comes last.
    ///
    /// The owner must call `close` after a while, since the peer may neither read nor hang up.
    package func closeWhenSent() {
        guard canWrite else { return }
        ending = .whenSent
        if corks == 0 { flush() }
    }

    /// Closes now; output not sent is lost and the handler is not called again.
    package func close() {
        guard descriptor >= 0 else { return }
        loop.preconditionOnLoop()
        if let reading { event_free(reading) }
        if let writing { event_free(writing) }
        (reading, writing) = (nil, nil)
        handler = nil
        Glibc.close(descriptor)
        descriptor = -1
        fresh = nil
        input = []
        inputStart = 0
        output.removeAll()
    }

    /// The caller of `write` may be in the middle of anything, so a broken connection is told on the next turn.
    private func breakLater(_ code: CInt) {
        output.removeAll()
        broken = code
        if let writing { event_active(writing, EV_WRITE, 0) }
    }

    private func fail(_ code: CInt) { end(ReactorError(.disconnected, "socket", code)) }

    private func end(_ error: ReactorError?) {
        let handler = handler
        close()
        handler?.socketClosed(error)
    }
}

private func onSocketReadable(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<BufferedSocket>.fromOpaque(context).takeUnretainedValue().readable()
}

private func onSocketWritable(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<BufferedSocket>.fromOpaque(context).takeUnretainedValue().writable()
}
