package import Analytics
internal import Synchronization

/// The log of events behind Redis' circuit breaker: refuses at once what would only wait for its deadline.
///
/// What was sent is never given up: whether the store holds it is known only from its answer, or from the deadline, which
/// says that nobody knows. So a refusal here always means that nothing was stored.
package final class GuardedEventLog: EventLog {
    private let log: any EventLog
    private let breaker: CircuitBreaker
    private let isPrepared: Atomic<Bool>

    /// - Parameters:
    ///   - log: where events go.
    ///   - breaker: asked before each call.
    ///   - isPrepared: false where the store must be looked at before anything is written to it; see `prepared`.
    package init(_ log: any EventLog, _ breaker: CircuitBreaker, isPrepared: Bool = true) {
        self.log = log
        self.breaker = breaker
        self.isPrepared = Atomic(isPrepared)
    }

    /// The store has been looked at, and events may go there.
    package func prepared() { isPrepared.store(true, ordering: .releasing) }

    package func append(_ groups: [AppendGroup]) async throws(StoreError) -> [AppendOutcome] {
        try breaker.requireNotOpen("weir_append")
        guard isPrepared.load(ordering: .acquiring) else {
            throw StoreError(
                .unavailable, store: breaker.store, operation: "weir_append",
                detail: "it has not been reached since this front started")
        }
        return try await log.append(groups)
    }
}
