import Foundation
import Glibc
import TestKit
import Testing

@testable import Producer

/// Growing files and pipes are real here, and so is the time.
@Suite("Following", .timeLimit(.minutes(1)))
struct FollowTests {
    let folder: TemporaryFolder
    let server = FakeServer()
    let notices = NoticeLog()

    init() throws { folder = try TemporaryFolder("follow") }

    private func append(_ text: String, to path: String) throws {
        let stream = try #require(fopen(path, "a"))
        fputs(text, stream)
        fclose(stream)
    }

    /// Follows `path` while `body` runs, then stops.
    private func following(
        _ path: String, _ change: (inout SendOptions) -> Void = { _ in }, _ body: (SendPipeline) async throws -> Void
    ) async throws -> SendReport {
        var options = SendOptions()
        options.files = [path]
        options.follow = true
        options.batch.maxDelay = .milliseconds(20)
        change(&options)
        let pipeline = try SendPipeline(options: options, sink: server, pause: realPause, onNotice: notices.add)
        async let report = pipeline.run()
        do { try await body(pipeline) } catch { Issue.record(error) }
        pipeline.stop()
        return await report
    }

    private func arrived(_ lines: [String]) async throws {
        try await eventually("\(lines) arrived, not \(server.lines)") { server.lines == lines }
    }

    @Test("a growing file's lines arrive, each when it is whole, and the end is known")
    func growingFile() async throws {
        let path = try folder.write("{\"n\":1}\n", to: "log")
        let report = try await following(path) { _ in
            try await arrived(["{\"n\":1}"])
            try append("{\"n\":2}\n{\"n\":", to: path)
            try await arrived(["{\"n\":1}", "{\"n\":2}"])
            try append("3}\n", to: path)
            try await arrived(["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"])
        }
        #expect(report.ending == .stopped && report.exitCode == 0)
        #expect(report.resume?.arguments == ["--from-line", "4", path])
        #expect(report.resume?.offset == 24)
    }

    @Test("a truncated file is read from its beginning")
    func truncatedFile() async throws {
        let path = try folder.write("{\"n\":1}\n{\"n\":2}\n", to: "log")
        let report = try await following(path) { _ in
            try await arrived(["{\"n\":1}", "{\"n\":2}"])
            _ = try folder.write("{\"n\":3}\n", to: "log")
            try await arrived(["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"])
        }
        #expect(notices.all == [.truncated(file: path)])
        #expect(report.resume?.line == 2)
    }

    @Test("after a rotation the rest of the old file and the new one arrive")
    func rotatedFile() async throws {
        let path = try folder.write("{\"n\":1}\n", to: "log")
        _ = try await following(path) { _ in
            try await arrived(["{\"n\":1}"])
            rename(path, path + ".1")
            try append("{\"n\":2}\n", to: path + ".1")
            try await arrived(["{\"n\":1}", "{\"n\":2}"])
            try append("{\"n\":3}", to: path + ".1")  // the last line lacks its end
            _ = try folder.write("{\"n\":4}\n", to: "log")
            try await arrived((1...4).map { "{\"n\":\($0)}" })
        }
        #expect(notices.all == [.rotated(file: path)])
    }

    @Test("lines from a pipe do not wait for its end")
    func pipe() async throws {
        var ends: [Int32] = [0, 0]
        // Not for children that other tests start at the same time: the writing end must close when this test closes it.
        #expect(Glibc.pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let input = ends[0]
        let writer = ends[1]
        let report = try await following(
            "-",
            { options in
                options.follow = false
                options.standardInput = input
            },
            { pipeline in
                write(writer, "{\"n\":1}\n{\"n\"", 12)
                try await arrived(["{\"n\":1}"])
                write(writer, ":2}", 3)
                close(writer)
                try await arrived(["{\"n\":1}", "{\"n\":2}"])
                try await eventually { pipeline.progress.lines == 2 }
            })
        #expect(report.exitCode == 0)
        #expect(report.progress.totalBytes == nil)
    }

    @Test("stopping does not wait for a server that is away, and says where to go on")
    func stopWhileAway() async throws {
        let away = FakeServer(reply: { _, _ in .error(.unavailable(detail: "refused", retryAfter: .seconds(3600))) })
        var options = SendOptions()
        options.files = [try folder.write("{\"n\":1}\n{\"n\":2}\n", to: "log")]
        options.retry.giveUpAfter = .seconds(36000)
        let pipeline = try SendPipeline(options: options, sink: away, pause: realPause, onNotice: notices.add)
        async let report = pipeline.run()
        try await eventually { pipeline.progress.trouble != nil }
        pipeline.stop()
        #expect(await report.resume?.line == 1)
        #expect(notices.all == [.waiting(detail: "refused", pause: .seconds(3600))])
    }

    @Test("a cancelled run ends")
    func cancelledRun() async throws {
        let path = try folder.write("{\"n\":1}\n", to: "log")
        var options = SendOptions()
        options.files = [path]
        options.follow = true
        let pipeline = try SendPipeline(options: options, sink: server, pause: realPause)
        let run = Task { await pipeline.run() }
        try await arrived(["{\"n\":1}"])
        run.cancel()
        #expect(await run.value.ending == .stopped)
    }
}
