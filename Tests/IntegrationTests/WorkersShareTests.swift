import Glibc
import Service
import TestKit
import Testing

@Suite("Workers share partitions", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct WorkersShareTests {
    /// A partition is to be worked on again within 5 s; three times that for a machine that does much else.
    private static let handover = Duration.seconds(15)

    @Test func partitionsAreWorkedOnWhateverBecomesOfWorkers() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let watch = PartitionWatch(weir: weir, count: 8)
        func expectShared(
            _ what: String, _ workers: WeirProcess..., within deadline: Duration = Self.handover
        ) async throws {
            // Events keep coming while partitions change hands: none may wait for too long.
            var longest = Duration.zero
            try await eventually("\(what): all is shared", deadline: Self.handover * 2) {
                longest = max(longest, try await watch.timeToApply(within: deadline))
                return try await watch.isShared(among: workers)
            }
            print("\(what): an event waited for up to \(longest)")
        }
        let one = try await weir.startWorker(partitions: 8)
        try await expectShared("one alone", one, within: .seconds(20))
        let two = try await weir.startWorker()
        try await expectShared("a second joins", one, two)
        let three = try await weir.startWorker()
        try await expectShared("a third joins", one, two, three)

        try await two.crash()
        try await expectShared("one is killed", one, three)

        three.process.signal(SIGSTOP)
        try await expectShared("one is frozen", one)
        three.process.signal(SIGCONT)
        try await expectShared("it goes on", one, three)

        one.terminate()
        try await expectShared("one stops", three)
        #expect(try await one.exit() == .status(0))
        let added = try await watch.entriesAdded().reduce(0, +)
        #expect(try await watch.applied() == added)
        for process in [three, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    /// A worker that stops says so, and nobody waits for its leases to run out.
    @Test func aWorkerThatStopsIsReplacedAtOnce() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let watch = PartitionWatch(weir: weir, count: 4)
        let (one, two) = (try await weir.startWorker(partitions: 4), try await weir.startWorker())
        try await eventually("all is shared") { try await watch.isShared(among: [one, two]) }
        // Frozen, so that what the other leaves behind is not taken at once.
        two.process.signal(SIGSTOP)
        one.terminate()
        #expect(try await one.exit() == .status(0))
        let holders = try await watch.holders()
        #expect(!holders.contains(one.process.pid), "its leases are given back")
        let team = try await weir.redis.connect().command("ZRANGE", "weir:{0}:workers", "0", "-1")
        #expect(team.array?.compactMap(\.string).contains { $0.contains("-\(one.process.pid)-") } == false)
        two.process.signal(SIGCONT)
        #expect(try await watch.timeToApply(within: Self.handover) < Self.handover)
        for process in [two, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
