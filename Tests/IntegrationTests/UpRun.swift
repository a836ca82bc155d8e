import Foundation
import Service
import TestKit

/// A `weir up` of one's own, on ports of its own.
final class UpRun: Sendable {
    let weir: WeirProcess
    /// The port of the front.
    let port: Int

    private init(_ weir: WeirProcess, port: Int) {
        self.weir = weir
        self.port = port
    }

    /// Starts `weir up` on `data` and waits until it says that it is up.
    static func start(
        _ data: String, _ options: [String] = ["--no-generate"], as user: UserAccount? = nil
    ) async throws -> UpRun {
        let weir = try launch(data, options, as: user)
        do {
            let line = try await weir.output.line(containing: "Weir is up: http://127.0.0.1:")
            let port = line.split(separator: ":")[3].prefix { $0.isNumber }
            return UpRun(weir, port: Int(port) ?? 0)
        } catch {
            throw TestKitError("\(error); its log:\n\(weir.errors.lines.joined(separator: "\n"))")
        }
    }

    /// Starts `weir up` on `data`; each port is some free one, unless `options` say otherwise.
    static func launch(_ data: String, _ options: [String] = [], as user: UserAccount? = nil) throws -> WeirProcess {
        let ports = ["listen", "work-listen", "generate-listen"].flatMap { ["--\($0)", "127.0.0.1:0"] }
        return try WeirProcess(["up", "--data", data, "--log-format", "human"] + ports + options, as: user)
    }

    /// A folder that the stores' user can enter too.
    static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder("up")
        chmod(folder.path, 0o755)
        return folder
    }

    /// All that it has started, and what those have.
    var processes: [Int32] { ProcessTable.descendants(of: weir.process.pid) }

    /// Its own child that was called with `words` in its command line.
    func child(_ words: String) -> Int32? {
        ProcessTable.descendants(of: weir.process.pid).first { pid in
            // PostgreSQL's helpers come and go: one may have ended since it was listed.
            guard let arguments = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline")) else { return false }
            let line = String(decoding: arguments, as: UTF8.self).replacing("\0", with: " ")
            return line.contains(words) && Self.parent(of: pid) == weir.process.pid
        }
    }

    /// The user number of a process; nil where it has ended.
    static func user(of pid: Int32) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: "/proc/\(pid)")
        return (attributes?[.ownerAccountID] as? NSNumber)?.intValue
    }

    private static func parent(of pid: Int32) -> Int32? {
        let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        return stat?.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
    }

    /// Sends `count` events.
    func send(_ count: Int) async throws {
        let line = #"{"service":"checkout","endpoint":"/pay","status":200,"duration_ms":12.5}"# + "\n"
        let answer = try await HTTPClient(port: port).post(
            "/api/v1/events", String(repeating: line, count: count), type: "application/x-ndjson")
        guard answer.status == 202 else { throw TestKitError("\(answer.status): \(answer.text)") }
    }

    /// Waits until `count` events are counted, in whatever tier.
    func waitForTotal(_ count: Double) async throws {
        try await eventually("\(count) events are counted", deadline: .seconds(20)) {
            let path = "/api/v1/query?metric=request_count&agg=count&from=-1h&step=1m"
            let answer = try await HTTPClient(port: port).get(path)
            guard answer.status == 200, let body = try? JSON5.parse(answer.body) else { return false }
            let series = body["series"]?.elements ?? []
            let points = series.flatMap { $0["count"]?.elements ?? [] }
            return points.reduce(0) { $0 + ($1.number ?? 0) } == count
        }
    }

    /// Presses Ctrl-C and waits for the end.
    func stop() async throws -> TestKit.ChildProcess.Exit {
        weir.interrupt()
        return try await weir.exit(within: .seconds(10))
    }
}
