import Glibc
import Synchronization

/// Runs `body` on a new thread of its own and returns at once.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let job = Unmanaged.passRetained(ThreadJob(body: body))
    var thread = pthread_t()
    let failure = pthread_create(&thread, nil, runThreadJob, job.toOpaque())
    precondition(failure == 0, "no thread: \(String(cString: strerror(failure)))")
    pthread_detach(thread)
}

/// Runs blocking work on a thread of its own, so that the test's executor goes on with other tests.
///
/// - Throws: what `body` throws.
/// - Complexity: some 50 µs on top of `body`.
package func offThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        startThread { continuation.resume(with: Result(catching: body)) }
    }
}

private final class ThreadJob: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}

private func runThreadJob(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let job = Unmanaged<ThreadJob>.fromOpaque(context).takeRetainedValue()
    job.body()
    return nil
}

/// A value made by the first caller and shared by all; later callers wait for the first.
final class Once<Value: Sendable>: Sendable {
    private let made = Mutex<Result<Value, any Error>?>(nil)

    /// The value, made by `make` if nobody did before; a failure is kept too.
    func get(_ make: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await offThread { [self] in
            try made.withLock { made in
                if let made { return made }
                let result = Result(catching: make)
                made = result
                return result
            }.get()
        }
    }
}
