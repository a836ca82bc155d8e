import Testing

@testable import Front

@Suite("Pacer") struct PacerTests {
    private let ms: UInt64 = 1_000_000

    @Test func theFirstChangeAfterQuietIsDueAtOnce() {
        var pacer = Pacer(everyNs: 100 * ms)
        #expect(pacer.due(changedAt: 1234 * ms) == 1234 * ms)
        pacer.sent(at: 1234 * ms, due: 1234 * ms)
        #expect(pacer.due(changedAt: 1334 * ms) == 1334 * ms)
    }

    @Test(arguments: [20, 25, 100, 1000] as [UInt64]) func busyOnesMeetWithoutWaitingMuchLonger(every: UInt64) {
        var pacers = (0..<10).map { _ in Pacer(everyNs: every * ms) }
        for index in pacers.indices {
            let start = 5000 * ms + UInt64(index) * every * ms / 10
            pacers[index].sent(at: start, due: start)
        }
        var sent: [UInt64] = []
        for _ in 0..<(every == 1000 ? 120 : 12) {
            sent = pacers.indices.map { index in
                let before = pacers[index]
                let due = before.due(changedAt: 0)
                pacers[index].sent(at: due, due: due)
                let next = pacers[index].due(changedAt: due)
                #expect(next >= due + every * ms && next <= due + every * ms + min(every * ms / 10, 10 * ms))
                return due
            }
        }
        #expect(Set(sent.map { $0 % (every * ms) }).count == 1)
    }

    @Test(arguments: [20, 25, 100, 1000] as [UInt64]) func lateTimersDoNotSlowABusyOneDown(every: UInt64) {
        var pacer = Pacer(everyNs: every * ms)
        pacer.sent(at: 5003 * ms, due: 5003 * ms)
        var now = 5003 * ms
        for _ in 0..<200 {
            let due = pacer.due(changedAt: now)
            now = due + 4_900_000
            pacer.sent(at: now, due: due)
        }
        // One period more, to meet the others.
        #expect(now <= 5003 * ms + 201 * every * ms + 4_900_000)
    }

    @Test func whatIsSentMuchTooLateDelaysTheNext() {
        var pacer = Pacer(everyNs: 100 * ms)
        pacer.sent(at: 1080 * ms, due: 1000 * ms)
        #expect(pacer.due(changedAt: 1081 * ms) >= 1180 * ms)
    }
}
