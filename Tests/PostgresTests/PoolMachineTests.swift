import Testing

@testable import Postgres

@Suite("Pool machine")
struct PoolMachineTests {
    private var machine = PoolMachine(maxConnections: 2, maxWaiting: 3, failsFast: false)

    @Test mutating func aConnectionIsMadeForEachWhoWaitsUpToTheLimit() {
        #expect(machine.request(1) == [.connect(id: 1)])
        #expect(machine.request(2) == [.connect(id: 2)])
        #expect(machine.request(3) == [])
        #expect(machine.connected(1, nowNs: 5) == [.lease(id: 1, request: 1, idleSinceNs: 5)])
        #expect(machine.released(1, isReusable: true, nowNs: 6) == [.lease(id: 1, request: 2, idleSinceNs: 6)])
        #expect(machine.connected(2, nowNs: 7) == [.lease(id: 2, request: 3, idleSinceNs: 7)])
        #expect(machine.leasedCount == 2)
    }

    @Test mutating func tooManyAreRefused() {
        for request in 1...3 as ClosedRange<UInt64> { _ = machine.request(request) }
        #expect(machine.request(4) == [.refuse(request: 4, .tooManyWaiting)])
        let (once, again) = (machine.withdraw(2), machine.withdraw(2))
        #expect(once && !again)
        #expect(machine.request(5) == [])
    }

    @Test mutating func theConnectionUsedLastIsUsedNext() {
        _ = machine.request(1)
        _ = machine.request(2)
        _ = machine.connected(1, nowNs: 1)
        _ = machine.connected(2, nowNs: 1)
        #expect(machine.released(2, isReusable: true, nowNs: 2) == [])
        #expect(machine.released(1, isReusable: true, nowNs: 3) == [])
        #expect(machine.request(3) == [.lease(id: 1, request: 3, idleSinceNs: 3)])
        #expect(machine.closeIdle(since: 2) == [.close(id: 2)])
        #expect(machine.connectionCount == 1)
    }

    @Test mutating func aBrokenConnectionIsReplacedForThoseWhoWait() {
        var machine = PoolMachine(maxConnections: 1, maxWaiting: 3, failsFast: false)
        _ = machine.request(1)
        _ = machine.connected(1, nowNs: 1)
        #expect(machine.request(2) == [])
        #expect(machine.released(1, isReusable: false, nowNs: 2) == [.close(id: 1), .connect(id: 2)])
    }

    @Test mutating func afterAFailureThereIsAPauseAndThenAnAttemptForThoseWhoStillWait() {
        _ = machine.request(1)
        _ = machine.request(2)
        #expect(machine.connectFailed(1) == [.pauseBeforeRetry])
        #expect(machine.connectFailed(2) == [])
        #expect(machine.request(3) == [])
        let withdrawn = machine.withdraw(3)
        #expect(withdrawn)
        #expect(machine.retry() == [.connect(id: 3), .connect(id: 4)])
    }

    @Test func whoFailsFastIsRefusedUntilThePauseIsOver() {
        var machine = PoolMachine(maxConnections: 2, maxWaiting: 3, failsFast: true)
        _ = machine.request(1)
        #expect(machine.connectFailed(1) == [.refuse(request: 1, .serverAway), .pauseBeforeRetry])
        #expect(machine.request(2) == [.refuse(request: 2, .serverAway)])
        #expect(machine.retry() == [])
        #expect(machine.request(3) == [.connect(id: 2)])
    }

    @Test mutating func aLostIdleConnectionIsForgotten() {
        _ = machine.request(1)
        _ = machine.connected(1, nowNs: 1)
        machine.lost(1)  // not idle: its user will notice
        #expect(machine.connectionCount == 1)
        _ = machine.released(1, isReusable: true, nowNs: 2)
        machine.lost(1)
        #expect(machine.request(2) == [.connect(id: 2)])
    }

    @Test mutating func closingRefusesAndClosesNowOrWhenItComesBack() {
        for request in 1...3 as ClosedRange<UInt64> { _ = machine.request(request) }
        _ = machine.connected(1, nowNs: 1)
        #expect(machine.close() == [.refuse(request: 2, .closed), .refuse(request: 3, .closed)])
        #expect(machine.connected(2, nowNs: 2) == [.close(id: 2)])
        #expect(machine.released(1, isReusable: true, nowNs: 3) == [.close(id: 1)])
        #expect(machine.request(4) == [.refuse(request: 4, .closed)])
    }
}
