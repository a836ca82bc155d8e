internal import Glibc

/// A signal that the process answers in an orderly way.
package enum ProcessSignal: Sendable, Equatable {
    /// SIGTERM: a service manager wants us to stop.
    case terminate
    /// SIGINT: somebody pressed Ctrl-C.
    case interrupt
    /// SIGHUP: read again what can be read again.
    case hangup

    var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .hangup: SIGHUP
        }
    }

    fileprivate init?(number: Int32) {
        switch number {
        case SIGTERM: self = .terminate
        case SIGINT: self = .interrupt
        case SIGHUP: self = .hangup
        default: return nil
        }
    }
}

/// Takes SIGTERM, SIGINT and SIGHUP on a thread of its own, where the handler may do anything; never in a signal handler.
///
/// Whoever asks twice to stop means it: the second SIGTERM or SIGINT ends the process at once, as a shell expects (143, 130).
package final class Signals: Sendable {
    private let thread = Lock<pthread_t?>(nil)

    /// Blocks the signals for the calling thread and all that it starts later, and ignores SIGPIPE.
    ///
    /// Call it first thing in the process: a thread that exists before would still be ended by these signals.
    package static func blockInAllThreads() {
        block()
        signal(SIGPIPE, SIG_IGN)
    }

    /// Starts to take signals.
    ///
    /// - Parameters:
    ///   - leave: ends the process after a second request; for tests.
    ///   - handler: called on the thread of the signals, for each but the second request to stop.
    package init(
        leave: @escaping @Sendable (ExitCode) -> Void = { _exit($0.rawValue) },
        handler: @escaping @Sendable (ProcessSignal) -> Void
    ) {
        let started = Semaphore()
        _ = NativeThread(name: "signals") { [thread] in
            Signals.block()
            thread.withLock { $0 = pthread_self() }
            started.signal()
            var asked = false
            while true {
                var set = Signals.set()
                var number: Int32 = 0
                guard unsafe sigwait(&set, &number) == 0, let signal = ProcessSignal(number: number) else { continue }
                if signal != .hangup {
                    if asked { leave(.signal(number)) }
                    asked = true
                }
                handler(signal)
            }
        }
        started.wait()
    }

    /// Sends a signal to the thread that takes them, and to nothing else in the process.
    func send(_ signal: ProcessSignal) {
        thread.withLock { thread in
            if let thread { _ = pthread_kill(thread, signal.number) }
        }
    }

    private static func set() -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, signal) }
        return set
    }

    private static func block() {
        var set = set()
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }
}
