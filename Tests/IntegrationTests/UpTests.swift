import Foundation
import Service
import TestKit
import Testing

@Suite("weir up", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct UpTests {
    let folder: TemporaryFolder
    let data: String

    init() throws {
        folder = try UpRun.folder()
        data = folder.file("data")
    }

    @Test func countsEventsAndLeavesNothingButTheirData() async throws {
        let first = try await UpRun.start(data)
        #expect(try await HTTPClient(port: first.port).get("/readyz").status == 200)
        try await first.send(100)
        try await first.waitForTotal(100)
        let processes = first.processes
        #expect(processes.count > 5)
        #expect(try await first.stop() == .status(0))
        #expect(!processes.contains(where: ProcessTable.isAlive))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("data/run")).isEmpty)

        let second = try await UpRun.start(data)
        try await second.waitForTotal(100)
        second.weir.terminate()
        #expect(try await second.weir.exit() == .status(0))
        #expect(second.weir.errors.lines.contains { $0.hasPrefix("stopped; the data stay in") })
    }

    @Test func generatesEventsUnlessToldNotTo() async throws {
        let up = try await UpRun.start(data, ["--rate", "200"])
        try await eventually("made-up events are counted") {
            let answer = try await HTTPClient(port: up.port).get(
                "/api/v1/query?metric=request_count&agg=count&from=-5m")
            return answer.text.contains(#""count":["#)
        }
        // Its stores are found by the folder. Whether there was a pass of the compaction yet is a matter of moments.
        let doctor = try await WeirProcess.run(["doctor", "--data", data, "--format", "json"])
        let checks = try JSON5.parse(Array((doctor.output.first ?? "").utf8))["checks"]?.elements ?? []
        let faults = checks.filter { $0["verdict"]?.string != "ok" }.compactMap { $0["check"]?.string }
        #expect(checks.count > 10 && (faults.isEmpty || faults == ["compaction"]), "\(doctor.output) \(doctor.errors)")
        #expect(try await up.stop() == .status(0))
    }

    @Test func aSecondOneOnTheSameDataIsRefused() async throws {
        let first = try await UpRun.start(data)
        let second = try UpRun.launch(data)
        #expect(try await second.exit() == .status(75))
        let said = try await second.errors.line(containing: "in use by another weir up")
        #expect(said.contains("process \(first.weir.process.pid)") && said.contains("--data"))
        #expect(try await HTTPClient(port: first.port).get("/readyz").status == 200)
    }

    @Test(arguments: ["--listen", "--work-listen", "--generate-listen"])
    func aTakenPortIsFoundBeforeAnythingStarts(flag: String) async throws {
        let port = try FreePort.next()
        let holder = try await RedisServer.start(.init(arguments: ["--port", "\(port)"]))
        let up = try UpRun.launch(data, [flag, "127.0.0.1:\(port)"])
        #expect(try await up.exit() == .status(69))
        let said = try await up.errors.line(containing: "port \(port) is taken")
        #expect(said.contains("\(flag) 127.0.0.1:"))
        #expect(!up.errors.lines.contains { $0.contains("starting") })
        withExtendedLifetime(holder) {}
    }

    @Test func oneThatWasKilledTakesItsChildrenAlongAndLosesNothing() async throws {
        let first = try await UpRun.start(data)
        try await first.send(100)
        let processes = first.processes
        try await first.weir.crash()
        // The next one waits for them by itself, where it has to.
        let second = try await UpRun.start(data)
        try await second.send(100)
        try await second.waitForTotal(200)
        try await eventually("nothing of the first is left") { !processes.contains(where: ProcessTable.isAlive) }
        #expect(try await second.stop() == .status(0))
    }

    @Test(arguments: ["redis-server", "/postgres -D", " work --listen", " serve --listen", " compact --every"])
    func aChildThatDiesIsStartedAgain(words: String) async throws {
        let up = try await UpRun.start(data)
        try await up.send(50)
        try await up.waitForTotal(50)
        let child = try #require(up.child(words))
        kill(child, SIGKILL)
        _ = try await up.weir.errors.line(containing: "ended and will be started again")
        try await eventually("there is another") { up.child(words).map { $0 != child } ?? false }
        try await eventually("the front is ready") {
            (try? await HTTPClient(port: up.port).get("/readyz").status) == 200
        }
        try await eventually("events are taken again") { (try? await up.send(50)) != nil }
        try await up.waitForTotal(100)
        #expect(try await up.stop() == .status(0))
    }

    @Test func theSecondInterruptKills() async throws {
        let up = try await UpRun.start(data)
        let front = try #require(up.child(" serve --listen"))
        let processes = up.processes
        kill(front, SIGSTOP)  // so that an orderly end would take seconds
        up.weir.interrupt()
        _ = try await up.weir.errors.line(containing: "stopping")
        up.weir.interrupt()
        #expect(try await up.weir.exit(within: .seconds(3)) == .status(130))
        try await eventually("nothing is left") { !processes.contains(where: ProcessTable.isAlive) }
        let next = try await UpRun.start(data)
        #expect(try await next.stop() == .status(0))
    }

    @Test func aChildThatCannotRunStopsItWithItsOwnMessage() async throws {
        let tokens = try folder.write("everything please\n", to: "tokens")
        let up = try UpRun.launch(data, ["--no-generate", "--tokens", tokens])
        #expect(try await up.exit(within: .seconds(30)) == .status(78))
        _ = try await up.errors.line(containing: "expected \"scope token\"")
    }

    @Test func dataOfAnotherMajorVersionAreLeftAlone() async throws {
        try FileManager.default.createDirectory(
            atPath: folder.file("data/postgres"), withIntermediateDirectories: true)
        _ = try folder.write("9\n", to: "data/postgres/PG_VERSION")
        let up = try UpRun.launch(data)
        #expect(try await up.exit() == .status(78))
        let said = try await up.errors.line(containing: "are of PostgreSQL 9")
        #expect(said.contains("pg_upgrade") && said.contains("--data"))
    }

    @Test func aPathTooLongOrTooStrangeForSocketsWorks() async throws {
        let strange = folder.file(String(repeating: "long", count: 30) + "/a,b 'c'%")
        let up = try await UpRun.start(strange)
        try await up.send(10)
        try await up.waitForTotal(10)
        let redis = try await up.weir.output.line(containing: "redis-cli -s ")
        let sockets = String(redis.split(separator: " ").last?.dropLast("/redis.sock".count) ?? "")
        #expect(sockets.utf8.count < 80 && FileManager.default.fileExists(atPath: sockets))
        #expect(try await up.stop() == .status(0))
        #expect(!FileManager.default.fileExists(atPath: sockets))
    }

    @Test func storesOpenOnPortsAreGuardedByThePassword() async throws {
        let port = try FreePort.next()
        let up = try await UpRun.start(data, ["--no-generate", "--postgres-port", "\(port)"])
        let address = "host=127.0.0.1 port=\(port) user=weir dbname=weir"
        await #expect(throws: TestKitError.self) {
            try await ChildProcess.run("psql", ["-XwAt", "-d", address, "-c", "SELECT 1"])
        }
        let password = String(decoding: try folder.read("data/postgres-password"), as: UTF8.self)
        let answer = try await ChildProcess.run(
            "psql", ["-XwAt", "-d", address, "-c", "SELECT 1"],
            environment: ["PGPASSWORD": password.trimmingCharacters(in: .whitespacesAndNewlines)])
        #expect(answer == "1")
        #expect(try await up.stop() == .status(0))
    }
}

@Suite(
    "weir up by root", .serialized, .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)),
    .enabled(if: UserAccount.unprivileged != nil, "only root can be somebody else"))
struct UpAsRootTests {
    @Test func theStoresRunAsAnUnprivilegedUser() async throws {
        let folder = try UpRun.folder()
        let up = try await UpRun.start(folder.file("data"))
        for words in ["redis-server", "/postgres -D"] {
            let child = try #require(up.child(words))
            #expect(try #require(UpRun.user(of: child)) != 0, "\(words)")
        }
        #expect(try await up.stop() == .status(0))
    }

    @Test func anOrdinaryUserNeedsNoRootAndRootGoesOnWithTheirData() async throws {
        let user = try #require(UserAccount(named: "nobody"))
        let folder = try TemporaryFolder("up", owner: user)
        let theirs = try await UpRun.start(folder.file("data"), as: user)
        // PostgreSQL's helpers come and go: one may have ended since it was listed. Weir and both stores are there.
        let users = theirs.processes.compactMap(UpRun.user)
        #expect(users.count >= 3 && users.allSatisfy { $0 == 65_534 }, "\(users)")
        try await theirs.send(10)
        #expect(try await theirs.stop() == .status(0))

        let roots = try await UpRun.start(folder.file("data"))
        try await roots.waitForTotal(10)
        #expect(try await roots.stop() == .status(0))
        let again = try await UpRun.start(folder.file("data"), as: user)
        try await again.waitForTotal(10)
        #expect(try await again.stop() == .status(0))
    }

    @Test func aFolderThatOthersCannotEnterKeepsItsStoresElsewhere() async throws {
        let home = try TemporaryFolder("home")  // of mode 0700, as root's
        let data = home.file("clone/.weir")
        let first = try await UpRun.start(data)
        let stores = try FileManager.default.destinationOfSymbolicLink(atPath: "\(data)/stores")
        defer { try? FileManager.default.removeItem(atPath: stores) }
        #expect(stores.hasPrefix("/var/lib/weir/"))
        #expect(first.weir.errors.lines.contains { $0.contains("cannot enter") && $0.contains(stores) })
        try await first.send(10)
        #expect(try await first.stop() == .status(0))
        let second = try await UpRun.start(data)
        try await second.waitForTotal(10)
        #expect(try await second.stop() == .status(0))
    }

    @Test func whatBelongsToRootIsRefusedToOthers() async throws {
        let folder = try UpRun.folder()
        let roots = try await UpRun.start(folder.file("data"))
        #expect(try await roots.stop() == .status(0))
        let nobody = try #require(UserAccount(named: "nobody"))
        let other = try UpRun.launch(folder.file("data"), as: nobody)
        #expect(try await other.exit() == .status(73))
        _ = try await other.errors.line(containing: "does it belong to another user?")
    }
}
