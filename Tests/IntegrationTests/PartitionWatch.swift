import Service
import TestKit
import Testing

/// Looks at the partitions of an installation from outside.
struct PartitionWatch {
    let weir: WeirInstallation
    let count: Int

    private func probe() async throws -> RedisProbe { try await weir.redis.connect() }

    /// Who holds each partition: the number of its process.
    func holders() async throws -> [Int32?] {
        let probe = try await probe()
        var holders: [Int32?] = []
        for partition in 0..<count {
            let owner = try await probe.command("GET", "weir:{\(partition)}:lease").string
            // work-<host>-<process>-<random>
            holders.append(owner?.split(separator: "-").dropLast().last.flatMap { Int32($0) })
        }
        return holders
    }

    /// Each of `workers` holds its share, and nobody else anything.
    func isShared(among workers: [WeirProcess]) async throws -> Bool {
        let held = try await holders()
        let shares = workers.map { worker in held.count { $0 == worker.process.pid } }
        return shares.reduce(0, +) == count && (shares.max() ?? 0) - (shares.min() ?? 0) <= 1
    }

    /// Appends an event to each partition and waits until all are applied; returns how long that took.
    func timeToApply(within deadline: Duration) async throws -> Duration {
        let probe = try await probe()
        let began = ContinuousClock.now
        var added: [(ms: UInt64, number: UInt64)] = []
        for partition in 0..<count {
            let id = try await probe.command("XADD", "weir:{\(partition)}:events", "*", "service", "watch").string
            added.append(Self.number(id))
        }
        try await eventually("every partition is worked on", deadline: deadline) {
            for partition in 0..<count {
                let cursor = Self.number(try await probe.command("HGET", "weir:{\(partition)}:cursor", "id").string)
                if cursor < added[partition] { return false }
            }
            return true
        }
        return ContinuousClock.now - began
    }

    private static func number(_ id: String?) -> (ms: UInt64, number: UInt64) {
        let parts = (id ?? "0-0").split(separator: "-").compactMap { UInt64($0) }
        return (parts[0], parts[1])
    }

    /// Events applied in all partitions.
    func applied() async throws -> Int {
        let probe = try await probe()
        var total = 0
        for partition in 0..<count {
            total += try await probe.command("HGET", "weir:{\(partition)}:cursor", "applied").int ?? 0
        }
        return total
    }

    /// Entries that were ever put on each partition's log.
    func entriesAdded() async throws -> [Int] {
        let probe = try await probe()
        var added: [Int] = []
        for partition in 0..<count {
            let info = try? await probe.command("XINFO", "STREAM", "weir:{\(partition)}:events").dictionary
            added.append(info?["entries-added"]?.int ?? 0)
        }
        return added
    }
}

extension WeirInstallation {
    /// A further front, for as many partitions as told.
    func startFront(partitions: Int) async throws -> (process: WeirProcess, http: HTTPClient) {
        let port = try FreePort.next()
        let front = try WeirProcess(
            ["serve", "--listen", "127.0.0.1:\(port)", "--partitions", "\(partitions)"], environment: environment)
        _ = try await front.errors.line(containing: "listening", deadline: .seconds(20))
        return (front, HTTPClient(port: port))
    }

    /// A worker, for as many partitions as told.
    func startWorker(partitions: Int) async throws -> WeirProcess {
        let worker = try WeirProcess(
            ["work", "--listen", "127.0.0.1:\(try FreePort.next())", "--partitions", "\(partitions)"],
            environment: environment)
        _ = try await worker.errors.line(containing: "listening", deadline: .seconds(20))
        return worker
    }
}
