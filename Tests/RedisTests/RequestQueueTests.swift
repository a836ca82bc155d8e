import Testing

@testable import Redis

@Suite("Request queue")
struct RequestQueueTests {
    private typealias Queue = RequestQueue<Int>

    private func request(_ id: UInt64, replies: Int = 1, deadlineNs: UInt64 = 100) -> Queue.Request {
        Queue.Request(id: id, operation: "X", commands: [], missing: replies, deadlineNs: deadlineNs, waiter: Int(id))
    }

    @Test func repliesGoToTheOldestRequest() throws {
        var queue = Queue()
        queue.append(request(1))
        queue.append(request(2, replies: 2))
        #expect(queue.missing == 3)
        #expect(try queue.take(.integer(1))?.waiter == 1)
        let half = try queue.take(.integer(2))
        #expect(half == nil)
        let last = try queue.take(.integer(3))
        #expect(last?.waiter == 2)
        #expect(last?.replies == [.integer(2), .integer(3)])
        #expect(queue.isEmpty)
        #expect(queue.missing == 0)
    }

    @Test func anAbandonedRequestKeepsItsPlace() throws {
        var queue = Queue()
        queue.append(request(1))
        queue.append(request(2))
        #expect(queue.abandon(id: 1)?.waiter == 1)
        let again = queue.abandon(id: 1)
        #expect(again == nil)
        let first = try queue.take(.integer(1))
        #expect(first?.replies == [.integer(1)])
        #expect(first?.waiter == nil)
        #expect(try queue.take(.integer(2))?.waiter == 2)
    }

    @Test func aReplyThatNobodyAskedForIsMalformed() {
        var queue = Queue()
        #expect(throws: RedisError.self) { try queue.take(.null) }
    }

    @Test func deadlinesMayComeInAnyOrder() {
        var queue = Queue()
        queue.append(request(1, deadlineNs: 300))
        queue.append(request(2, deadlineNs: 100))
        queue.append(request(3, deadlineNs: 200))
        #expect(queue.nextDeadlineNs == 100)
        #expect(queue.firstExpired(nowNs: 99) == nil)
        #expect(queue.firstExpired(nowNs: 100)?.id == 2)
        #expect(queue.removeExpired(nowNs: 200).map(\.id) == [2, 3])
        #expect(queue.nextDeadlineNs == 300)
        #expect(queue.missing == 1)
        #expect(queue.removeAll().map(\.id) == [1])
        #expect(queue.missing == 0)
    }

    @Test func aLongLifeDoesNotGrowTheQueue() throws {
        var queue = Queue()
        for id in 0..<1000 as Range<UInt64> { queue.append(request(id)) }
        for id in 1000..<100_000 as Range<UInt64> {
            #expect(try queue.take(.null)?.waiter == Int(id - 1000))
            queue.append(request(id))
        }
        #expect(queue.missing == 1000)
        #expect(queue.storedCount < 4000)
    }
}
