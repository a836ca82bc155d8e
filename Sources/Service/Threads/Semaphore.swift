internal import Glibc

/// A count that threads wait for; what one thread did before `signal` is seen by the one that `wait` lets go.
///
/// Only for threads of our own: waiting blocks, so it never happens on an event loop or in async code.
// Safety: `count` is touched only under `mutex`, and the pointers never change and live as long as the object. The thread
// sanitizer would report an access outside the mutex.
@safe package final class Semaphore: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var count = 0

    /// Makes a semaphore with count 0.
    package init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        // By default a condition counts on the wall clock, and setting the host's clock would end or prolong a wait.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Raises the count by one, letting one waiting thread go.
    package func signal() {
        unsafe pthread_mutex_lock(mutex)
        count += 1
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits until the count is above 0 and takes one.
    package func wait() {
        unsafe pthread_mutex_lock(mutex)
        while count == 0 { unsafe pthread_cond_wait(condition, mutex) }
        count -= 1
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits like `wait()` but not longer than `timeout`; false if the time ran out.
    package func wait(timeout: Duration) -> Bool {
        var end = KernelTime(CLOCK_MONOTONIC).advanced(by: timeout)
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while count == 0 {
            let outcome = unsafe end.withTimespec { unsafe pthread_cond_timedwait(condition, mutex, $0) }
            if outcome == ETIMEDOUT, count == 0 { return false }
        }
        count -= 1
        return true
    }
}
