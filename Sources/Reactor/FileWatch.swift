internal import CEvent

/// Tells when a descriptor of another library (hiredis, libpq) can be read or written; made by `EventLoop.watch`.
///
/// Belongs to the loop's thread. Never closes the descriptor; release or cancel it before its owner closes that.
package final class FileWatch {
    private let loop: EventLoop
    private var reading: OpaquePointer?
    private var writing: OpaquePointer?
    private var isReading = false
    private var isWriting = false
    private let onReadable: @Sendable () -> Void
    private let onWritable: @Sendable () -> Void

    fileprivate init(
        loop: EventLoop, descriptor: CInt, onReadable: @escaping @Sendable () -> Void,
        onWritable: @escaping @Sendable () -> Void
    ) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.onReadable = onReadable
        self.onWritable = onWritable
        let context = Unmanaged.passUnretained(self).toOpaque()
        reading = event_new(loop.base, descriptor, Int16(EV_READ | EV_PERSIST), onFileReadable, context)
        writing = event_new(loop.base, descriptor, Int16(EV_WRITE | EV_PERSIST), onFileWritable, context)
    }

    deinit { cancel() }

    /// Says what is of interest from now on; calling it again with the same costs nothing.
    package func want(read: Bool, write: Bool) {
        loop.preconditionOnLoop()
        guard let reading, let writing else { return }
        if read != isReading {
            isReading = read
            if read { event_add(reading, nil) } else { event_del(reading) }
        }
        if write != isWriting {
            isWriting = write
            if write { event_add(writing, nil) } else { event_del(writing) }
        }
    }

    /// Ends the watch; no callback comes after.
    package func cancel() {
        guard let reading, let writing else { return }
        loop.preconditionOnLoop()
        event_free(reading)
        event_free(writing)
        self.reading = nil
        self.writing = nil
    }

    fileprivate func readable() {
        loop.releaseLater(self)
        onReadable()
    }

    fileprivate func writable() {
        loop.releaseLater(self)
        onWritable()
    }
}

extension EventLoop {
    /// Watches `descriptor`, for nothing at first (`FileWatch.want`). On the loop only.
    package func watch(
        _ descriptor: CInt, onReadable: @escaping @Sendable () -> Void, onWritable: @escaping @Sendable () -> Void
    ) -> FileWatch {
        FileWatch(loop: self, descriptor: descriptor, onReadable: onReadable, onWritable: onWritable)
    }
}

private func onFileReadable(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<FileWatch>.fromOpaque(context).takeUnretainedValue().readable()
}

private func onFileWritable(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<FileWatch>.fromOpaque(context).takeUnretainedValue().writable()
}
