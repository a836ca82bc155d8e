package import Analytics
package import Service

/// Stands in front of a store: refuses calls at once while the store is away, and gives up those under way when it goes.
///
/// `run` probes the store; calls go through `call`. Threading: from any thread. The underlying calls run on the executor it
/// is given, each in a task of its own, since one that is given up must not keep its caller until its deadline.
package final class CircuitBreaker: Sendable {
    /// What is known of the store.
    package struct Snapshot: Sendable {
        package let phase: CircuitBreakerMachine.Phase
        /// Since when the phase is what it is, ms since 1970.
        package let sinceMs: Int64
        /// How often the breaker has opened.
        package let openings: Int
        /// The last failure that counted, and when it was, ms since 1970.
        package let lastFailure: (error: StoreError, atMs: Int64)?
    }

    /// A call under way, in the table until somebody answers its caller.
    private struct Call {
        let operation: String
        let isTrial: Bool
        let fail: @Sendable (StoreError) -> Void
        var task: Task<Void, Never>?
    }

    private struct State {
        var machine: CircuitBreakerMachine
        var calls: [UInt64: Call] = [:]
        var lastCall: UInt64 = 0
    }

    /// `redis` or `postgres`.
    package let store: StaticString
    private let executor: (any TaskExecutor)?
    private let time: TimeSource
    private let logger: Logger
    private let openings: Counter
    private let refusals: Counter
    private let state: Lock<State>

    /// Makes a closed breaker that does not probe yet; see `run`.
    ///
    /// - Parameters:
    ///   - store: its name in errors, logs, metrics and `degraded`.
    ///   - executor: where calls run: the front's event loop.
    ///   - configuration: when it opens and closes.
    ///   - registry: gets `weir_breaker_…` of this store.
    ///   - time: the clocks.
    ///   - logger: told when it opens (warning) and closes (notice).
    package init(
        store: StaticString, executor: (any TaskExecutor)?,
        configuration: CircuitBreakerMachine.Configuration = .init(),
        registry: MetricsRegistry = MetricsRegistry(), time: TimeSource = .system, logger: Logger = .silent
    ) {
        self.store = store
        self.executor = executor
        self.time = time
        self.logger = logger
        let machine = CircuitBreakerMachine(store: store, nowMs: time.wallMs(), configuration: configuration)
        let state = Lock(State(machine: machine))
        self.state = state
        openings = registry.counter(
            "weir_breaker_openings_total", help: "How often the circuit breaker of a store has opened.",
            labels: ["store": "\(store)"])
        refusals = registry.counter(
            "weir_breaker_refused_calls_total", help: "Calls not made, or given up, as the circuit breaker was open.",
            labels: ["store": "\(store)"])
        for phase in CircuitBreakerMachine.Phase.allCases {
            registry.function(
                .gauge, "weir_breaker_state",
                help: "1 for the state that the circuit breaker of a store is in, else 0.",
                labels: ["store": "\(store)", "state": phase.rawValue]
            ) { state.withLock { $0.machine.phase } == phase ? 1 : 0 }
        }
    }

    /// What is known of the store now.
    package var snapshot: Snapshot {
        state.withLock { state in
            let machine = state.machine
            return Snapshot(
                phase: machine.phase, sinceMs: machine.sinceMs, openings: machine.openings,
                lastFailure: machine.lastFailure)
        }
    }

    /// Whether calls are refused; in between, while the store is tried, they are not.
    package var isOpen: Bool { state.withLock { $0.machine.phase == .open } }

    // MARK: Probing

    /// Probes the store until the task is cancelled.
    ///
    /// - Parameters:
    ///   - probe: asks the store for something small on a connection of its own, and throws within `probeTimeout` where it
    ///     does not answer; until then a held-up probe holds up the next.
    ///   - onChange: told whenever the store goes (true) or is back (false).
    package func run(
        probe: @Sendable () async throws(StoreError) -> Void,
        onChange: @Sendable (_ isAway: Bool) async -> Void = { _ in }
    ) async {
        var isAway = false
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let beganNs = time.monotonicNs()
            var failure: StoreError?
            do throws(StoreError) { try await probe() } catch { failure = error }
            if Task.isCancelled { return }
            let took = Duration.nanoseconds(Int64(time.monotonicNs() &- beganNs))
            let (found, nowMs) = (failure, time.wallMs())
            perform { $0.probeEnded(found, took: took, nowMs: nowMs) }
            let (phase, pause) = state.withLock { state in
                (state.machine.phase, state.machine.pauseBeforeProbe(using: &generator))
            }
            if (phase == .open) != isAway, phase != .halfOpen {
                isAway = phase == .open
                await onChange(isAway)
            }
            try? await Task.sleep(for: pause)
        }
    }

    // MARK: Calls

    /// Runs `body` where the store may be asked.
    ///
    /// - Parameters:
    ///   - operation: what errors call it.
    ///   - body: asks the store; cancelled where it is given up.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` throws; `.unavailable` where the breaker is open, or opens before `body` is done (`mayHaveRun`),
    ///   or where the caller's task is cancelled.
    package func call<Success: Sendable>(
        _ operation: String, _ body: @escaping @Sendable () async throws(StoreError) -> Success
    ) async throws(StoreError) -> Success {
        let (id, isTrial) = try admit(operation)
        let result: Result<Success, StoreError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let call = Call(operation: operation, isTrial: isTrial) { continuation.resume(returning: .failure($0)) }
                state.withLock { $0.calls[id] = call }
                // Not structured: the caller is answered when the breaker opens, whenever this ends.
                let task = Task(executorPreference: executor) {
                    let result: Result<Success, StoreError>
                    do throws(StoreError) { result = .success(try await body()) } catch { result = .failure(error) }
                    guard self.take(id) != nil else { return }
                    self.ended(result, isTrial: isTrial)
                    continuation.resume(returning: result)
                }
                let isOver = state.withLock { state in
                    state.calls[id]?.task = task
                    return state.calls[id] == nil
                }
                if isOver { task.cancel() }
                if Task.isCancelled { withdraw(id) }
            }
        } onCancel: {
            withdraw(id)
        }
        return try result.get()
    }

    /// Refuses a call at once while the breaker is open; for calls whose fate must be known, which are never given up.
    ///
    /// - Throws: `.unavailable` with `mayHaveRun` false: it was not made.
    package func requireNotOpen(_ operation: String) throws(StoreError) {
        let refusal = state.withLock { state in
            state.machine.phase == .open ? state.machine.refusal(operation) : nil
        }
        guard let refusal else { return }
        refusals.add()
        throw refusal
    }

    private func admit(_ operation: String) throws(StoreError) -> (id: UInt64, isTrial: Bool) {
        let (admission, id) = state.withLock { state in
            state.lastCall += 1
            return (state.machine.admit(operation), state.lastCall)
        }
        if case .refused(let error) = admission {
            refusals.add()
            throw error
        }
        return (id, admission == .trial)
    }

    /// Takes a call off the table: whoever gets it answers its caller.
    private func take(_ id: UInt64) -> Call? { state.withLock { $0.calls.removeValue(forKey: id) } }

    private func ended(_ result: Result<some Sendable, StoreError>, isTrial: Bool) {
        let nowMs = time.wallMs()
        var end = CircuitBreakerMachine.CallEnd.answered
        if case .failure(let error) = result, error.code == .unavailable || error.code == .timedOut {
            end = .failed(error)
        }
        let ended = end
        perform { $0.callEnded(ended, isTrial: isTrial, nowMs: nowMs) }
    }

    /// The caller's task was cancelled.
    private func withdraw(_ id: UInt64) {
        guard let call = take(id) else { return }
        let nowMs = time.wallMs()
        perform { $0.callEnded(.withdrawn, isTrial: call.isTrial, nowMs: nowMs) }
        call.task?.cancel()
        call.fail(
            StoreError(
                .unavailable, store: store, operation: call.operation, detail: "the caller went away", mayHaveRun: true)
        )
    }

    // MARK: What the machine decides

    private func perform(_ event: @Sendable (inout CircuitBreakerMachine) -> CircuitBreakerMachine.Action) {
        let (action, machine, given) = state.withLock { state in
            let action = event(&state.machine)
            guard action == .opened(abandons: true) else { return (action, state.machine, [Call]()) }
            let calls = Array(state.calls.values)
            state.calls = [:]
            return (action, state.machine, calls)
        }
        switch action {
        case .none, .halfOpened: break
        case .opened:
            // A trial that failed is no news.
            if machine.openings > Int(openings.value) {
                openings.add()
                logger.warning(
                    "a store is away: answers do without it until it is back",
                    ["store": "\(store)", "reason": "\(machine.lastFailure.map { "\($0.error)" } ?? "no answer")"])
            }
        case .closed: logger.notice("a store is back", ["store": "\(store)"])
        }
        for call in given {
            refusals.add()
            call.task?.cancel()
            call.fail(machine.refusal(call.operation, mayHaveRun: true))
        }
    }
}
