import Analytics
import Reactor
import TestKit
import Testing

@testable import Front

@Suite("Ingest queue")
final class IngestQueueTests: Sendable {
    private let loop: EventLoop
    private let log = TwinLog()
    private let queue: IngestQueue
    private let running: Task<Void, any Error>

    init() throws {
        let loop = try EventLoop.start(name: "ingest")
        let queue = IngestQueue(executor: loop, log: log, maxWaitingBytes: 1_000)
        self.loop = loop
        self.queue = queue
        running = loop.spawn { await queue.run() }
    }

    deinit {
        running.cancel()
        loop.stop()
    }

    @Test func whatArrivesDuringACallGoesWithTheNext() async throws {
        let first = try await keepBothLanesBusy()
        let rest = (0..<40).map { _ in append(group()) }
        try await eventually("all wait") { await queue.waitingBytes == 42 * 8 }
        log.release()
        for one in first + rest { #expect(try await one.value == .appended) }
        #expect(log.calls.count <= 4 && log.eventCount == 42)
        #expect(log.calls.contains { $0.count == 1 && $0[0].entries.map(\.eventCount) == [40] })
        #expect(await queue.waitingBytes == 0)
    }

    @Test func eachGetsItsOwnOutcome() async throws {
        let blockers = try await keepBothLanesBusy()
        let tasks = [group(), group(key: "k", 1), group(), group(key: "k", 1), group(key: "k", 2)].map(append)
        try await eventually("all wait") { await queue.waitingBytes == 7 * 8 }
        log.release()
        for one in blockers { _ = try await one.value }
        var outcomes: [AppendOutcome] = []
        for one in tasks { outcomes.append(try await one.value) }
        #expect(outcomes == [.appended, .appended, .appended, .duplicate(answer: [1]), .conflict])
        #expect(log.eventCount == 5)
    }

    @Test func groupsWithoutAKeyShareEntriesWithinAMillisecondOnly() {
        let packed = IngestQueue.packed([
            group(), group(key: "k", 1), group(), group(receivedMs: 6), group(receivedMs: 6), group(key: "l", 1),
        ])
        #expect(packed.places == [0, 1, 0, 2, 2, 3])
        #expect(packed.groups.map(\.idempotencyKey) == [nil, "k", nil, "l"])
        #expect(packed.groups.map(\.receivedMs) == [5, 5, 6, 5])
        #expect(packed.groups.map { $0.entries.map(\.eventCount) } == [[2], [1], [2], [1]])
    }

    @Test func moreThanMayWaitIsRefused() async throws {
        log.hold()
        let waiting = (0..<125).map { _ in append(group()) }
        try await eventually("it is full") { await queue.waitingBytes == 1_000 }
        await #expect(throws: IngestError.self) { try await self.append(self.group()).value }
        log.release()
        for one in waiting { #expect(try await one.value == .appended) }
        #expect(try await append(group()).value == .appended)
    }

    @Test func aFailureIsEverybodysAndPasses() async throws {
        log.fail(StoreError(.unavailable, store: "redis", operation: "append", detail: "gone"))
        await #expect(throws: IngestError.self) { try await self.append(self.group()).value }
        log.fail(nil)
        #expect(try await append(group()).value == .appended)
    }

    @Test func whenItEndsNobodyIsLeftWaiting() async throws {
        log.hold()
        let tasks = (0..<5).map { _ in append(group()) }
        try await eventually("all wait") { await queue.waitingBytes == 5 * 8 }
        running.cancel()
        log.release()
        var outcomes = 0
        for one in tasks {
            _ = await one.result
            outcomes += 1
        }
        #expect(outcomes == 5)
        await #expect(throws: IngestError.self) { try await self.append(self.group()).value }
    }

    private func keepBothLanesBusy() async throws -> [Task<AppendOutcome, any Error>] {
        log.hold()
        var tasks: [Task<AppendOutcome, any Error>] = []
        for lane in 1...2 {
            tasks.append(append(group()))
            try await eventually("lane \(lane) is busy") { log.heldCount == lane }
        }
        return tasks
    }

    private func append(_ group: AppendGroup) -> Task<AppendOutcome, any Error> {
        loop.spawn { [queue] in try await queue.append(group) }
    }

    private func group(key: String? = nil, _ fingerprint: UInt64 = 0, receivedMs: Int64 = 5) -> AppendGroup {
        AppendGroup(
            idempotencyKey: key, fingerprint: fingerprint, receivedMs: receivedMs,
            entries: [.init(ndjson: Array((key == nil ? "{\"a\":1}\n" : "{\"a\":}\n").utf8), eventCount: 1)],
            answer: key == nil ? [] : [1])
    }
}
