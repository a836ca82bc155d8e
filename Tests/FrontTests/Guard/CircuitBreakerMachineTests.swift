import Analytics
import TestKit
import Testing

@testable import Front

@Suite("Circuit breaker, decided")
struct CircuitBreakerMachineTests {
    private let gone = StoreError(.unavailable, store: "postgres", operation: "probe", detail: "connection refused")
    private let late = StoreError(.timedOut, store: "postgres", operation: "read minutes", detail: "not done in time")
    private let short = Duration.milliseconds(5)
    private var machine = CircuitBreakerMachine(store: "postgres", nowMs: 1_000)

    private mutating func probe(_ error: StoreError?, at nowMs: Int64 = 2_000) -> CircuitBreakerMachine.Action {
        machine.probeEnded(error, took: short, nowMs: nowMs)
    }

    private mutating func call(_ end: CircuitBreakerMachine.CallEnd, isTrial: Bool = false)
        -> CircuitBreakerMachine.Action
    {
        machine.callEnded(end, isTrial: isTrial, nowMs: 3_000)
    }

    private mutating func openByProbes() {
        _ = probe(gone)
        #expect(probe(gone) == .opened(abandons: true))
    }

    @Test mutating func closedLetsAllPass() {
        #expect(machine.phase == .closed && machine.sinceMs == 1_000)
        for _ in 0..<3 { #expect(machine.admit("read") == .pass) }
        #expect(probe(nil) == .none && call(.answered) == .none && machine.phase == .closed)
    }

    @Test mutating func oneFailedProbeIsNone() {
        #expect(probe(gone) == .none && probe(nil) == .none && probe(gone) == .none)
        #expect(machine.phase == .closed && machine.openings == 0)
    }

    @Test mutating func twoFailedProbesOpenAndGiveUpCalls() {
        #expect(probe(gone) == .none)
        #expect(probe(gone, at: 5_000) == .opened(abandons: true))
        #expect(machine.phase == .open && machine.sinceMs == 5_000 && machine.openings == 1)
        #expect(machine.lastFailure?.error == gone && machine.lastFailure?.atMs == 5_000)
        guard case .refused(let error) = machine.admit("read minutes") else {
            Issue.record("an open breaker refuses")
            return
        }
        #expect(error.code == .unavailable && !error.mayHaveRun && error.operation == "read minutes")
        #expect(error.detail.contains("connection refused"))
    }

    @Test mutating func aProbeThatWasHeldUpHereSaysNothing() {
        let tooLate = machine.configuration.probeTimeout + machine.configuration.maxLateness + .milliseconds(1)
        for _ in 0..<10 {
            for _ in 0..<machine.configuration.maxLateProbes {
                #expect(machine.probeEnded(gone, took: tooLate, nowMs: 1) == .none)
            }
            #expect(probe(nil) == .none)
        }
        #expect(machine.phase == .closed && machine.lastFailure == nil)
        // Not for ever: a process that is always late must not wait for a store that is gone.
        let ends = (0..<4).map { _ in machine.probeEnded(gone, took: tooLate, nowMs: 1) }
        #expect(ends == [.none, .none, .none, .opened(abandons: true)])
    }

    @Test mutating func aFailedCallOpensWhereAProbeFailedToo() {
        #expect(probe(gone) == .none)
        #expect(call(.failed(gone)) == .opened(abandons: true))
    }

    @Test mutating func callsThatTakeLongOpenNothing() {
        for _ in 0..<100 { #expect(call(.failed(late)) == .none) }
        #expect(machine.phase == .closed && machine.lastFailure?.error == late)
    }

    @Test mutating func manyCallsThatFailOutrightOpenWithoutCuttingOthers() {
        for _ in 1..<machine.configuration.failedCalls { #expect(call(.failed(gone)) == .none) }
        #expect(call(.failed(gone)) == .opened(abandons: false))
        // Probes succeed all the time, so more of them must before it closes by itself.
        #expect(probe(nil) == .halfOpened)
        for _ in 2..<machine.configuration.goodProbesAfterCalls { #expect(probe(nil) == .none) }
        #expect(probe(nil) == .closed)
    }

    @Test mutating func anAnswerBetweenFailuresCountsThemAnew() {
        for _ in 0..<50 {
            for _ in 1..<machine.configuration.failedCalls { #expect(call(.failed(gone)) == .none) }
            #expect(call(.answered) == .none)
        }
        #expect(machine.phase == .closed)
    }

    @Test mutating func halfOpenLetsOneTrialPassAndItsSuccessCloses() {
        openByProbes()
        #expect(probe(gone) == .none, "it is open already")
        #expect(probe(nil, at: 7_000) == .halfOpened && machine.phase == .halfOpen && machine.sinceMs == 7_000)
        #expect(machine.admit("read") == .trial)
        guard case .refused = machine.admit("read") else {
            Issue.record("one trial at a time")
            return
        }
        #expect(call(.answered, isTrial: true) == .closed && machine.admit("read") == .pass)
    }

    @Test mutating func aTrialThatFailsOpensAgainAndIsNoNewOpening() {
        openByProbes()
        _ = probe(nil)
        #expect(machine.admit("read") == .trial)
        #expect(call(.failed(late), isTrial: true) == .opened(abandons: false))
        #expect(machine.phase == .open && machine.openings == 1)
        #expect(probe(nil) == .halfOpened && machine.admit("read") == .trial, "there may be another")
    }

    @Test mutating func aTrialWhoseCallerWentAwayLeavesRoomForAnother() {
        openByProbes()
        _ = probe(nil)
        #expect(machine.admit("read") == .trial && call(.withdrawn, isTrial: true) == .none)
        #expect(machine.admit("read") == .trial)
    }

    @Test mutating func halfOpenClosesByProbesWhereNobodyAsks() {
        openByProbes()
        #expect(probe(nil) == .halfOpened && probe(nil) == .closed)
        #expect(machine.phase == .closed)
    }

    @Test mutating func halfOpenOpensWithTheNextFailedProbe() {
        openByProbes()
        #expect(probe(nil) == .halfOpened && probe(gone) == .opened(abandons: true))
        #expect(machine.openings == 1)
    }

    @Test mutating func callsFromBeforeDecideNothingWhileItIsOpen() {
        openByProbes()
        #expect(call(.answered) == .none && call(.failed(gone)) == .none && machine.phase == .open)
        _ = probe(nil)
        #expect(call(.answered) == .none && machine.phase == .halfOpen, "only the trial counts")
    }

    @Test("pauses grow while it is open, with jitter, and stay short enough to be back soon", arguments: Seed.range(20))
    func pauses(seed: Seed) {
        var rng = SplitMix64(seed)
        var machine = machine
        let configuration = machine.configuration
        #expect(machine.pauseBeforeProbe(using: &rng) == configuration.probePause)
        for _ in 0..<40 {
            _ = machine.probeEnded(gone, took: short, nowMs: 0)
            let pause = machine.pauseBeforeProbe(using: &rng)
            #expect(pause >= configuration.firstBackoff / 2 && pause <= configuration.maxBackoff)
        }
        let last = (0..<20).map { _ in machine.pauseBeforeProbe(using: &rng) }
        #expect(Set(last).count > 10 && last.allSatisfy { $0 >= configuration.maxBackoff / 2 })
    }
}
