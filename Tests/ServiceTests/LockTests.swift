import Service
import Testing

@Suite("Lock") struct LockTests {
    @Test func countsOfManyThreadsAddUp() {
        let total = Lock(0)
        let threads = (0..<4).map { _ in
            NativeThread(name: "adder") {
                for _ in 0..<10_000 { total.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(total.withLock { $0 } == 40_000)
    }

    @Test func isFreeAgainAfterAThrow() {
        struct Refused: Error {}
        let value = Lock(1)
        #expect(throws: Refused.self) { try value.withLock { _ throws(Refused) in throw Refused() } }
        #expect(value.withLock { $0 } == 1)
    }

    @Test func freesItsValue() {
        final class Tracked: Sendable {}
        weak var tracked: Tracked?
        do {
            let lock = Lock(Tracked())
            tracked = lock.withLock { $0 }
            #expect(tracked != nil)
        }
        #expect(tracked == nil)
    }
}
