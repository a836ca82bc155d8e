internal import Analytics
internal import Service

/// A question that is being answered, but for its aggregations, its limit and how it is filled.
struct Flight: Hashable, Sendable {
    let question: HistoryCache.Question
    let metric: MetricID
    let fromMs: Int64
    let toMs: Int64
    /// Whether pieces of history stay pieces.
    let hasColumns: Bool

    init(_ query: Query, hasColumns: Bool) {
        question = HistoryCache.Question(query)
        metric = query.metric.id
        (fromMs, toMs) = (query.fromMs, query.toMs)
        self.hasColumns = hasColumns
    }
}

/// Somebody who waits for what another reads. It is woken once: by the outcome, or by its own cancellation.
final class FlightWaiter: Sendable {
    typealias Outcome = Result<(Query, QueryEngine.Found), StoreError>

    private enum State {
        case idle
        case waiting(CheckedContinuation<Outcome?, Never>)
        case woken(Outcome?)
    }

    private let state = Lock(State.idle)

    /// The outcome; nil where there is none: who read was cancelled, or this task was.
    func wait() async -> Outcome? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome: Outcome?? = state.withLock { state in
                    if case .woken(let outcome) = state { return .some(outcome) }
                    state = .waiting(continuation)
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            wake(nil)
        }
    }

    /// Ends the waiting, unless it is over.
    func wake(_ outcome: Outcome?) {
        let continuation: CheckedContinuation<Outcome?, Never>? = state.withLock { state in
            defer { if case .woken = state {} else { state = .woken(outcome) } }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(returning: outcome)
    }
}

/// Equal questions at the same moment are one.
extension QueryEngine {
    /// Reads what a question asks for, or waits for who is reading the same; see `find`.
    ///
    /// Each may be cancelled without harm to the others: where the one that reads is, the next goes on.
    ///
    /// - Throws: as `find`; all who waited get the same error.
    func findOnce(
        _ asked: Query, columns: [Aggregation]? = nil
    ) async throws(StoreError) -> (Query, Found) {
        let flight = Flight(asked, hasColumns: columns != nil)
        while flights[flight] != nil {
            let waiter = FlightWaiter()
            flights[flight]?.append(waiter)
            if let outcome = await waiter.wait() {
                metrics?.sharedReads.add()
                let (shared, found) = try outcome.get()
                var used = shared
                (used.aggregations, used.limit, used.fillsZero) = (asked.aggregations, asked.limit, asked.fillsZero)
                return (used, found)
            }
            if Task.isCancelled {
                throw StoreError(
                    .unavailable, store: "query", operation: "query", detail: "the caller went away")
            }
        }
        flights[flight] = []
        let outcome = await StoreError.result { () throws(StoreError) in
            try await find(asked, usesMemory: true, columns: columns)
        }
        let waiters = flights.removeValue(forKey: flight) ?? []
        var shared: FlightWaiter.Outcome? = outcome
        // What it lacks may be for its cancellation only.
        if Task.isCancelled, !((try? outcome.get())?.1.missing.isEmpty ?? false) { shared = nil }
        for waiter in waiters { waiter.wake(shared) }
        return try outcome.get()
    }
}
