import Service
import TestKit
import Testing

@Suite("Partitions grow", .tags(.integration), .needs(.redis, .postgres), .timeLimit(.minutes(3)))
struct PartitionGrowthTests {
    /// Requests of a client that repeats some of what it sent.
    private actor Traffic {
        private let fronts: [HTTPClient]
        private var rng = SplitMix64(Seed(value: 5))
        private(set) var keys: [String] = []
        private(set) var eventCount = 0
        private(set) var problems: [String] = []

        init(_ fronts: [HTTPClient]) { self.fronts = fronts }

        private static let eventsPerRequest = 3
        private static let body = String(
            repeating: "{\"service\":\"a\",\"endpoint\":\"/\",\"status\":200,\"duration_ms\":5}\n",
            count: eventsPerRequest)

        /// One new request with a key, one without, and two repetitions, each to any front.
        func step(fronts count: Int) async throws {
            let key = "request-\(keys.count)"
            try await post(key, isNew: true, count)
            keys.append(key)
            try await post(nil, isNew: true, count)
            for _ in 0..<2 { try await post(keys.randomElement(using: &rng), isNew: false, count) }
        }

        /// Every key again, at every front.
        func repeatAll() async throws {
            for key in keys { try await post(key, isNew: false, fronts.count) }
        }

        private func post(_ key: String?, isNew: Bool, _ count: Int) async throws {
            let front = fronts[Int.random(in: 0..<count, using: &rng)]
            let response = try await front.post(
                "/api/v1/events", Self.body, headers: key.map { ["Idempotency-Key": $0] } ?? [:])
            let isDuplicate = response.text.contains("\"duplicate\":true")
            if response.status != 202 || isDuplicate == isNew {
                problems.append("\(key ?? "no key"), new \(isNew): \(response.status) \(response.text)")
            }
            if response.status == 202, !isDuplicate { eventCount += Self.eventsPerRequest }
        }
    }

    @Test func everyEventCountsOnceThroughGrowthAndKilledWorkers() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let watch = PartitionWatch(weir: weir, count: 8)
        var workers = [try await weir.startWorker()]
        let second = try FreePort.next()
        let traffic = Traffic([weir.http, HTTPClient(port: second)])
        func send(for time: Duration, fronts: Int) async throws {
            let end = ContinuousClock.now + time
            while ContinuousClock.now < end { try await traffic.step(fronts: fronts) }
        }
        try await send(for: .seconds(1), fronts: 1)
        // A front for two partitions joins: the other learns of it.
        let other = try WeirProcess(
            ["serve", "--listen", "127.0.0.1:\(second)", "--partitions", "2"], environment: weir.environment)
        _ = try await other.errors.line(containing: "listening", deadline: .seconds(20))
        try await send(for: .seconds(2), fronts: 2)
        workers.append(try await weir.startWorker(partitions: 8))
        try await send(for: .seconds(1), fronts: 2)
        try await workers[0].crash()
        try await send(for: .seconds(3), fronts: 2)
        workers[0] = try await weir.startWorker()
        try await send(for: .seconds(2), fronts: 2)
        try await workers[1].crash()
        // Past the moment from which keys go by eight partitions.
        try await send(for: .seconds(3), fronts: 2)
        try await traffic.repeatAll()
        #expect(await traffic.problems == [])

        let total = await traffic.eventCount
        print(
            "\(await traffic.keys.count) keys, \(total) events, entries by partition: \(try await watch.entriesAdded())"
        )
        try await eventually("all events are applied", deadline: .seconds(20)) { try await watch.applied() >= total }
        #expect(try await watch.applied() == total)
        #expect(try await watch.entriesAdded().allSatisfy { $0 > 0 })
        let ask = "agg=count&from=-15m&step=10s"
        // The front's memory follows: on a busy machine it may be a moment behind the books.
        try await eventually("the front has followed", deadline: .seconds(20)) {
            try await weir.totals("metric=events&\(ask)", by: "")["", default: 0] >= total
        }
        for _ in 0..<2 {
            let events = try await weir.totals("metric=events&\(ask)", by: "")
            #expect(events == ["": total])
            let responses = try await weir.totals("metric=response_time&\(ask)", by: "service")
            #expect(responses == ["a": total])
            let compacted = try await weir.run(["compact"])
            #expect(compacted.exit == .status(0), "\(compacted.errors)")
        }
        #expect(front.errors.lines.contains { $0.contains("more partitions") })
        for process in [workers[0], other, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }

    @Test func aLowerSettingIsIgnoredAndSaid() async throws {
        let (weir, front) = try await WeirInstallation.start()
        let worker = try await weir.startWorker(partitions: 3)
        _ = try await front.errors.line(containing: "more partitions", deadline: .seconds(5))
        let lower = try await weir.startFront(partitions: 2)
        _ = try await lower.process.errors.line(containing: "fewer partitions are configured", deadline: .seconds(5))
        #expect(try await weir.redis.connect().command("GET", "weir:{0}:partitions").int == 3)
        for process in [worker, lower.process, front] {
            process.terminate()
            #expect(try await process.exit() == .status(0))
        }
    }
}
