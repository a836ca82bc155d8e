package import Service

/// Makes up events and sends them as time goes by: what `weir generate` does.
///
/// A few senders share one generator; whoever is free takes what is due. While all of them wait for the server nothing is
/// made, and what was due more than a second ago is left out, counted and told: load never comes in bursts. Everything but
/// `run` may be called from any thread.
package final class GeneratorRun: Sendable {
    /// What a person who watches is told.
    package enum Notice: Sendable, Equatable {
        /// The server is away or busy; the next attempt comes after `pause`.
        case waiting(detail: String, pause: Duration)
        /// The server is back.
        case goesOn
        /// About so many events were left out since this was last told.
        case leftOut(events: Int)
        /// The server has refused events of a batch, for this reason among others; told at most every half minute.
        case rejected(events: Int, reason: String)
        /// A batch was given up: it got no answer for longer than keys live.
        case gaveUp(events: Int, detail: String)

        /// For a log line.
        package var text: String {
            switch self {
            case .waiting(let detail, let pause): "\(detail); next attempt in \(pause.formatted(decimals: 1)) s"
            case .goesOn: "the server is back"
            case .leftOut(let events): "about \(events.grouped) events left out: sending cannot keep up"
            case .rejected(let events, let reason): "\(events.grouped) events refused: \(reason)"
            case .gaveUp(let events, let detail): "\(events.grouped) events given up: \(detail)"
            }
        }
    }

    /// Why a run ended.
    package enum Ending: Sendable, Equatable {
        case stopped
        /// 401 or 403.
        case forbidden(detail: String)
        /// The server said no to the request as such.
        case refused(status: Int, detail: String)

        /// sysexits: 0, 76 not our protocol, 77 no permission.
        package var exitCode: Int32 {
            switch self {
            case .stopped: 0
            case .forbidden: 77
            case .refused: 76
            }
        }

        /// Why it ended, where that needs words.
        package var problem: String? {
            switch self {
            case .stopped: nil
            case .forbidden(let detail): "no permission: \(detail)"
            case .refused(let status, let detail): "the server answered \(status): \(detail)"
            }
        }
    }

    private struct State {
        var generator: EventGenerator
        var pace: GeneratorPace
        var batches = 0
        var leftOut = 0
        var leftOutTold: UInt64?
    }

    private enum Work {
        case wait(ms: Int64)
        case send(EventBatch)
    }

    /// Batches under way at the same time.
    private static let inFlight = 4

    private let sink: any EventSink
    private let retry: RetryPolicy
    private let time: TimeSource
    private let pause: Pause
    private let metrics: GeneratorMetrics
    private let onNotice: @Sendable (Notice) -> Void
    private let runID: String
    private let state: Lock<State>
    private let stopSignal = StopSignal()
    private let teller = TroubleTeller()
    private let rejectionTeller = TroubleTeller()
    private let ending = Lock<Ending?>(nil)

    /// Prepares a run that starts with the present time.
    ///
    /// - Parameters:
    ///   - configuration: what is made up, and how much of it.
    ///   - sink: used by up to four tasks at once.
    ///   - retry: how an absent server is waited for.
    ///   - time: the wall clock gives the events their times.
    ///   - pause: how to sleep; on a loop, the loop's own sleep.
    ///   - metrics: counts what happens.
    ///   - runID: what the idempotency keys begin with; random unless told.
    ///   - onNotice: called from the senders' tasks.
    package init(
        _ configuration: GeneratorConfiguration, sink: any EventSink, retry: RetryPolicy = RetryPolicy(),
        time: TimeSource = .system, pause: @escaping Pause, metrics: GeneratorMetrics,
        runID: String = SendPipeline.randomRunID(), onNotice: @escaping @Sendable (Notice) -> Void = { _ in }
    ) {
        self.sink = sink
        self.retry = retry
        self.time = time
        self.pause = pause
        self.metrics = metrics
        self.runID = runID
        self.onNotice = onNotice
        let startMs = time.wallMs()
        state = Lock(
            State(
                generator: EventGenerator(configuration, startMs: startMs),
                pace: GeneratorPace(rate: configuration.rate, startMs: startMs)))
    }

    /// Ends the run in good order: nothing more is made, requests under way are finished, then `run` returns.
    package func stop() { end(.stopped) }

    /// Makes and sends events until it is stopped or cancelled, or until the server refuses for good.
    package func run() async -> Ending {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { senders in
                for _ in 0..<Self.inFlight { senders.addTask { await self.sendBatches() } }
            }
        } onCancel: {
            stop()
        }
        return ending.withLock { $0 } ?? .stopped
    }

    private func end(_ ending: Ending) {
        self.ending.withLock { if $0 == nil { $0 = ending } }
        stopSignal.set()
    }

    // MARK: Making

    private func nextWork() -> Work {
        let (work, leftOut) = state.withLock { state -> (Work, Int) in
            // Asked for under the lock: a sender that was held up before it would bring an old time, which looks like a
            // clock that was set back.
            let nowMs = time.wallMs()
            var leftOut = 0
            while true {
                switch state.pace.step(nowMs: nowMs) {
                case .wait(let ms): return (.wait(ms: ms), leftOut)
                case .leaveOut(let untilMs):
                    leftOut += state.generator.skip(toMs: untilMs)
                    state.pace.done(untilMs: untilMs)
                case .restart(let ms):
                    state.generator.restart(atMs: ms)
                    state.pace.done(untilMs: ms)
                case .make(let untilMs):
                    var body: [UInt8] = []
                    body.reserveCapacity(64 << 10)
                    let count = state.generator.appendEvents(
                        untilMs: untilMs, limit: GeneratorPace.maxEvents, to: &body)
                    // A full batch may not reach `untilMs`: whoever comes next goes on from there.
                    state.pace.done(untilMs: min(untilMs, state.generator.reachedMs))
                    if count == 0 { continue }
                    state.batches += 1
                    return (.send(EventBatch(body: body, count: count, key: "\(runID)-\(state.batches)")), leftOut)
                }
            }
        }
        if leftOut > 0 { tellLeftOut(leftOut) }
        return work
    }

    private func tellLeftOut(_ events: Int) {
        metrics.leftOut.add(events)
        let nowNs = time.monotonicNs()
        let told = state.withLock { state -> Int? in
            state.leftOut += events
            if let last = state.leftOutTold, .nanoseconds(nowNs - last) < TroubleTeller.interval { return nil }
            state.leftOutTold = nowNs
            defer { state.leftOut = 0 }
            return state.leftOut
        }
        if let told { onNotice(.leftOut(events: told)) }
    }

    // MARK: Sending

    private func sendBatches() async {
        let delivery = Delivery(
            sink: sink, policy: retry, time: time, pause: pause, stop: stopSignal
        ) { [self] trouble in
            if let trouble {
                metrics.failedAttempts.add()
                guard teller.tellsTrouble(nowNs: time.monotonicNs()) else { return }
                onNotice(.waiting(detail: trouble.detail, pause: trouble.pause))
            } else if teller.tellsEnd() {
                onNotice(.goesOn)
            }
        }
        while !stopSignal.isSet {
            switch nextWork() {
            case .wait(let ms):
                guard await stopSignal.sleep(.milliseconds(ms), pause) else { return }
            case .send(let batch):
                guard book(batch, await delivery.deliver(batch)) else { return }
            }
        }
    }

    /// Counts what became of a batch; false where the run is over.
    private func book(_ batch: EventBatch, _ outcome: Delivery.Outcome) -> Bool {
        switch outcome {
        case .answered(let answer):
            metrics.batches.add()
            metrics.accepted.add(answer.accepted)
            if answer.rejected > 0 { reject(answer.rejected, answer.errors.first?.reason ?? "no reason given") }
        case .refused(400, let detail, let lines):
            metrics.batches.add()
            reject(batch.count, lines.first?.reason ?? detail)
        case .refused(let status, let detail, _):
            end(status == 401 || status == 403 ? .forbidden(detail: detail) : .refused(status: status, detail: detail))
            return false
        case .gaveUp(let detail):
            metrics.givenUp.add(batch.count)
            onNotice(.gaveUp(events: batch.count, detail: detail))
        case .stopped:
            return false
        }
        return true
    }

    private func reject(_ events: Int, _ reason: String) {
        metrics.rejected.add(events)
        if rejectionTeller.tellsTrouble(nowNs: time.monotonicNs()) {
            onNotice(.rejected(events: events, reason: reason))
        }
    }
}
