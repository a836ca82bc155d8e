import Glibc
import Reactor
import Synchronization
import Testing

@Suite("Event loop", .timeLimit(.minutes(1)))
struct EventLoopTests {
    /// An actor that lives on a loop, as connections do.
    private actor Pinned {
        let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
        var fired = 0
        private var timer: LoopTimer?
        private var waiting: CheckedContinuation<Int, Never>?

        init(loop: EventLoop) { self.loop = loop }

        func isOnLoop() -> Bool { loop.isCurrent }

        func ticks(_ count: Int) async -> Int {
            await withCheckedContinuation { continuation in
                waiting = continuation
                timer = loop.schedule(after: .milliseconds(1), repeating: true) { [unowned self] in
                    assumeIsolated { $0.tick(of: count) }
                }
            }
        }

        private var watch: FileWatch?

        func firstByte(from descriptor: CInt) async -> UInt8 {
            await withCheckedContinuation { continuation in
                let made = loop.watch(descriptor) { [unowned self] in
                    var byte: UInt8 = 0
                    _ = read(descriptor, &byte, 1)
                    assumeIsolated { $0.watch = nil }
                    continuation.resume(returning: byte)
                } onWritable: {
                }
                made.want(read: true, write: false)
                watch = made
            }
        }

        private func tick(of count: Int) {
            fired += 1
            if fired == count {
                timer = nil
                waiting?.resume(returning: fired)
            }
        }
    }

    private final class Counter: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test func actorsAndTasksRunOnTheLoopsThread() async throws {
        let loop = try EventLoop.start(name: "test")
        defer { loop.stop() }
        let pinned = Pinned(loop: loop)
        #expect(await pinned.isOnLoop())
        #expect(try await loop.run { loop.isCurrent })
        #expect(
            try await loop.run {
                try await Task.sleep(for: .milliseconds(1)); return loop.isCurrent
            })
        #expect(!loop.isCurrent)
    }

    @Test func aTimerRepeatsUntilItIsReleased() async throws {
        let loop = try EventLoop.start(name: "test")
        defer { loop.stop() }
        let pinned = Pinned(loop: loop)
        #expect(await pinned.ticks(5) == 5)
        try await loop.run { try await Task.sleep(for: .milliseconds(10)) }
        #expect(await pinned.fired == 5)
    }

    @Test func workFromManyThreadsAllRuns() async throws {
        let loop = try EventLoop.start(name: "test")
        defer { loop.stop() }
        let counter = Counter()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 { loop.execute { counter.count.add(1, ordering: .relaxed) } }
                }
            }
        }
        try await loop.run {}
        #expect(counter.count.load(ordering: .relaxed) == 8000)
    }

    @Test func aWatchedDescriptorIsReported() async throws {
        let loop = try EventLoop.start(name: "test")
        defer { loop.stop() }
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
        let pinned = Pinned(loop: loop)
        let (readEnd, writeEnd) = (ends[0], ends[1])
        async let seen = pinned.firstByte(from: readEnd)
        var byte: UInt8 = 42
        #expect(write(writeEnd, &byte, 1) == 1)
        #expect(await seen == 42)
        for end in [readEnd, writeEnd] { close(end) }
    }

    @Test func queuedWorkIsDoneBeforeTheLoopEnds() async throws {
        let loop = try EventLoop.start(name: "test")
        let done = await withCheckedContinuation { continuation in
            loop.execute { loop.execute { continuation.resume(returning: true) } }
            loop.stop()
        }
        #expect(done)
    }
}
