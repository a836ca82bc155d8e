import Testing

@testable import Front

@Suite("Pacer") struct PacerTests {
    private let ms: UInt64 = 1_000_000

    @Test func theFirstChangeAfterQuietIsDueAtOnce() {
        var pacer = Pacer(everyNs: 100 * ms)
        #expect(pacer.due(changedAt: 1234 * ms) == 1234 * ms)
        pacer.sent(at: 1234 * ms)
        #expect(pacer.due(changedAt: 1334 * ms) == 1334 * ms)
    }

    @Test(arguments: [20, 25, 100, 1000] as [UInt64]) func busyOnesMeetWithoutWaitingMuchLonger(every: UInt64) {
        var pacers = (0..<10).map { _ in Pacer(everyNs: every * ms) }
        for index in pacers.indices { pacers[index].sent(at: 5000 * ms + UInt64(index) * every * ms / 10) }
        var sent: [UInt64] = []
        for _ in 0..<(every == 1000 ? 120 : 12) {
            sent = pacers.indices.map { index in
                let before = pacers[index]
                let due = before.due(changedAt: 0)
                pacers[index].sent(at: due)
                let next = pacers[index].due(changedAt: due)
                #expect(next >= due + every * ms && next <= due + every * ms + min(every * ms / 10, 10 * ms))
                return due
            }
        }
        #expect(Set(sent.map { $0 % (every * ms) }).count == 1)
    }
}
