internal import Glibc

/// A value that several threads share, each touching it only while it holds the lock.
///
/// Use it for short critical sections; never hold it across `await` or while calling a closure that came from outside.
/// `Synchronization.Mutex` would do, but it is built on futexes that the thread sanitizer does not see, and then every
/// use of it is reported as a race; the sanitizer knows `pthread_mutex_t`.
// Safety: `value` is read and written only between lock and unlock of `mutex`, and both pointers live exactly as long as
// the object. The thread sanitizer (`./dev tsan`) sees each access and would report one outside the lock.
@safe package final class Lock<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    /// Puts `value` under a new lock.
    package init(_ value: sending Value) {
        unsafe self.mutex = .allocate(capacity: 1)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
        // An error-checking mutex: locking it twice on one thread stops the process instead of hanging it.
        var attributes = pthread_mutexattr_t()
        unsafe pthread_mutexattr_init(&attributes)
        unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
        let code = unsafe pthread_mutex_init(mutex, &attributes)
        unsafe pthread_mutexattr_destroy(&attributes)
        precondition(code == 0, "pthread_mutex_init: \(code)")
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` while holding the lock, and hands on what it returns or throws.
    ///
    /// The calling thread waits for its turn. Calling it again from inside `body` stops the process.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        let code = unsafe pthread_mutex_lock(mutex)
        precondition(code == 0, "a lock was taken twice by one thread, or is broken: \(code)")
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&value.pointee)
    }
}
