import Service
import TestKit
import Testing

@testable import Producer

@Suite("Retry policy")
struct RetryPolicyTests {
    @Test("a batch is given up before its key could be forgotten")
    func givesUpInTime() async {
        let time = LeapingTime()
        let server = FakeServer(reply: { _, _ in .error(.unavailable(detail: "away", retryAfter: nil)) })
        let delivery = Delivery(
            sink: server, policy: RetryPolicy(), time: time.source, pause: time.pause, stop: StopSignal(),
            onTrouble: { _ in })
        let outcome = await delivery.deliver(EventBatch(body: [], count: 0, key: "k"))
        #expect(outcome == .gaveUp(detail: "away"))
        #expect(time.source.monotonicNs() <= 50 * 60 * 1_000_000_000)
        #expect(time.source.monotonicNs() > 49 * 60 * 1_000_000_000)
        #expect(server.attempts > 300)
    }

    @Test("no attempt comes earlier than the server asked for")
    func retryAfterIsKept() async {
        let time = LeapingTime()
        let server = FakeServer(reply: { attempt, _ in
            attempt < 4 ? .error(.unavailable(detail: "busy", retryAfter: .seconds(30))) : .answer
        })
        let delivery = Delivery(
            sink: server, policy: RetryPolicy(), time: time.source, pause: time.pause, stop: StopSignal(),
            onTrouble: { _ in })
        let outcome = await delivery.deliver(EventBatch(body: Array("{}\n".utf8), count: 1, key: "k"))
        #expect(outcome == .answered(IngestAnswer(accepted: 1)))
        #expect(time.source.monotonicNs() == 90_000_000_000)
    }
}

@Suite("Handoff")
struct HandoffTests {
    @Test("it holds back the thread while full and loses nothing")
    func boundedAndComplete() async throws {
        let handoff = try Handoff<Int>(capacity: 2)
        let put = Lock(0)
        let thread = NativeThread(name: "put") {
            for number in 1...1000 where handoff.put(number) { put.withLock { $0 = number } }
            handoff.end()
        }
        try await eventually { put.withLock { $0 } == 2 }
        var taken: [Int] = []
        while let number = await handoff.next() {
            taken.append(number)
            #expect(put.withLock { $0 } <= number + 3)
        }
        #expect(taken == Array(1...1000))
        thread.join()
    }

    @Test("stopping lets the thread and all takers go")
    func stopping() async throws {
        let handoff = try Handoff<Int>(capacity: 1)
        async let first = handoff.next()
        async let second = handoff.next()
        handoff.stop()
        #expect(await first == nil)
        #expect(await second == nil)
        #expect(handoff.put(1) == false)
    }

    @Test("a cancelled taker gets nothing and takes nothing away")
    func cancelledTaker() async throws {
        let handoff = try Handoff<Int>(capacity: 1)
        let taker = Task { await handoff.next() }
        taker.cancel()
        #expect(await taker.value == nil)
        #expect(handoff.put(7))
        #expect(await handoff.next() == 7)
    }
}

@Suite("What the user reads")
struct SendTextTests {
    private func progress(_ change: (inout SendProgress) -> Void) -> SendProgress {
        var progress = SendProgress()
        progress.lines = 4512
        progress.accepted = 4500
        progress.bytes = 250
        progress.totalBytes = 1000
        progress.elapsed = .seconds(3)
        change(&progress)
        return progress
    }

    @Test("the progress line fills the width it is given, and no more", arguments: 0...150)
    func neverTooWide(width: Int) {
        let all = [
            progress { _ in }, progress { $0.trouble = "connection refused by 127.0.0.1:8080, a long story" },
            progress { $0.totalBytes = nil }, progress { $0.phase = .following }, progress { $0.totalBytes = 0 },
            progress { $0.phase = .lookingForNewestTime }, progress { $0.lines = 1_234_567_890 },
        ]
        for progress in all { #expect(ProgressLine.text(progress, width: width).count <= width) }
    }

    @Test("it says how far, how fast and how long")
    func itsWords() {
        #expect(
            ProgressLine.text(progress { $0.rejected = 3 }, width: 80)
                == "[#######---------------------]  25 %  4,512 lines  1,500/s  3 refused  0:09 left")
        #expect(ProgressLine.text(progress { $0.totalBytes = nil }, width: 80) == "4,512 lines  1,500/s")
        #expect(
            ProgressLine.text(progress { $0.trouble = "no connection" }, width: 60)
                == "[###------------]  25 %  4,512 lines  waiting: no connection")
    }

    @Test("options that contradict each other are refused with a reason")
    func contradictions() {
        func problems(_ change: (inout SendOptions) -> Void) -> Int {
            var options = SendOptions()
            change(&options)
            return options.problems.count
        }
        #expect(problems { _ in } == 0)
        #expect(problems { $0.timeChange = .shiftToNow } == 1)
        #expect(problems { ($0.timeChange, $0.files) = (.shiftToNow, ["a", "-"]) } == 1)
        #expect(problems { ($0.timeChange, $0.files) = (.shiftToNow, ["a"]) } == 0)
        #expect(problems { ($0.follow, $0.files) = (true, ["a", "b"]) } == 1)
        #expect(problems { ($0.follow, $0.timeChange) = (true, .replay(speed: 60)) } == 1)
        #expect(problems { $0.timeChange = .replay(speed: 0) } == 1)
        #expect(problems { $0.files = ["-", "-"] } == 1)
        #expect(problems { $0.fromLine = 0 } == 1)
    }

    @Test("numbers are grouped, seconds are rounded")
    func numbers() {
        #expect([0, 999, 1000, 1_234_567, -1000].map(\.grouped) == ["0", "999", "1,000", "1,234,567", "-1,000"])
        #expect(Duration.milliseconds(1249).formatted(decimals: 1) == "1.2")
        #expect(Duration.milliseconds(49).formatted(decimals: 2) == "0.05")
        #expect(Duration.milliseconds(-1500).formatted(decimals: 1) == "-1.5")
    }
}
