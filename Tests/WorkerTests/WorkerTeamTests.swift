import Analytics
import Service
import TestKit
import Testing

@testable import Worker

/// Workers and partitions in memory.
private final class TwinTeamStore: TeamStore {
    struct State {
        var count = 1
        var owners: Set<String> = []
        var isAway = false
        var refusals = 0
    }

    private let state = Lock(State())

    var owners: Set<String> { state.withLock { $0.owners } }

    var refusals: Int { state.withLock { $0.refusals } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    func layout(atLeast configured: Int) async throws(StoreError) -> PartitionLayout {
        let count = state.withLock { state in
            state.count = max(state.count, configured)
            return state.count
        }
        return PartitionLayout(count: count, keyLifeMs: 0, readMs: 0, validUntilMs: 0)
    }

    func workers(owner: String, for ttl: Duration) async throws(StoreError) -> [String] {
        let owners: Set<String>? = state.withLock { state in
            if ttl > .zero { state.owners.insert(owner) } else { state.owners.remove(owner) }
            if state.isAway { state.refusals += 1 }
            return state.isAway ? nil : state.owners
        }
        guard let owners else { throw StoreError(.unavailable, store: "redis", operation: "workers", detail: "away") }
        return Array(owners)
    }
}

@Suite("Worker team", .timeLimit(.minutes(1)))
struct WorkerTeamTests {
    private struct Failure: Error {}

    private let store = TwinTeamStore()
    private let started = Lock<[Int]>([])

    private func team(_ owner: String, partitions: Int = 1) -> WorkerTeam {
        var configuration = WorkerTeam.Configuration(owner: owner)
        configuration.partitionCount = partitions
        configuration.every = .milliseconds(5)
        return WorkerTeam(store: store, configuration: configuration, logger: .silent)
    }

    private func run(_ team: WorkerTeam) -> Task<Void, any Error> {
        let started = started
        return Task {
            try await team.run { partition in
                started.withLock { $0.append(partition) }
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
            }
        }
    }

    private func mine(_ team: WorkerTeam) -> Set<Int> { Set((0..<32).filter(team.isMine)) }

    @Test func partitionsAreSharedAndTakenOver() async throws {
        let (one, two) = (team("one", partitions: 8), team("two"))
        let first = run(one)
        try await eventually("all are the first one's") { mine(one) == Set(0..<8) }
        let second = run(two)
        try await eventually("each has a half") { mine(one).count == 4 && mine(two).count == 4 }
        #expect(mine(one).union(mine(two)) == Set(0..<8))
        #expect(two.share == 4)
        second.cancel()
        try await second.value
        #expect(store.owners == ["one"])
        try await eventually("all are the first one's again") { mine(one) == Set(0..<8) }
        first.cancel()
        try await first.value
        #expect(store.owners.isEmpty)
    }

    @Test func newPartitionsAreWorkedOnOnceEach() async throws {
        let one = team("one")
        let running = run(one)
        try await eventually("the first") { started.withLock { $0 } == [0] && mine(one) == [0] }
        store.change { $0.count = 3 }
        try await eventually("the others") { started.withLock { $0.sorted() } == [0, 1, 2] && mine(one).count == 3 }
        running.cancel()
        try await running.value
    }

    @Test func aStoreThatIsAwayChangesNothing() async throws {
        let one = team("one", partitions: 2)
        let running = run(one)
        try await eventually("shared") { mine(one) == [0, 1] }
        store.change { state in
            state.isAway = true
            state.count = 4
        }
        try await eventually("some looks have failed") { store.refusals > 3 }
        #expect(mine(one) == [0, 1])
        store.change { $0.isAway = false }
        try await eventually("all are seen") { mine(one).count == 4 }
        running.cancel()
        try await running.value
    }

    @Test func aPartitionThatCannotBeWorkedOnEndsIt() async throws {
        let one = team("one", partitions: 2)
        await #expect(throws: Failure.self) {
            try await one.run { partition in
                if partition == 1 { throw Failure() }
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
            }
        }
        #expect(store.owners.isEmpty)
    }
}
