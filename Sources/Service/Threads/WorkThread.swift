/// A thread for computing, so that the loop which asks for it goes on meanwhile.
///
/// What is given to it runs in order, one after the other: give it pieces of some milliseconds, so that nobody waits long behind
/// somebody else's. It ends with the last reference to it.
package final class WorkThread: TaskExecutor {
    private let queue = JobQueue()

    /// Starts the thread; `name` is what `top -H` shows.
    package init(name: String) {
        let queue = queue
        _ = NativeThread(name: name) { queue.run() }
    }

    deinit { queue.add(nil) }

    /// Runs `body` on the thread and waits for what becomes of it; the caller's executor goes on meanwhile.
    package func run<Success: Sendable, Failure: Error>(
        _ body: @Sendable () throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        try await withTaskExecutorPreference(self) { () async throws(Failure) -> Success in
            try await Self.run(body)
        }
    }

    /// Changes a value on the thread, in its place where the caller gives up the only reference to what it holds.
    ///
    /// - Returns: the changed value.
    package func change<Value: Sendable, Failure: Error>(
        _ value: consuming Value, _ body: @Sendable (inout Value) throws(Failure) -> Void
    ) async throws(Failure) -> Value {
        var moved = [value]
        return try await withTaskExecutorPreference(self) { () async throws(Failure) -> Value in
            try await Self.change(moved.removeLast(), body)
        }
    }

    @concurrent private static func change<Value: Sendable, Failure: Error>(
        _ value: consuming Value, _ body: @Sendable (inout Value) throws(Failure) -> Void
    ) async throws(Failure) -> Value {
        var value = value
        try body(&value)
        return value
    }

    @concurrent private static func run<Success: Sendable, Failure: Error>(
        _ body: @Sendable () throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        try body()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = unsafe asUnownedTaskExecutor()
        queue.add { unsafe job.runSynchronously(on: executor) }
    }
}

/// What a thread has still to do.
private final class JobQueue: Sendable {
    private let jobs = Lock([(@Sendable () -> Void)?]())
    private let count = Semaphore()

    /// Adds a job; nil ends the thread.
    func add(_ job: (@Sendable () -> Void)?) {
        jobs.withLock { $0.append(job) }
        count.signal()
    }

    func run() {
        var batch: ArraySlice<(@Sendable () -> Void)?> = []
        while true {
            count.wait()
            if batch.isEmpty {
                batch = jobs.withLock { jobs in
                    defer { jobs = [] }
                    return jobs[...]
                }
            }
            guard let job = batch.removeFirst() else { return }
            job()
        }
    }
}
