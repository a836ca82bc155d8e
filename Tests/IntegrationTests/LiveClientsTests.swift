import Foundation
import Service
import Synchronization
import TestKit
import Testing

/// Dashboards over real processes and stores.
@Suite("Live clients", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct LiveClientsTests {
    private static let configuration = """
        { metrics: [ { name: "bytes", kind: "counter", value: "bytes", by: ["service"] } ] }
        """

    /// What is true, and ever was: the sums of each bucket after each event, in the order of the log.
    private struct Truth {
        var pictures: [String: LiveViewer.Picture] = [:]
        var everTrue: Set<[String]> = []

        mutating func add(_ service: String, _ ms: Int64, _ bytes: Int) {
            for (id, name, step) in [("fine", service, Int64(1_000)), ("coarse", "", 10_000)] {
                let start = ms / step * step
                pictures[id, default: [:]][name, default: [:]][start, default: 0] += Double(bytes)
                everTrue.insert([id, name, "\(start)", "\(pictures[id]?[name]?[start] ?? 0)"])
            }
        }
    }

    /// What lies in every window for the whole test.
    private static func recent(_ picture: LiveViewer.Picture?, since ms: Int64) -> LiveViewer.Picture {
        (picture ?? [:]).mapValues { $0.filter { $0.key >= ms } }.filter { !$0.value.isEmpty }
    }

    @Test func whateverClientsDoTheirPictureIsTrue() async throws {
        let (weir, front) = try await WeirInstallation.start(configuration: Self.configuration)
        let worker = try await weir.startWorker()
        let startMs = Int64(Date().timeIntervalSince1970 * 1_000)
        // Set once the last event is about to be sent.
        let final = Lock<Truth?>(nil)
        let port = weir.port
        let sinceMs = startMs / 10_000 * 10_000 - 200_000
        let all = try await withThrowingTaskGroup(of: (Set<[String]>, Int, Int).self) { group in
            for number in 0..<12 {
                group.addTask {
                    var random = SplitMix64(Seed(value: 600 + number))
                    let viewer = LiveViewer(LiveViewer.Transport.allCases[number % 3], port: port)
                    try await viewer.connect()
                    while true {
                        try await viewer.receive()
                        if let truth = final.withLock({ $0 }) {
                            let isRight = viewer.ids.allSatisfy {
                                Self.recent(viewer.pictures[$0], since: sinceMs)
                                    == Self.recent(truth.pictures[$0], since: sinceMs)
                            }
                            if isRight { return (viewer.shown, viewer.snapshots, viewer.updates) }
                            continue
                        }
                        switch Int.random(in: 0..<60, using: &random) {
                        case 0: try await viewer.connect()
                        case 1: try await Task.sleep(for: .milliseconds(Int.random(in: 50...600, using: &random)))
                        default: break
                        }
                    }
                }
            }
            var random = SplitMix64(Seed(value: 6))
            var truth = Truth()
            for round in 0...120 {
                var lines = ""
                let nowMs = Int64(Date().timeIntervalSince1970 * 1_000)
                for _ in 0..<12 {
                    let isLate = Int.random(in: 0..<5, using: &random) == 0
                    let ms = nowMs - (isLate ? Int64.random(in: 1_000...190_000, using: &random) : 0)
                    let bytes = Int.random(in: 1...1_000_000, using: &random)
                    let service = "s\(Int.random(in: 0..<5, using: &random))"
                    truth.add(service, ms, bytes)
                    lines += #"{"ts":\#(ms),"service":"\#(service)","bytes":\#(bytes)}"# + "\n"
                }
                // The last ones are told to everybody, so that everybody looks once more.
                if round == 120 { final.withLock { [truth] in $0 = truth } }
                let answer = try await weir.http.post("/api/v1/events", lines)
                #expect(answer.status == 202, "\(answer.text)")
                try await Task.sleep(for: .milliseconds(20))
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let truth = try #require(final.withLock { $0 })
        for (shown, _, _) in all { #expect(shown.subtracting(truth.everTrue) == []) }
        #expect(all.reduce(0) { $0 + $1.1 } > 20, "clients came back")
        #expect(all.reduce(0) { $0 + $1.2 } > 500, "clients were told")
        // What they saw is what the query API says.
        for (id, parameters) in [("fine", "by=service&step=1s"), ("coarse", "step=10s")] {
            let answer = try await weir.query("metric=bytes&agg=sum&from=\(sinceMs)&\(parameters)")
            #expect(Self.picture(answer) == Self.recent(truth.pictures[id], since: sinceMs), "\(id)")
        }
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    private static func picture(_ answer: JSON5Value) -> LiveViewer.Picture {
        var picture: LiveViewer.Picture = [:]
        for series in answer["series"]?.elements ?? [] {
            let times = (series["t"]?.elements ?? []).compactMap { $0.integer }
            let values = (series["sum"]?.elements ?? []).compactMap(\.number)
            picture[series["labels"]?["service"]?.string ?? ""] = Dictionary(
                uniqueKeysWithValues: zip(times, values))
        }
        return picture
    }

    @Test func twoHundredEqualDashboardsAskTheStoresNoMoreThanOne() async throws {
        let (weir, front) = try await WeirInstallation.start(configuration: Self.configuration)
        let worker = try await weir.startWorker()
        func post() async throws {
            let answer = try await weir.http.post("/api/v1/events", #"{"service":"a","bytes":7}"#)
            #expect(answer.status == 202)
        }
        try await post()
        try await weir.waitUntilApplied(1)
        func dashboard() async throws -> LiveViewer {
            let viewer = LiveViewer(.compressed, port: weir.port)
            try await viewer.connect()
            while viewer.snapshots < 2 { try await viewer.receive() }
            return viewer
        }
        let first = try await dashboard()
        let before = try await work(of: weir)
        var began = ContinuousClock.now
        try await Task.sleep(for: .seconds(2))
        let quiet = try await work(of: weir)
        let perSecond = (began.duration(to: .now).seconds, quiet.redis - before.redis, quiet.postgres - before.postgres)
        let metrics = try await counters(weir)
        began = .now
        var others: [LiveViewer] = []
        for _ in 0..<199 { others.append(try await dashboard()) }
        try await post()
        for viewer in others + [first] {
            let updates = viewer.updates
            while viewer.updates == updates { try await viewer.receive() }
        }
        let seconds = began.duration(to: .now).seconds
        let after = try await work(of: weir)
        // The worker and the probes of the front go on as before; each dashboard by itself would ask twice at least.
        let allowedRedis = Double(perSecond.1) / perSecond.0 * seconds * 1.5 + 60
        let allowedPostgres = Double(perSecond.2) / perSecond.0 * seconds * 1.5 + 60
        #expect(Double(after.redis - quiet.redis) < allowedRedis)
        #expect(Double(after.postgres - quiet.postgres) < allowedPostgres)
        // Nor is an update computed or compressed for each: two subscriptions, 200 clients.
        let then = try await counters(weir)
        #expect(then.updates - metrics.updates <= 4)
        #expect(then.compressions - metrics.compressions <= 2 * 199 + 8, "a snapshot for each, an update for all")
        try await weir.stop(worker)
        try await weir.stop(front)
    }

    /// Commands that Redis has run, and transactions of the database.
    private func work(of weir: WeirInstallation) async throws -> (redis: Int, postgres: Int) {
        let text = try await weir.redis.connect().command("INFO", "commandstats").string ?? ""
        let calls = text.matches(of: #/:calls=([0-9]+)/#).compactMap { Int($0.output.1) }.reduce(0, +)
        _ = try await weir.sql("SELECT pg_stat_clear_snapshot()")
        let transactions = try await weir.sql(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        return (calls, Int(transactions.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
    }

    private func counters(_ weir: WeirInstallation) async throws -> (updates: Int, compressions: Int) {
        let text = try await weir.http.get("/metrics").text
        func value(_ name: String) -> Int {
            text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }.flatMap {
                $0.split(separator: " ").last.flatMap { Int($0) }
            } ?? -1
        }
        return (value("weir_live_updates_total"), value("weir_websocket_compressions_total"))
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
