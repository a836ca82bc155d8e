import Foundation
import Service
import TestKit
import Testing

@testable import Producer

@Suite("Generator run")
struct GeneratorRunTests {
    let time = LeapingTime()
    let metrics = GeneratorMetrics(MetricsRegistry())
    let notices = Lock<[GeneratorRun.Notice]>([])

    /// Runs until the wall clock has gone on by `seconds`.
    private func run(rate: Double, seconds: Int64, _ server: FakeServer) async -> GeneratorRun.Ending {
        var configuration = GeneratorConfiguration()
        configuration.rate = rate
        configuration.rhythm = 0
        configuration.users = 100
        let (source, pause) = (time.source, time.pause)
        let holder = Lock<GeneratorRun?>(nil)
        let endMs = source.wallMs() + seconds * 1000
        let run = GeneratorRun(
            configuration, sink: server, time: source,
            pause: { duration in
                if source.wallMs() >= endMs { holder.withLock { $0 }?.stop() }
                try await pause(duration)
            }, metrics: metrics, onNotice: { [notices] notice in notices.withLock { $0.append(notice) } })
        holder.withLock { $0 = run }
        defer { holder.withLock { $0 = nil } }
        return await run.run()
    }

    @Test("events flow at the rate asked for, each batch under its own key")
    func steadyFlow() async {
        let server = FakeServer()
        #expect(await run(rate: 200, seconds: 60, server) == .stopped)
        #expect(abs(server.lines.count - 12_000) < 700)
        #expect(Int(metrics.accepted.value) == server.lines.count)
        #expect(Int(metrics.batches.value) == server.batches.count)
        #expect(metrics.leftOut.value == 0 && metrics.rejected.value == 0)
        #expect(server.batches.allSatisfy { $0.count <= GeneratorPace.maxEvents })
    }

    @Test("an outage leaves events out instead of sending them in a burst, and what was on its way counts once")
    func outage() async {
        let source = time.source
        let start = source.wallMs()
        let server = FakeServer(reply: { _, _ in
            let second = (source.wallMs() - start) / 1000
            return second == 9
                ? .lostAnswer
                : (10..<40).contains(second) ? .error(.unavailable(detail: "away", retryAfter: nil)) : .answer
        })
        _ = await run(rate: 200, seconds: 60, server)
        let made = server.lines.count + Int(metrics.leftOut.value) + Int(metrics.givenUp.value)
        #expect(abs(made - 12_000) < 1000)
        #expect(metrics.leftOut.value > 4000)
        #expect(metrics.failedAttempts.value > 0)
        #expect(Int(metrics.accepted.value) == server.lines.count)
        #expect(server.batches.allSatisfy { $0.count < 320 }, "no batch covers much more than a second")
        let told = notices.withLock { $0 }
        #expect(told.contains { if case .leftOut = $0 { true } else { false } })
        #expect(told.contains(.goesOn))
        #expect(told.count < 12, "\(told)")
    }

    @Test("refused events are counted and told")
    func refusedEvents() async {
        let server = FakeServer(refuse: { $0.contains("\"level\":\"warn\"") ? "no warnings here" : nil })
        _ = await run(rate: 1000, seconds: 5, server)
        #expect(metrics.rejected.value > 0)
        #expect(Int(metrics.accepted.value + metrics.rejected.value) == server.lines.count)
        #expect(notices.withLock { $0.count } == 1)
    }

    @Test("a refusal of the request ends the run", arguments: [(401, 77), (404, 76)] as [(Int, Int32)])
    func refusal(status: Int, exitCode: Int32) async {
        let server = FakeServer(reply: { _, _ in .error(.refused(status: status, detail: "no", lines: [])) })
        let ending = await run(rate: 1000, seconds: 1000, server)
        #expect(ending.exitCode == exitCode)
        #expect(ending.problem != nil)
    }
}
