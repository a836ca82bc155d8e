import Analytics
import TestKit
import Testing

@testable import Front

/// Whatever happens on the way, in the end every client sees what a naive count of all events gives.
@Suite("Live picture", .timeLimit(.minutes(3))) struct LivePictureTests {
    static let questions: [(id: String, question: LiveQuestion, message: String)] = [
        (
            "s", LiveHubTests.byService,
            #"{"type":"subscribe","id":"s","metric":"requests","agg":["count"],"by":["service"],"window":"60s","step":"1s"}"#
        ),
        (
            "e",
            LiveQuestion(
                metric: "latency", by: ["endpoint", "service"], filter: LabelFilter(), stepSeconds: 10,
                windowSeconds: 300, limit: 100),
            #"""
            {"type":"subscribe","id":"e","metric":"latency","agg":["count"],"by":["service","endpoint"],"window":"5m","step":"10s",
             "every":"20ms"}
            """#
        ),
        (
            "h",
            LiveQuestion(
                metric: "requests", by: [], filter: LabelFilter(), stepSeconds: 60, windowSeconds: 3600, limit: 100),
            #"{"type":"subscribe","id":"h","metric":"requests","agg":["count"],"window":"1h","step":"60s"}"#
        ),
        (
            "u",
            LiveQuestion(
                metric: "visitors", by: ["service"], filter: LabelFilter(), stepSeconds: 60, windowSeconds: 900,
                limit: 100),
            #"{"type":"subscribe","id":"u","metric":"visitors","by":["service"],"window":"15m","step":"1s"}"#
        ),
    ]

    private struct Dashboard {
        let client: TwinClient
        let id: UInt64
        var asked: Set<String> = []
        var isStalled = false
    }

    @Test(arguments: Seed.range(24)) func equalsTheNaiveCount(seed: Seed) async throws {
        var random = SplitMix64(seed)
        var configuration = LiveConfiguration()
        configuration.slowBytes = 400
        let partitions = seed.value % 3 == 0 ? 2 : 1
        let stage = try LiveStage(
            partitions: partitions, liveCount: Int.random(in: 1...4, using: &random), configuration: configuration)
        var dashboards: [Dashboard] = []
        var saved: TwinStore.Partition?
        var truths: Set<String> = []
        let mayGoBack = seed.value % 4 == 1
        for _ in 0..<80 {
            let partition = Int.random(in: 0..<partitions, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                stage.store.apply(events(stage, using: &random), partition: partition)
                note(stage, &truths)
            case 9: try await stage.advance(ms: Int64.random(in: 5...900, using: &random))
            case 12: try await stage.advance(ms: Int64.random(in: 1000...40_000, using: &random))
            case 11: stage.store.setHeld(true)
            case 10: stage.store.setHeld(false)
            case 13 where dashboards.count < 6:
                let (client, id) = await stage.connect()
                dashboards.append(Dashboard(client: client, id: id))
            case 13..<16:
                guard let index = dashboards.indices.randomElement(using: &random) else { continue }
                let asked = Self.questions[Int.random(in: 0..<4, using: &random)]
                if dashboards[index].asked.remove(asked.id) != nil, Bool.random(using: &random) {
                    await stage.send(#"{"type":"unsubscribe","id":"\#(asked.id)"}"#, from: dashboards[index].id)
                } else {
                    dashboards[index].asked.insert(asked.id)
                    await stage.send(asked.message, from: dashboards[index].id)
                }
            case 16:
                guard let index = dashboards.indices.randomElement(using: &random) else { continue }
                if dashboards[index].isStalled {
                    try await stage.drain(dashboards[index].client)
                } else {
                    dashboards[index].client.stall()
                }
                dashboards[index].isStalled.toggle()
            case 17: stage.store.trimLive(partition: partition, keeping: Int.random(in: 0...2, using: &random))
            case 18:
                stage.store.setDown(true)
                if Bool.random(using: &random) { try await stage.advance(ms: 300) }
                stage.store.setDown(false)
            default:
                if let before = saved, mayGoBack {
                    stage.store.restore(before, partition: 0)
                    saved = nil
                } else {
                    saved = stage.store.saved(partition: 0)
                }
            }
            try await stage.hub.checkCohorts()
            if Bool.random(using: &random) { await Task.yield() }
        }
        stage.store.setHeld(false)
        for dashboard in dashboards where dashboard.isStalled { try await stage.drain(dashboard.client) }
        // One more batch each: a store that went back is noticed by it at the latest.
        for partition in 0..<partitions { stage.store.apply(events(stage, using: &random), partition: partition) }
        note(stage, &truths)
        for dashboard in dashboards {
            for (id, question, _) in Self.questions where dashboard.asked.contains(id) {
                do {
                    try await eventually("\(id) is right") {
                        try await stage.advance(ms: 10)
                        return id == "u"
                            ? stage.shownUniques(dashboard.client, id, question) == stage.expectedUniques(question)
                            : stage.shown(dashboard.client, id, question) == stage.expected(question)
                    }
                } catch {
                    let (shown, expected) = (stage.shown(dashboard.client, id, question), stage.expected(question))
                    Issue.record("\(id) shows \(shown) instead of \(expected)")
                }
            }
            // Of one partition the states come in order, so that every value ever shown was true at some time.
            if partitions == 1 { #expect(dashboard.client.seen.subtracting(truths) == []) }
        }
        try await stage.stop()
    }

    /// Events mostly of now, some late, a few very late or ahead; few series, so that they meet.
    private func events(_ stage: LiveStage, using random: inout SplitMix64) -> [TwinStore.Event] {
        (0..<Int.random(in: 1...6, using: &random)).map { _ in
            let behind: Int64 =
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<6: Int64.random(in: -1...3, using: &random)
                case 6..<8: Int64.random(in: 0...280, using: &random)
                default: Int64.random(in: 0...3500, using: &random)
                }
            return LiveStage.event(
                ["cart", "pay", "user"].randomElement(using: &random) ?? "",
                ["/a", "/b"].randomElement(using: &random) ?? "",
                stage.nowSecond - behind, Double(Int.random(in: 1...100, using: &random)))
        }
    }

    /// Notes what is true now of every bucket.
    private func note(_ stage: LiveStage, _ truths: inout Set<String>) {
        for (id, question, _) in Self.questions {
            for (labels, buckets) in stage.store.answer(question, from: 0) {
                let name = labels.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                for (start, aggregate) in buckets { truths.insert("\(id)|\(name)|\(start * 1000)|\(aggregate.count)") }
            }
        }
    }
}
