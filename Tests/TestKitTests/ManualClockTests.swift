import TestKit
import Testing

@Suite("A clock that tests move", .timeLimit(.minutes(1)))
struct ManualClockTests {
    let clock = ManualClock(startMs: 1000)

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        async let early: Void = clock.sleep(for: .seconds(1))
        async let late: Void = clock.sleep(for: .seconds(3))
        try await eventually("both sleep") { clock.sleeperCount == 2 }
        clock.advance(by: .seconds(2))
        try await early
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(1))
        try await late
        #expect(clock.nowMs == 4000)
    }

    @Test func aCancelledSleeperThrows() async throws {
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await clock.sleep(for: .seconds(1)) }
                try await eventually("it sleeps") { clock.sleeperCount == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        #expect(clock.sleeperCount == 0)
    }
}

@Suite("Seeds") struct SeedTests {
    @Test func theSequenceIsTheReferencesOne() {
        var generator = SplitMix64(Seed(value: 1_234_567 as UInt64))
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
    }
}
