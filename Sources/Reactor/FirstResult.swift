internal import Service

/// One outcome that several may bring (a callback, a timer, a cancelled task): the first counts, later ones are dropped.
final class FirstResult<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Result<Value, ReactorError>, Never>)
        case decided(Result<Value, ReactorError>)
        case handedOver
    }

    private let state = Lock(State.open)

    /// Brings an outcome; it counts if it is the first.
    func decide(_ outcome: Result<Value, ReactorError>) {
        let waiting = state.withLock { state -> CheckedContinuation<Result<Value, ReactorError>, Never>? in
            switch state {
            case .open: state = .decided(outcome)
            case .awaited(let continuation):
                state = .handedOver
                return continuation
            case .decided, .handedOver: break
            }
            return nil
        }
        waiting?.resume(returning: outcome)
    }

    /// Waits for the outcome, once, on the loop whose thread this is; `.timedOut` when the time is up, `.cancelled` with
    /// the task if that is allowed.
    func value(
        of operation: String, on loop: EventLoop, within timeout: Duration, isCancellable: Bool
    ) async throws(ReactorError) -> Value {
        let timer = loop.schedule(after: timeout) { [self] in
            decide(.failure(ReactorError(code: .timedOut, operation: operation, detail: "no answer in time")))
        }
        defer { timer.cancel() }
        guard isCancellable else { return try await outcome().get() }
        return try await withTaskCancellationHandler {
            await outcome()
        } onCancel: {
            decide(.failure(ReactorError(code: .cancelled, operation: operation, detail: "the task was cancelled")))
        }.get()
    }

    private func outcome() async -> Result<Value, ReactorError> {
        await withCheckedContinuation { continuation in
            let decided = state.withLock { state -> Result<Value, ReactorError>? in
                switch state {
                case .open:
                    state = .awaited(continuation)
                    return nil
                case .decided(let outcome):
                    state = .handedOver
                    return outcome
                case .awaited, .handedOver: preconditionFailure("an outcome was awaited twice")
                }
            }
            if let decided { continuation.resume(returning: decided) }
        }
    }
}
