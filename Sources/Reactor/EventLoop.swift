internal import CEvent
internal import Glibc
internal import Synchronization

/// One thread, one libevent base, and the executor of every actor that is pinned to it.
///
/// An actor that returns the loop as its `unownedExecutor` runs only on the loop's thread, so C callbacks enter it with
/// `assumeIsolated`: no hop, no allocation. Tasks that touch such actors are started with `spawn`, which makes the loop
/// their preferred executor too; without that preference every resumed continuation would visit the global pool first
/// (25 times slower when measured).
///
/// Threading: `enqueue`, `execute`, `spawn`, `stop` and `isCurrent` from any thread; `schedule` and `watch` on the loop only.
// Safety: `base`, `ready`, `drained` and `thread` are touched by the loop's own thread only, which `checkIsolated` and
// `preconditionOnLoop` verify at run time; what other threads reach (`inbox`) is behind its mutex.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        var wakeUpSent = false
        var stopping = false
    }

    /// What logs and the thread's name call it.
    package let name: String

    /// How long the loop's thread was away from its events in the worst turn since the last look, for the self-metrics.
    package let delay = LoopDelay()

    let base: OpaquePointer
    /// Where sockets of this loop receive; what a socket does not consume at once it copies.
    let receiveBuffer: UnsafeMutableRawBufferPointer
    private let wakeUp: CInt
    private let inbox = Mutex(Inbox())
    /// Work that the loop's own thread has added; run before the loop waits for events again.
    private var ready: [Work] = []
    private let threadID = Atomic<UInt>(0)
    private var wakeUpEvent: OpaquePointer?
    /// Objects whose release waits until the events of this turn are done (see `releaseLater`).
    private var released: [AnyObject] = []

    /// Makes a loop that does not run yet.
    ///
    /// - Throws: `ReactorError` where the kernel has no descriptors left.
    package init(name: String) throws(ReactorError) {
        guard let base = event_base_new() else { throw ReactorError(.resources, "event_base_new", errno) }
        let wakeUp = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUp >= 0 else {
            let code = errno
            event_base_free(base)
            throw ReactorError(.resources, "eventfd", code)
        }
        self.name = name
        self.base = base
        self.wakeUp = wakeUp
        receiveBuffer = .allocate(byteCount: 64 * 1024, alignment: 64)
        let event = event_new(base, wakeUp, Int16(EV_READ | EV_PERSIST), onWakeUp, nil)
        event_add(event, nil)
        wakeUpEvent = event
    }

    deinit {
        if let wakeUpEvent { event_free(wakeUpEvent) }
        event_base_free(base)
        close(wakeUp)
        receiveBuffer.deallocate()
    }

    /// Makes a loop and the thread that runs it until `stop`.
    package static func start(name: String) throws(ReactorError) -> EventLoop {
        let loop = try EventLoop(name: name)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, loopThread, Unmanaged.passRetained(loop).toOpaque())
        guard code == 0 else {
            Unmanaged.passUnretained(loop).release()
            throw ReactorError(.resources, "pthread_create", code)
        }
        return loop
    }

    /// True on the loop's own thread.
    package var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs `body` on the loop, after what it is doing now.
    package func execute(_ body: @escaping @Sendable () -> Void) { add(.closure(body)) }

    /// Starts a task whose every step that is not bound elsewhere runs on this loop.
    @discardableResult
    package func spawn<Success: Sendable>(
        _ body: @escaping @Sendable () async throws -> Success
    ) -> Task<Success, any Error> {
        Task(executorPreference: self) { try await body() }
    }

    /// Runs `body` on the loop's thread and waits for its result.
    package func run<Success: Sendable>(_ body: @escaping @Sendable () async throws -> Success) async throws -> Success
    {
        try await Task(executorPreference: self) { try await body() }.value
    }

    /// Ends the loop after the work that is already queued; its thread then ends. Safe from any thread, any number of times.
    package func stop() {
        inbox.withLock { $0.stopping = true }
        notify()
    }

    // MARK: Executor

    package func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

    package func checkIsolated() { preconditionOnLoop() }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Traps off the loop's thread: whoever calls broke the rule that nothing of a loop is touched from elsewhere.
    func preconditionOnLoop() { precondition(isCurrent, "not on the thread of event loop \(name)") }

    /// Keeps `object` alive until the events of this turn are handled, so that C code which is still on the stack with a
    /// pointer into it returns safely.
    func releaseLater(_ object: AnyObject) {
        preconditionOnLoop()
        released.append(object)
    }

    private func add(_ work: Work) {
        if isCurrent {
            ready.append(work)
            return
        }
        let mustWake = inbox.withLock { inbox in
            inbox.work.append(work)
            defer { inbox.wakeUpSent = true }
            return !inbox.wakeUpSent
        }
        if mustWake { notify() }
    }

    private func notify() {
        var one: UInt64 = 1
        while write(wakeUp, &one, 8) < 0 && errno == EINTR {}
    }

    // MARK: The thread

    fileprivate func runUntilStopped() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        _ = weir_set_thread_name(String(name.prefix(15)))
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        var running: [Work] = []
        while true {
            delay.turnBegins()
            let stopping = takeInbox()
            swap(&running, &ready)
            for work in running {
                switch work {
                case .job(let job): job.runSynchronously(isolatedTo: serial, taskExecutor: task)
                case .closure(let body): body()
                }
            }
            running.removeAll(keepingCapacity: true)
            released.removeAll(keepingCapacity: true)
            if stopping && ready.isEmpty && inbox.withLock({ $0.work.isEmpty }) { break }
            delay.turnEnds()
            event_base_loop(base, EVLOOP_ONCE | (ready.isEmpty && !stopping ? 0 : EVLOOP_NONBLOCK))
        }
        threadID.store(0, ordering: .relaxed)
    }

    /// Moves what other threads have sent to `ready`; true once the loop is to end.
    private func takeInbox() -> Bool {
        inbox.withLock { inbox in
            if !inbox.work.isEmpty {
                ready.append(contentsOf: inbox.work)
                inbox.work.removeAll(keepingCapacity: true)
            }
            inbox.wakeUpSent = false
            return inbox.stopping
        }
    }
}

/// Empties the eventfd; the work itself is taken at the next turn.
private func onWakeUp(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    var count: UInt64 = 0
    while read(descriptor, &count, 8) < 0 && errno == EINTR {}
}

private func loopThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue().runUntilStopped()
    return nil
}
