internal import Service

extension EventLoop {
    /// Waits until `descriptor` can be read or written, whichever of those asked for comes first. On the loop only.
    ///
    /// - Parameters:
    ///   - descriptor: open until this returns.
    ///   - toRead: whether to wait for bytes or the end.
    ///   - toWrite: whether to wait for room.
    ///   - timeout: how long at most.
    ///   - isCancellable: false for what must also be done in a cancelled task, such as cleaning up.
    /// - Throws: `.timedOut` or `.cancelled`.
    package func waitUntilReady(
        _ descriptor: CInt, toRead: Bool, toWrite: Bool, within timeout: Duration, isCancellable: Bool = true
    ) async throws(ReactorError) {
        let first = FirstResult<Void>()
        let watch = watch(descriptor) {
            first.decide(.success(()))
        } onWritable: {
            first.decide(.success(()))
        }
        watch.want(read: toRead, write: toWrite)
        defer { watch.cancel() }
        try await first.value(of: "wait", on: self, within: timeout, isCancellable: isCancellable)
    }

    /// Runs a call that blocks on a thread of its own and waits for its result. On the loop only.
    ///
    /// The thread lives until the call returns, also when the time is up or the task is cancelled.
    ///
    /// - Parameters:
    ///   - name: the thread's name, and what errors call it.
    ///   - timeout: how long to wait for it.
    ///   - isCancellable: false for what must also be awaited in a cancelled task, such as cleaning up.
    ///   - body: what blocks.
    /// - Returns: what `body` returned.
    /// - Throws: `.timedOut` or `.cancelled`.
    package func runBlocking<Value: Sendable>(
        _ name: String, within timeout: Duration, isCancellable: Bool = true, _ body: @escaping @Sendable () -> Value
    ) async throws(ReactorError) -> Value {
        preconditionOnLoop()
        let first = FirstResult<Value>()
        _ = NativeThread(name: name) { first.decide(.success(body())) }
        return try await first.value(of: name, on: self, within: timeout, isCancellable: isCancellable)
    }
}
