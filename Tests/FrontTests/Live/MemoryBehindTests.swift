import Service
import TestKit
import Testing

@testable import Front

@Suite("Memory that is behind", .timeLimit(.minutes(1)))
struct MemoryBehindTests {
    @Test func aFollowerThatHearsNothingForTwoWaitsIsBehind() async throws {
        let stage = try LiveStage()
        try await eventually("memory is current") { await stage.hub.isCurrent }
        #expect(await !stage.hub.isBehind)
        try await stage.advance(ms: 9_000)
        #expect(await !stage.hub.isBehind, "no news is usual for so long")
        try await stage.advance(ms: 2_000)
        #expect(await stage.hub.isBehind)
        #expect(await stage.hub.isCurrent, "it still answers, as of then")
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("it has heard") { await !stage.hub.isBehind }
        try await stage.stop()
    }

    @Test func aStoreThatIsDownIsNoticedAtOnce() async throws {
        let stage = try LiveStage()
        try await eventually("memory is current") { await stage.hub.isCurrent }
        stage.store.setDown(true)
        try await eventually("the follower fails") { await stage.hub.isBehind }
        #expect(await stage.hub.degraded == ["redis"])
        stage.store.setDown(false)
        try await eventually("it follows again") { await !stage.hub.isBehind }
        try await stage.stop()
    }

    @Test func whatTheBreakerKnowsCounts() async throws {
        let isAway = Lock(false)
        let stage = try LiveStage(isStoreAway: { isAway.withLock { $0 } })
        try await eventually("memory is current") { await stage.hub.isCurrent }
        isAway.withLock { $0 = true }
        #expect(await stage.hub.isBehind)
        isAway.withLock { $0 = false }
        #expect(await !stage.hub.isBehind)
        try await stage.stop()
    }
}
