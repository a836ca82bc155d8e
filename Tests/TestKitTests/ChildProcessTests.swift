import Glibc
import TestKit
import Testing

@Suite("Child processes", .timeLimit(.minutes(1)))
struct ChildProcessTests {
    @Test func reportsStatusSignalAndLines() async throws {
        let process = try ChildProcess("sh", ["-c", "echo one; echo two >&2; printf three; exit 3"], folder: "/")
        #expect(try await process.exit() == .status(3))
        try await eventually { process.output.isComplete && process.errors.isComplete }
        #expect(process.output.lines == ["one", "three"])
        #expect(process.errors.lines == ["two"])
        let killed = try ChildProcess("sleep", ["60"])
        killed.signal(SIGTERM)
        #expect(try await killed.exit() == .signal(SIGTERM))
    }

    @Test func environmentIsSetAndUnset() async throws {
        let text = try await ChildProcess.run(
            "sh", ["-c", "echo ${WEIR_A-unset} ${HOME-unset}"], environment: ["WEIR_A": "b", "HOME": nil])
        #expect(text == "b unset")
    }

    @Test func linesCanBeWaitedFor() async throws {
        let process = try ChildProcess("sh", ["-c", "echo ready at 17; read x; exec sleep 60"])
        #expect(try await process.output.line(containing: "ready") == "ready at 17")
        let error = await #expect(throws: TestKitError.self) {
            try await process.output.line(containing: "never", deadline: .milliseconds(20))
        }
        #expect(error?.description.contains("ready at 17") == true)
    }

    @Test func aProcessGoesWithItsOwnerAndTakesItsGroupAlong() async throws {
        var process: ChildProcess? = try ChildProcess("sh", ["-c", "sleep 60 & echo $!; wait"])
        let child = Int32(try #require(try await process?.output.line { _ in true })) ?? 0
        let pid = try #require(process?.pid)
        process = nil
        try await eventually("both are gone") { !ProcessTable.isAlive(pid) && !ProcessTable.isAlive(child) }
    }

    @Test func theProcessTableKnowsDescendantsAndWhoUsesAFolder() async throws {
        let folder = try TemporaryFolder("table")
        let process = try ChildProcess("sh", ["-c", "sleep 60 & echo $!; wait"], folder: folder.path)
        let child = Int32(try await process.output.line { _ in true }) ?? 0
        #expect(ProcessTable.descendants(of: process.pid) == [child])
        #expect(ProcessTable.using(folder.path).sorted() == [process.pid, child].sorted())
    }
}
