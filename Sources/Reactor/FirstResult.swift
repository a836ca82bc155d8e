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

    /// Brings an outcome; true if it is the one that counts.
    @discardableResult
    func decide(_ outcome: Result<Value, ReactorError>) -> Bool {
        let waiting: CheckedContinuation<Result<Value, ReactorError>, Never>?
        let counts: Bool
        (waiting, counts) = state.withLock { state in
            switch state {
            case .open:
                state = .decided(outcome)
                return (nil, true)
            case .awaited(let continuation):
                state = .handedOver
                return (continuation, true)
            case .decided, .handedOver: return (nil, false)
            }
        }
        waiting?.resume(returning: outcome)
        return counts
    }

    /// Waits for the outcome; to be called once. A cancelled task brings `.cancelled`.
    func value(of operation: String) async throws(ReactorError) -> Value {
        let outcome = await withTaskCancellationHandler {
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
        } onCancel: {
            decide(.failure(ReactorError(code: .cancelled, operation: operation, detail: "the task was cancelled")))
        }
        return try outcome.get()
    }
}
