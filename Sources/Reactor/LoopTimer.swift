internal import CEvent
internal import Glibc

/// A timer of one loop, made by `EventLoop.schedule`; belongs to the loop's thread and stops when it is released.
package final class LoopTimer {
    // A timer outlives neither its loop nor its event: the strong reference keeps the base until `event_free`.
    private let loop: EventLoop
    private var event: OpaquePointer?
    private let interval: timeval?
    private let body: @Sendable () -> Void

    fileprivate init(loop: EventLoop, after: Duration, repeating: Bool, body: @escaping @Sendable () -> Void) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.body = body
        var time = timeval(after)
        interval = repeating ? time : nil
        event = event_new(
            loop.base, -1, Int16(repeating ? EV_PERSIST : 0), onTimer, Unmanaged.passUnretained(self).toOpaque())
        event_add(event, &time)
    }

    deinit { cancel() }

    /// Stops the timer; it does not fire again.
    package func cancel() {
        guard let event else { return }
        loop.preconditionOnLoop()
        event_free(event)
        self.event = nil
    }

    /// Lets the timer fire `after` from now on, whatever was set before.
    package func reset(after: Duration) {
        guard let event else { return }
        loop.preconditionOnLoop()
        var time = timeval(after)
        event_add(event, &time)
    }

    fileprivate func fire() {
        loop.releaseLater(self)
        body()
    }
}

extension EventLoop {
    /// Runs `body` on the loop once `after` has passed, or every `after` where `repeating`. On the loop only.
    ///
    /// The timer stops when the result is released.
    package func schedule(
        after: Duration, repeating: Bool = false, _ body: @escaping @Sendable () -> Void
    ) -> LoopTimer {
        LoopTimer(loop: self, after: after, repeating: repeating, body: body)
    }
}

extension timeval {
    /// A duration for libevent; negative ones count as zero.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = max(duration, .zero).components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}

private func onTimer(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue().fire()
}
