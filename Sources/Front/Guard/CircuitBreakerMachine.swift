package import Analytics

/// Decides whether a store may be asked, from probes of it and from what became of calls; a value without I/O or clock.
///
/// ```
///             probes fail, or calls do while a probe fails
///          ┌────────────────────────────────────────────────▶ open ◀──────────────┐
///       closed                                                 │ a probe succeeds  │ a probe or a trial fails
///          ▲                                                   ▼                   │
///          └── a trial succeeds, or further probes do ──── half-open ──────────────┘
/// ```
/// A store that answers probes is well, however long a call takes: calls that time out then open nothing. Only calls that
/// fail outright, many in a row, open the breaker under a good probe, and those under way then go on.
package struct CircuitBreakerMachine: Sendable {
    /// Whether calls pass.
    package enum Phase: String, CaseIterable, Sendable {
        /// They do.
        case closed
        /// The store answers again: one call at a time passes as a trial.
        case halfOpen = "half-open"
        /// They are refused at once.
        case open
    }

    /// When a breaker opens and closes.
    package struct Configuration: Sendable {
        /// Pause between two probes while all is well; default 100 ms.
        package var probePause = Duration.milliseconds(100)
        /// While the breaker is open, the pause is a random part of a span that begins here and doubles; default 100 ms.
        package var firstBackoff = Duration.milliseconds(100)
        /// The greatest such span; default 400 ms.
        package var maxBackoff = Duration.milliseconds(400)
        /// How long a probe may take; default 600 ms, so that a breaker opens 1.3 s after its store went silent. Whoever probes
        /// sees to it.
        package var probeTimeout = Duration.milliseconds(600)
        /// A failed probe that took so much longer than it may says that this process was held up, not the store; default
        /// 200 ms.
        package var maxLateness = Duration.milliseconds(200)
        /// How many of those in a row are let off; default 2.
        package var maxLateProbes = 2
        /// Probes that fail in a row before the breaker opens; default 2.
        package var failedProbes = 2
        /// Calls that fail outright in a row before the breaker opens though probes succeed; default 5.
        package var failedCalls = 5
        /// Probes that succeed in a row before a breaker that opened by probes closes without a trial; default 2.
        package var goodProbes = 2
        /// The same for one that opened by calls while probes succeeded; default 10.
        package var goodProbesAfterCalls = 10

        package init() {}
    }

    /// What a call may do.
    package enum Admission: Sendable, Equatable {
        case pass
        /// It passes, and whether the breaker closes depends on it.
        case trial
        case refused(StoreError)
    }

    /// What became of a call.
    package enum CallEnd: Sendable {
        /// The store answered, be it that it refused what was asked.
        case answered
        case failed(StoreError)
        /// Its caller went away.
        case withdrawn
    }

    /// What whoever owns the machine must do or tell.
    package enum Action: Sendable, Equatable {
        case none
        /// The breaker opened; where `abandons`, calls under way will not be answered.
        case opened(abandons: Bool)
        case halfOpened
        case closed
    }

    package let configuration: Configuration
    package private(set) var phase = Phase.closed
    /// Since when the phase is what it is, ms since 1970.
    package private(set) var sinceMs: Int64
    /// The last failure that counted, and when it was, ms since 1970.
    package private(set) var lastFailure: (error: StoreError, atMs: Int64)?
    /// How often the breaker has opened.
    package private(set) var openings = 0

    private let store: StaticString
    private var failedProbes = 0
    private var lateProbes = 0
    private var goodProbes = 0
    private var failedCalls = 0
    private var hasTrial = false
    /// It was the calls that opened it, while probes succeeded.
    private var openedByCalls = false

    /// A closed breaker in front of `store`, as errors name it.
    package init(store: StaticString, nowMs: Int64, configuration: Configuration = Configuration()) {
        self.store = store
        self.configuration = configuration
        sinceMs = nowMs
    }

    // MARK: Probes

    /// A probe ended, `took` after it began, with an error where it failed.
    package mutating func probeEnded(_ error: StoreError?, took: Duration, nowMs: Int64) -> Action {
        guard let error else { return probeSucceeded(nowMs) }
        if took > configuration.probeTimeout + configuration.maxLateness, lateProbes < configuration.maxLateProbes {
            lateProbes += 1
            return .none
        }
        lastFailure = (error, nowMs)
        failedProbes += 1
        goodProbes = 0
        switch phase {
        case .closed: return failedProbes >= configuration.failedProbes ? open(nowMs, byCalls: false) : .none
        case .halfOpen: return open(nowMs, byCalls: openedByCalls)
        case .open: return .none
        }
    }

    private mutating func probeSucceeded(_ nowMs: Int64) -> Action {
        failedProbes = 0
        lateProbes = 0
        goodProbes += 1
        switch phase {
        case .closed: return .none
        case .open:
            goodProbes = 1
            enter(.halfOpen, nowMs)
            return .halfOpened
        case .halfOpen:
            let wanted = openedByCalls ? configuration.goodProbesAfterCalls : configuration.goodProbes
            return goodProbes >= wanted ? close(nowMs) : .none
        }
    }

    /// How long to wait before the next probe.
    package func pauseBeforeProbe(using generator: inout some RandomNumberGenerator) -> Duration {
        guard phase == .open else { return configuration.probePause }
        var span = configuration.firstBackoff
        for _ in configuration.failedProbes..<max(failedProbes, configuration.failedProbes)
        where span < configuration.maxBackoff { span *= 2 }
        return min(span, configuration.maxBackoff) * Double.random(in: 0.5...1, using: &generator)
    }

    // MARK: Calls

    /// Whether a call may be made now; `operation` is what it asks, for the error.
    package mutating func admit(_ operation: String) -> Admission {
        switch phase {
        case .closed: return .pass
        case .halfOpen where !hasTrial:
            hasTrial = true
            return .trial
        case .halfOpen, .open: return .refused(refusal(operation))
        }
    }

    /// A call that passed ended.
    package mutating func callEnded(_ end: CallEnd, isTrial: Bool, nowMs: Int64) -> Action {
        if isTrial { hasTrial = false }
        switch end {
        case .withdrawn: return .none
        case .answered:
            failedCalls = 0
            return isTrial && phase == .halfOpen ? close(nowMs) : .none
        case .failed(let error):
            lastFailure = (error, nowMs)
            if isTrial, phase == .halfOpen { return open(nowMs, byCalls: openedByCalls) }
            guard phase == .closed, error.code == .unavailable else { return .none }
            failedCalls += 1
            // Two witnesses.
            if failedProbes > 0 { return open(nowMs, byCalls: false) }
            return failedCalls >= configuration.failedCalls ? open(nowMs, byCalls: true) : .none
        }
    }

    /// The error of a call that is refused, or given up as the breaker opens.
    package func refusal(_ operation: String, mayHaveRun: Bool = false) -> StoreError {
        let reason = lastFailure.map { "\($0.error.operation): \($0.error.detail)" } ?? "no answer"
        return StoreError(
            .unavailable, store: store, operation: operation,
            detail: "it did not answer when it was last tried (\(reason))", mayHaveRun: mayHaveRun)
    }

    // MARK: Transitions

    private mutating func open(_ nowMs: Int64, byCalls: Bool) -> Action {
        if phase == .closed { openings += 1 }
        openedByCalls = byCalls
        failedCalls = 0
        hasTrial = false
        enter(.open, nowMs)
        return .opened(abandons: failedProbes > 0)
    }

    private mutating func close(_ nowMs: Int64) -> Action {
        failedCalls = 0
        hasTrial = false
        enter(.closed, nowMs)
        return .closed
    }

    private mutating func enter(_ next: Phase, _ nowMs: Int64) {
        phase = next
        sinceMs = nowMs
    }
}
