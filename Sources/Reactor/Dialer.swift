internal import CEvent
internal import Glibc
internal import Service

/// Opens connections from a loop without blocking it.
package enum Dialer {
    /// Connects to `address`, trying each address its name stands for in turn. From a task of `loop` only.
    ///
    /// Host names are looked up on a thread of their own.
    /// - Throws: `ReactorError`, `.timedOut` where all of it took longer than `timeout`, `.cancelled` with the task.
    package static func connect(
        to address: SocketAddress, loop: EventLoop, timeout: Duration
    ) async throws(ReactorError) -> ConnectedSocket {
        let deadline = ContinuousClock.now + timeout
        let candidates = address.isNumeric ? try address.resolve() : try await lookUp(address)
        var failure = ReactorError(code: .badAddress, operation: "connect \(address)", detail: "no such address")
        for candidate in candidates {
            do throws(ReactorError) {
                return try await connect(to: candidate, address, loop: loop, until: deadline)
            } catch {
                if error.code == .cancelled || error.code == .timedOut { throw error }
                failure = error
            }
        }
        throw failure
    }

    private static func lookUp(_ address: SocketAddress) async throws(ReactorError) -> [ResolvedAddress] {
        let result: Result<[ResolvedAddress], ReactorError> = await withCheckedContinuation { continuation in
            // getaddrinfo blocks for seconds where a name server does not answer.
            _ = NativeThread(name: "resolve") {
                continuation.resume(returning: Result { () throws(ReactorError) in try address.resolve() })
            }
        }
        return try result.get()
    }

    private static func connect(
        to candidate: ResolvedAddress, _ address: SocketAddress, loop: EventLoop,
        until deadline: ContinuousClock.Instant
    ) async throws(ReactorError) -> ConnectedSocket {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(candidate.family, type, 0)
        guard descriptor >= 0 else { throw ReactorError(.resources, "socket", errno) }
        let connected = ConnectedSocket(adopting: descriptor, peer: address)
        var code = candidate.withPointer {
            Glibc.connect(descriptor, $0, socklen_t(candidate.bytes.count)) == 0 ? 0 : errno
        }
        if code == EINPROGRESS {
            let attempt = ConnectAttempt(loop: loop)
            switch await attempt.wait(for: descriptor, timeout: deadline - .now) {
            case .writable: break
            case .timedOut: throw ReactorError(.timedOut, "connect \(address)", ETIMEDOUT)
            case .cancelled: throw ReactorError(.cancelled, "connect \(address)", ECANCELED)
            }
            var length = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        }
        guard code == 0 else { throw ReactorError(.disconnected, "connect \(address)", code) }
        return connected
    }
}

/// Waits for a descriptor to become writable, a deadline, or the task's end, whichever comes first.
private actor ConnectAttempt {
    enum Outcome { case writable, timedOut, cancelled }

    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var continuation: CheckedContinuation<Outcome, Never>?
    private var outcome: Outcome?
    private var watch: FileWatch?
    private var timer: LoopTimer?

    init(loop: EventLoop) { self.loop = loop }

    func wait(for descriptor: CInt, timeout: Duration) async -> Outcome {
        await withTaskCancellationHandler {
            if let outcome { return outcome }
            return await withCheckedContinuation { continuation in
                self.continuation = continuation
                timer = loop.schedule(after: timeout) { [unowned self] in assumeIsolated { $0.finish(.timedOut) } }
                let watch = loop.watch(descriptor) {
                } onWritable: { [unowned self] in
                    assumeIsolated { $0.finish(.writable) }
                }
                watch.want(read: false, write: true)
                self.watch = watch
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.finish(.cancelled) } }
        }
    }

    private func finish(_ outcome: Outcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        watch = nil
        timer = nil
        continuation?.resume(returning: outcome)
        continuation = nil
    }
}
