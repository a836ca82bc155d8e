import Glibc
import Testing

@testable import Service

@Suite("Work thread")
struct WorkThreadTests {
    private struct Failed: Error {}

    @Test func computesElsewhereInOrder() async throws {
        let work = WorkThread(name: "test work")
        let order = Lock([Int]())
        let here = pthread_self()
        for number in 0..<100 {
            let thread = await work.run { () -> pthread_t in
                order.withLock { $0.append(number) }
                return pthread_self()
            }
            #expect(thread != here)
        }
        #expect(order.withLock { $0 } == Array(0..<100))
    }

    @Test func manyMayWaitAtOnce() async throws {
        let work = WorkThread(name: "test work")
        let threads = await withTaskGroup(of: (Int, pthread_t).self) { group in
            for number in 0..<200 { group.addTask { (number, await work.run { pthread_self() }) } }
            return await group.reduce(into: [Int: pthread_t]()) { $0[$1.0] = $1.1 }
        }
        #expect(threads.count == 200)
        #expect(Set(threads.values).count == 1)
    }

    @Test func throwsWhatTheBodyThrows() async {
        let work = WorkThread(name: "test work")
        await #expect(throws: Failed.self) { try await work.run { () throws(Failed) in throw Failed() } }
        #expect(await work.run { 7 } == 7)
    }
}
