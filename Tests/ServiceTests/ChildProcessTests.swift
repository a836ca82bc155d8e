import Foundation
import Glibc
import Testing

@testable import Service

@Suite("Child processes", .timeLimit(.minutes(1))) struct ChildProcessTests {
    private let lines = Lock<[String]>([])

    private func shell(_ script: String) -> ChildSpecification {
        ChildSpecification(
            ["sh", "-c", script], output: .lines { [lines] line in lines.withLock { $0.append(line) } },
            errors: .discard)
    }

    @Test func handsOnAllLinesBeforeItsEnd() async throws {
        let child = try ChildProcess(shell("echo one; printf 'two\\n\\nlast'; exit 3"))
        #expect(await child.wait() == .exited(3))
        #expect(lines.withLock { $0 } == ["one", "two", "", "last"])
        #expect(child.exit == .exited(3))
    }

    @Test func cutsLongLinesAndReadsOn() async throws {
        let child = try ChildProcess(shell("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end"))
        #expect(await child.wait() == .exited(0))
        #expect(lines.withLock { $0.map(\.utf8.count) } == [65_536, 34_464, 3])
    }

    @Test func runsInItsOwnGroupWithoutOurDescriptorsAndSignals() async throws {
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        #expect(file > 2)
        var specification = shell(
            "set -- $(cat /proc/$$/stat); echo $5; grep SigBlk /proc/self/status; grep SigIgn /proc/self/status; pwd; "
                + "echo $ONLY; readlink /proc/$$/fd/0; ls /proc/$$/fd")
        specification.workingDirectory = "/usr"
        specification.environment = ["ONLY": "this", "PATH": "/usr/bin:/bin"]
        let child = try ChildProcess(specification)
        #expect(await child.wait() == .exited(0))
        let said = lines.withLock { $0 }
        try #require(said.count > 6)
        #expect(said[0] == "\(child.pid)")
        #expect(said[1] == "SigBlk:\t0000000000000000")
        // posix_spawn of glibc has the two signals that it uses itself ignored, which nobody sends.
        let ignored = try #require(UInt64(said[2].suffix(16), radix: 16))
        #expect(ignored & 0xffff_fffe_7fff_ffff == 0)
        #expect(said[3...5] == ["/usr", "this", "/dev/null"])
        // dash keeps the script, if anything, above 9.
        #expect(said[6...].compactMap { Int($0) }.filter { $0 < 10 } == [0, 1, 2])
        #expect(!said[6...].contains("\(file)"))
    }

    @Test func appendsToAFile() async throws {
        let path = NSTemporaryDirectory() + "weir-child-\(UUID().uuidString)"
        defer { unlink(path) }
        for text in ["one", "two"] {
            let child = try ChildProcess(ChildSpecification(["echo", text], output: .file(path)))
            #expect(await child.wait() == .exited(0))
        }
        #expect(String(decoding: try readFile(path), as: UTF8.self) == "one\ntwo\n")
    }

    @Test func stopsByASignal() async throws {
        let child = try ChildProcess(ChildSpecification(["sleep", "600"]))
        #expect(await child.wait(deadline: .milliseconds(10)) == nil)
        #expect(await child.stop(deadline: .seconds(10)) == .signalled(SIGTERM))
        // It is reaped: no zombie, and a later signal goes nowhere.
        #expect(kill(child.pid, 0) == -1 && errno == ESRCH)
        child.send(SIGKILL)
        #expect(await child.wait() == .signalled(SIGTERM))
    }

    @Test func killsTheWholeGroupOfOneThatDoesNotStop() async throws {
        let child = try ChildProcess(shell("trap '' TERM; sleep 600 & echo $!; wait; wait"))
        while lines.withLock({ $0.isEmpty }) { await Task.yield() }
        #expect(await child.stop(deadline: .milliseconds(50)) == .signalled(SIGKILL))
        #expect(kill(-child.pid, 0) == -1 || isZombie(lines.withLock { $0[0] }))
    }

    /// A grandchild that was killed may wait a moment for init to reap it.
    private func isZombie(_ pid: String) -> Bool {
        guard let stat = try? readFile("/proc/\(pid)/stat") else { return true }
        return String(decoding: stat, as: UTF8.self).contains(") Z ")
    }

    @Test func stopGivesTimeAlsoInACancelledTask() async throws {
        let child = try ChildProcess(shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"))
        while lines.withLock({ $0.isEmpty }) { await Task.yield() }
        let task = Task { await child.stop(deadline: .seconds(10)) }
        task.cancel()
        #expect(await task.value == .exited(0))
        #expect(lines.withLock { $0 } == ["up", "bye"])
    }

    @Test func aCancelledWaitReturns() async throws {
        let child = try ChildProcess(ChildSpecification(["sleep", "600"]))
        let task = Task { await child.wait() }
        task.cancel()
        #expect(await task.value == nil)
        _ = await child.stop(signal: SIGKILL, deadline: .seconds(10))
    }

    @Test func manyWaitForOneEnd() async throws {
        let child = try ChildProcess(ChildSpecification(["true"]))
        await withTaskGroup(of: ChildExit?.self) { group in
            for _ in 0..<20 { group.addTask { await child.wait() } }
            for await exit in group { #expect(exit == .exited(0)) }
        }
    }

    @Test func aMissingProgramIsFoundAtOnce() {
        #expect(throws: ChildError(code: ENOENT, operation: "no-such-program")) {
            try ChildProcess(ChildSpecification(["no-such-program"]))
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root may become another user"))
    func becomesAnotherUser() async throws {
        var specification = shell("id -un; id -gn; grep NoNewPrivs /proc/$$/status >/dev/null && echo ok")
        specification.user = (name: "nobody", group: "nogroup")
        let child = try ChildProcess(specification)
        #expect(await child.wait() == .exited(0))
        #expect(lines.withLock { $0 } == ["nobody", "nogroup", "ok"])
        specification.user = (name: "no-such-user", group: "nogroup")
        #expect(await (try ChildProcess(specification)).wait() == .exited(1))
    }

    @Test("children die with us, however we die", arguments: [false, true])
    func childrenDieWithUs(asAnotherUser: Bool) async throws {
        if asAnotherUser, getuid() != 0 { return }
        let folder = NSTemporaryDirectory() + "weir-orphan-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/pid"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, asAnotherUser = asAnotherUser as Bool] in
            var specification = ChildSpecification(["sleep", "600"], output: .discard)
            if asAnotherUser { specification.user = (name: "nobody", group: "nogroup") }
            let child = try ChildProcess(specification)
            // setpriv has done its work once it has become sleep.
            while (try? readFile("/proc/\(child.pid)/comm")) != Array("sleep\n".utf8) { await Task.yield() }
            try Data("\(child.pid)".utf8).write(to: URL(fileURLWithPath: path))
            kill(getpid(), SIGKILL)
        }
        let pid = String(decoding: try readFile(path), as: UTF8.self)
        let end = ContinuousClock.now + .seconds(10)
        while !isZombie(pid), ContinuousClock.now < end { await Task.yield() }
        #expect(isZombie(pid))
    }
}

@Suite("Restart policy") struct RestartPolicyTests {
    @Test func aHealthyLifeStartsOver() {
        var policy = RestartPolicy(shortest: .milliseconds(100), longest: .seconds(10), healthyAfter: .seconds(60))
        var generator = SystemRandomNumberGenerator()
        for failures in 1...10 {
            let delay = policy.delay(afterLifetime: .seconds(59), using: &generator)
            #expect(policy.failures == failures)
            #expect(delay <= min(.seconds(10), .milliseconds(100) * (1 << (failures - 1))))
        }
        #expect(policy.delay(afterLifetime: .seconds(60)) <= .milliseconds(100))
        #expect(policy.failures == 1)
    }
}
