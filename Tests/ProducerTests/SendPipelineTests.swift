import Foundation
import Service
import TestKit
import Testing

@testable import Producer

@Suite("Send pipeline")
struct SendPipelineTests {
    let folder: TemporaryFolder
    let time = LeapingTime()

    init() throws { folder = try TemporaryFolder("send") }

    private func run(
        _ options: SendOptions, _ server: FakeServer, notices: NoticeLog = NoticeLog()
    ) async throws -> SendReport {
        try await SendPipeline(
            options: options, sink: server, time: time.source, pause: time.pause, onNotice: notices.add
        ).run()
    }

    private func options(_ files: String..., events: Int = 100) -> SendOptions {
        var options = SendOptions()
        options.files = files
        options.batch.maxEvents = events
        return options
    }

    private func numbered(_ range: ClosedRange<Int>) -> [String] { range.map { "{\"n\":\($0)}" } }

    private func write(_ lines: [String], to name: String = "log") throws -> String {
        try folder.write(lines.map { $0 + "\n" }.joined(), to: name)
    }

    @Test("every line counts once, whatever fails on the way", arguments: Seed.range(30))
    func everyLineCountsOnce(seed: Seed) async throws {
        let rng = Lock(SplitMix64(seed))
        let server = FakeServer(reply: { _, _ in
            switch rng.withLock({ Int.random(in: 0..<6, using: &$0) }) {
            case 0: .lostAnswer
            case 1: .error(.unavailable(detail: "503", retryAfter: .seconds(2)))
            case 2: .error(.unavailable(detail: "no connection", retryAfter: nil))
            default: .answer
            }
        })
        let lines = numbered(1...1234)
        let report = try await run(
            options(try write(lines), events: rng.withLock { Int.random(in: 1...300, using: &$0) }), server)
        #expect(report.ending == .complete)
        #expect(report.exitCode == 0)
        #expect(report.resume == nil)
        #expect(report.progress.accepted == 1234)
        #expect(report.progress.lines == 1234)
        #expect(report.progress.bytes == report.progress.totalBytes)
        #expect(server.lines.sorted() == lines.sorted())
    }

    @Test("a run that gave up goes on where it ended, and nothing is lost or doubled", arguments: Seed.range(40))
    func resumedRunCompletes(seed: Seed) async throws {
        let rng = Lock(SplitMix64(seed))
        let healthy = rng.withLock { Int.random(in: 0...15, using: &$0) }
        // From some attempt on half of the batches fail for ever, so later ones may be in while an earlier one is not.
        let server = FakeServer(reply: { attempt, batch in
            attempt > healthy && batch.body.count.isMultiple(of: 2) == false || attempt > healthy + 3
                ? .error(.unavailable(detail: "gone", retryAfter: nil)) : .answer
        })
        let lines = numbered(1...700)
        let file = try write(lines)
        let second = try write(numbered(701...800), to: "second")
        var first = options(file, second, events: 37)
        first.retry.giveUpAfter = .seconds(5)
        let report = try await run(first, server)
        #expect(report.ending == .gaveUp(detail: "gone"))
        #expect(report.exitCode == 69)
        let resume = try #require(report.resume)

        var rest = options(events: 50)
        rest.files = resume.files
        rest.fromLine = resume.line
        rest.skipLines = resume.skip
        let healed = FakeServer()
        #expect(try await run(rest, healed).ending == .complete)
        let isEachOnce = (server.lines + healed.lines).sorted() == (lines + numbered(701...800)).sorted()
        #expect(isEachOnce, "went on with \(resume.arguments)")
    }

    @Test("refused and unreadable lines are told with their number in the file")
    func failedLinesHaveTheirNumbers() async throws {
        let good = "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1"
        let file = try write([
            good, "", "rubbish", good.replacing("GET", with: "PUT"), String(repeating: "x", count: 99_999),
        ])
        let server = FakeServer(refuse: { $0.contains("PUT") ? "older than 7 days" : nil })
        var options = options(file)
        options.format = .combined
        let notices = NoticeLog()
        let report = try await run(options, server, notices: notices)
        #expect(report.exitCode == 65)
        #expect(report.progress.lines == 5 && report.progress.bad == 2 && report.progress.rejected == 1)
        #expect(
            report.failedLines.sorted { $0.line < $1.line }.map { "\($0.line) \($0.reason)" } == [
                "3 no address at the start of the line", "4 older than 7 days",
                "5 longer than 65536 bytes",
            ])
        #expect(report.summary.contains("5 lines read, 1 events accepted, 1 refused by the server, 2 unreadable"))
        #expect(notices.all.count == 3)
    }

    @Test("a batch without a good line does not end the run")
    func aWhollyBadBatchIsBooked() async throws {
        let server = FakeServer(reply: { _, batch in
            String(decoding: batch.body, as: UTF8.self).contains(":3}")
                ? .error(.refused(status: 400, detail: "no good line", lines: [RejectedLine(line: 1, reason: "odd")]))
                : .answer
        })
        let report = try await run(options(try write(numbered(1...5)), events: 1), server)
        #expect(report.exitCode == 65 && report.progress.accepted == 4 && report.progress.rejected == 1)
        #expect(report.failedLines.map(\.line) == [3])
    }

    @Test("a batch that is too large goes in halves")
    func tooLargeBatchesAreHalved() async throws {
        let server = FakeServer(reply: { _, batch in
            batch.count > 3 ? .error(.refused(status: 413, detail: "too large", lines: [])) : .answer
        })
        let lines = numbered(1...20)
        let report = try await run(options(try write(lines)), server)
        #expect(report.exitCode == 0 && report.progress.accepted == 20)
        #expect(server.lines.sorted() == lines.sorted())
    }

    @Test(
        "a refusal of the request ends the run with its own exit code",
        arguments: [(401, 77), (403, 77), (404, 76), (415, 76), (422, 76)])
    func refusalsEndTheRun(status: Int, exitCode: Int32) async throws {
        let server = FakeServer(reply: { attempt, _ in
            attempt > 1 ? .error(.refused(status: status, detail: "no", lines: [])) : .answer
        })
        var options = options(try write(numbered(1...500)))
        options.inFlight = 1
        let report = try await run(options, server)
        #expect(report.exitCode == exitCode)
        #expect(report.resume?.line == 101)
        #expect(report.problem?.contains("no") == true)
    }

    @Test("a file that cannot be read is named", arguments: ["missing", "folder", "packed.gz"])
    func unreadableFilesAreNamed(name: String) async throws {
        try FileManager.default.createDirectory(atPath: folder.file("folder"), withIntermediateDirectories: true)
        try Data([0x1f, 0x8b, 8, 0]).write(to: URL(filePath: folder.file("packed.gz")))
        let report = try await run(options(try write(numbered(1...10)), folder.file(name)), FakeServer())
        #expect(report.exitCode == 66)
        #expect(report.problem?.contains(name) == true)
        #expect(report.progress.accepted == 10)
        #expect(report.resume?.files == [folder.file(name)])
    }

    @Test("the newest line is now after a shift, though the log is not in order")
    func shiftToNow() async throws {
        let file = try write([#"{"ts":5000}"#, #"{"ts":9000}"#, #"{"ts":"1970-01-01T00:00:08Z"}"#, #"{"a":1}"#])
        var options = options(file)
        options.timeChange = .shiftToNow
        let server = FakeServer()
        let report = try await run(options, server)
        let now = LeapingTime.startMs
        #expect(server.lines == ["{\"ts\":\(now - 4000)}", "{\"ts\":\(now)}", "{\"ts\":\(now - 1000)}", #"{"a":1}"#])
        #expect(report.ending == .complete)
    }

    @Test("a replay sends each event when its time has come")
    func replay() async throws {
        let times = [0, 60, 61, 30, 120, 600, 6000, 6001]
        let file = try write(times.map { "{\"ts\":\(1_000_000 + $0 * 1000)}" })
        var options = options(file)
        options.timeChange = .replay(speed: 60)
        let source = time.source
        let late = Lock<[Int64]>([])
        let server = FakeServer(arrived: { lines in
            for line in lines {
                let ts = Int64(line.dropFirst(6).dropLast()) ?? 0
                late.withLock { $0.append(source.wallMs() - ts) }
            }
        })
        let report = try await run(options, server)
        #expect(report.ending == .complete)
        let sent = server.lines.compactMap { Int64($0.dropFirst(6).dropLast()) }.sorted()
        #expect(sent == times.map { LeapingTime.startMs + Int64((Double($0) * 1000 / 60).rounded()) }.sorted())
        let delays = late.withLock { $0 }
        #expect(delays.allSatisfy { $0 >= 0 }, "nothing arrives before its time: \(delays)")
        #expect(report.progress.elapsed >= .seconds(100))
    }

    @Test("all 10,000 lines of a real log go through")
    func realLog() async throws {
        guard FileManager.default.fileExists(atPath: realLogPath) else { try Test.cancel("no \(realLogPath)") }
        var options = options(realLogPath, events: 2000)
        options.format = .combined
        options.timeChange = .shiftToNow
        let server = FakeServer()
        let report = try await run(options, server)
        #expect(report.exitCode == 0 && report.progress.accepted == 10_000 && server.lines.count == 10_000)
        let times = server.lines.compactMap { Int64($0.dropFirst(6).prefix { $0 != "," }) }
        #expect(times.max() == LeapingTime.startMs)
    }
}
