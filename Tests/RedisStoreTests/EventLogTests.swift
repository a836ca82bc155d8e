import Analytics
import Redis
import RedisStore
import Service
import TestKit
import Testing

@Suite("Event log", .tags(.integration), .needs(.redis), .timeLimit(.minutes(1)))
struct EventLogTests {
    private func log(_ fixture: PartitionFixture, _ partitions: Int) -> RedisEventLog {
        RedisEventLog(client: fixture.client, partitionCount: partitions, idempotency: .seconds(600))
    }

    private func total(_ fixture: PartitionFixture, _ partitions: Int) async throws -> Int {
        var total = 0
        for partition in 0..<partitions { total += try await fixture.length(partition) }
        return total
    }

    @Test func theGreatestCountHoldsForAll() async throws {
        let fixture = try await PartitionFixture.start()
        #expect(try await log(fixture, 3).readLayout().count == 3)
        #expect(try await log(fixture, 2).readLayout().count == 3)
        #expect(try await log(fixture, 5).readLayout().count == 5)
        await fixture.stop()
    }

    @Test func groupsWithoutAKeySpreadOverAllPartitions() async throws {
        let fixture = try await PartitionFixture.start()
        let log = log(fixture, 4)
        for _ in 0..<8 { #expect(try await log.append([PartitionFixture.group(nil)]) == [.appended]) }
        for partition in 0..<4 { #expect(try await fixture.length(partition) == 2) }
        await fixture.stop()
    }

    @Test func keysAreFoundBeforeDuringAndAfterGrowth() async throws {
        let fixture = try await PartitionFixture.start()
        let old = log(fixture, 1)
        let before = (0..<20).map { PartitionFixture.group("before \($0)") }
        #expect(try await old.append(before) == Array(repeating: .appended, count: 20))
        // This one grows, the other has not heard of it.
        let new = log(fixture, 2)
        let first = try await new.readLayout()
        let newest = log(fixture, 8)
        let layout = try await newest.readLayout()
        #expect(first.steps.map(\.count) == [1, 2] && layout.steps.map(\.count) == [1, 2, 8])
        let during = (0..<20).map { PartitionFixture.group("during \($0)") }
        #expect(try await newest.append(during) == Array(repeating: .appended, count: 20))
        // On a machine that stood still meanwhile the switch may be over; where these went is then the newest's business.
        let length = try await fixture.length(0)
        if try await fixture.nowMs() < layout.steps[1].sinceMs { #expect(length == 40) }
        for log in [old, new, newest] { try await expectKnown(before + during, log) }

        try await eventually("the switch") { try await fixture.nowMs() > layout.steps[2].sinceMs }
        let after = (0..<20).map { PartitionFixture.group("after \($0)") }
        #expect(try await newest.append(after) == Array(repeating: .appended, count: 20))
        for log in [old, new, newest] { try await expectKnown(before + during + after, log) }
        #expect(try await total(fixture, 8) == 60)
        #expect(try await fixture.length(0) < 60)
        var other = PartitionFixture.group("before 3", fingerprint: 2)
        #expect(try await new.append([other]) == [.conflict])
        other.idempotencyKey = "fresh"
        #expect(try await new.append([other, other]) == [.appended, .duplicate(answer: other.answer)])
        await fixture.stop()
    }

    private func expectKnown(_ groups: [AppendGroup], _ log: RedisEventLog) async throws {
        #expect(try await log.append(groups) == groups.map { .duplicate(answer: $0.answer) })
    }

    @Test func twoFrontsStoreAKeyOnceWhileTheCountChanges() async throws {
        let fixture = try await PartitionFixture.start()
        let logs = [log(fixture, 1), log(fixture, 1), log(fixture, 7)]
        #expect(try await logs[0].readLayout().count == 1)
        let layout = try await logs[2].readLayout()
        var (round, roundsAfter) = (0, 0)
        // All ask for the same keys at the same time, through the moment of the switch.
        while roundsAfter < 30 {
            if try await fixture.nowMs() > layout.steps[1].sinceMs { roundsAfter += 1 }
            let group = PartitionFixture.group("key \(round)")
            let outcomes = try await withThrowingTaskGroup(of: [AppendOutcome].self) { tasks in
                for log in logs { tasks.addTask { try await log.append([group]) } }
                return try await tasks.reduce(into: []) { $0 += $1 }
            }
            #expect(outcomes.count { $0 == .appended } == 1)
            #expect(outcomes.count { $0 == .duplicate(answer: group.answer) } == 2)
            round += 1
        }
        #expect(try await total(fixture, 7) == round)
        #expect(try await fixture.length(0) < round)
        await fixture.stop()
    }

    @Test func aPartitionThatFailsLeavesTheOthersTheirOutcome() async throws {
        let fixture = try await PartitionFixture.start()
        let log = log(fixture, 2)
        _ = try await fixture.client.send(RedisCommand("SET", "weir:{1}:events", "not a stream"))
        let outcomes = try await log.append((0..<16).map { PartitionFixture.group("key \($0)") })
        let appended = outcomes.count { $0 == .appended }
        #expect(appended > 0 && appended < 16)
        #expect(try await fixture.length(0) == appended)
        for outcome in outcomes where outcome != .appended {
            guard case .failed(let error) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(error.code == .rejected && !error.mayHaveRun)
        }
        await fixture.stop()
    }
}
