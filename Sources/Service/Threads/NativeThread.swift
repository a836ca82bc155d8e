internal import Glibc

/// A thread of its own, for loops and for calls that block; never for the thousands.
///
/// It starts at once. Nobody has to join it: a thread that nobody joins is cleaned up by the system at its end.
package final class NativeThread: Sendable {
    private let ended = Semaphore()

    /// Starts a thread that runs `body` and ends.
    ///
    /// - Parameters:
    ///   - name: what `top -H` and a debugger show; only the first 15 bytes are kept.
    ///   - body: the thread's work.
    package init(name: String, body: @escaping @Sendable () -> Void) {
        let start = Start(name: name, body: body, ended: ended)
        let context = unsafe Unmanaged.passRetained(start).toOpaque()
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var handle = pthread_t()
        let code = unsafe pthread_create(&handle, &attributes, enter, context)
        unsafe pthread_attr_destroy(&attributes)
        // Out of threads is out of memory for us: nothing that asks for one can go on without it.
        precondition(code == 0, "cannot start thread \(name): \(unsafe String(cString: strerror(code)))")
    }

    /// Waits until the thread's work is done; several may wait. Blocks the calling thread.
    package func join() {
        ended.wait()
        ended.signal()
    }
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    let ended: Semaphore

    init(name: String, body: @escaping @Sendable () -> Void, ended: Semaphore) {
        self.name = name
        self.body = body
        self.ended = ended
    }
}

private func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
    nameThisThread(start.name)
    start.body()
    start.ended.signal()
    return nil
}

/// Sets what the system calls the calling thread, through /proc because `pthread_setname_np` and `prctl` are a GNU
/// extension and a variadic function, which Swift does not import. Only a convenience: no harm where /proc is missing.
private func nameThisThread(_ name: String) {
    let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    writeFully(Array(name.utf8.prefix(15)), to: descriptor)
    close(descriptor)
}
