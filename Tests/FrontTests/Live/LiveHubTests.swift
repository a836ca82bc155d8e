import Analytics
import TestKit
import Testing
import Wire

@testable import Front

@Suite("Live hub", .timeLimit(.minutes(2))) struct LiveHubTests {
    static let byService = LiveQuestion(
        metric: "requests", by: ["service"], filter: LabelFilter(), stepSeconds: 1, windowSeconds: 60, limit: 100)
    static let subscribe = #"""
        {"type":"subscribe","id":"a","metric":"requests","agg":["count"],"by":["service"],"window":"60s","step":"1s"}
        """#

    @Test func snapshotThenOnlyWhatChanges() async throws {
        let stage = try LiveStage()
        let now = LiveStage.startSecond
        stage.store.apply(
            [LiveStage.event("cart", "/a", now - 5), LiveStage.event("pay", "/b", now - 4)], partition: 0)
        let (client, id) = await stage.connect()
        #expect(client.count("hello") == 1)
        try await eventually("the definitions are there") {
            await stage.hub.isCurrent
        }
        await stage.send(Self.subscribe, from: id)
        try await eventually("a snapshot") { client.count("snapshot") == 1 }
        #expect(stage.shown(client, "a", Self.byService) == stage.expected(Self.byService))
        stage.store.apply([LiveStage.event("cart", "/a", now - 5)], partition: 0)
        try await eventually("an update") { client.count("update") == 1 }
        #expect(
            client.picture("a").counts == ["service=cart": [(now - 5) * 1000: 2], "service=pay": [(now - 4) * 1000: 1]])
        #expect(client.last("update")?["seq"] == "1")
        try await stage.stop()
        #expect(client.closed == .goingAway)
    }

    @Test func firstChangeAfterQuietGoesAtOnceThenNotBeforeEvery() async throws {
        let stage = try LiveStage()
        let now = LiveStage.startSecond
        let (client, id) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        await stage.send(Self.subscribe, from: id)
        try await eventually("a snapshot") { client.count("snapshot") == 1 }
        try await stage.advance(ms: 500)
        stage.store.apply([LiveStage.event("cart", "/a", now)], partition: 0)
        try await eventually("the first change, with the clock at rest") { client.count("update") == 1 }
        for _ in 0..<5 { stage.store.apply([LiveStage.event("cart", "/a", now)], partition: 0) }
        try await eventually("the batches are in") { await stage.reached(stage.store) }
        try await stage.advance(ms: 99)
        #expect(client.count("update") == 1)
        try await stage.advance(ms: 11)
        #expect(client.count("update") == 2)
        #expect(client.picture("a").counts["service=cart"] == [now * 1000: 6])
        try await stage.advance(ms: 1000)
        #expect(client.count("update") == 2)
        try await stage.stop()
    }

    @Test func equalSubscriptionsShareTheirBytes() async throws {
        let stage = try LiveStage()
        let (first, firstID) = await stage.connect()
        let (second, secondID) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        await stage.send(Self.subscribe, from: firstID)
        await stage.send(Self.subscribe, from: secondID)
        try await eventually("snapshots") { first.count("snapshot") == 1 && second.count("snapshot") == 1 }
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("updates") { first.count("update") == 1 && second.count("update") == 1 }
        let addresses = [first, second].map {
            $0.frames.last?.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
        }
        #expect(addresses[0] == addresses[1])
        #expect(await stage.hub.subscriptionCount == 1)
        // A late joiner gets a snapshot, and the numbering goes on for all.
        let (third, thirdID) = await stage.connect()
        await stage.send(Self.subscribe, from: thirdID)
        #expect(third.count("snapshot") == 1)
        try await stage.advance(ms: 200)
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("updates") { third.count("update") == 1 && first.count("update") == 2 }
        #expect(third.last("update")?["seq"] == "2")
        #expect(second.picture("a") == third.picture("a"))
        await stage.send(#"{"type":"unsubscribe","id":"a"}"#, from: firstID)
        await stage.hub.disconnect(secondID)
        await stage.hub.disconnect(thirdID)
        #expect(await stage.hub.subscriptionCount == 0)
        #expect(await stage.hub.groupCount == 1)
        try await stage.advance(ms: 31_000)
        #expect(await stage.hub.groupCount == 0)
        try await stage.stop()
    }

    @Test func whoComesBeforeTheDefinitionsIsServedWhenTheyCome() async throws {
        let stage = try LiveStage()
        stage.store.setDown(true)
        let (client, id) = await stage.connect()
        await stage.send(Self.subscribe, from: id)
        #expect(client.count("error") == 0)
        stage.store.setDown(false)
        try await eventually("a snapshot") { client.count("snapshot") == 1 }
        try await stage.stop()
    }

    @Test func whoSendsNoEndOfMessagesBeforeTheDefinitionsIsClosed() async throws {
        var configuration = LiveConfiguration()
        configuration.maxSubscriptions = 3
        let stage = try LiveStage(configuration: configuration)
        stage.store.setDown(true)
        let (client, id) = await stage.connect()
        for _ in 0..<3 { await stage.send(Self.subscribe, from: id) }
        #expect(client.closed == nil)
        await stage.send(Self.subscribe, from: id)
        #expect(client.closed == .policyViolation)
        #expect(client.count("error") == 0)
        try await stage.stop()
    }

    @Test func allThatIsDueGoesInOneWrite() async throws {
        let stage = try LiveStage()
        let (client, id) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        for name in ["a", "b", "c"] {
            await stage.send(
                #"{"type":"subscribe","id":"\#(name)","metric":"latency","agg":["p99","count"],"window":"60s"}"#,
                from: id)
        }
        try await eventually("snapshots") { client.count("snapshot") == 3 }
        let before = client.writes
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond, 12.5)], partition: 0)
        try await eventually("updates") { client.count("update") == 3 }
        #expect(client.writes == before + 1)
        #expect(client.picture("b").values[""] == [LiveStage.startSecond * 1000: 12.5])
        try await stage.stop()
    }

    @Test func slowClientGetsTheNewestStateWhenItReadsAgain() async throws {
        var configuration = LiveConfiguration()
        configuration.slowBytes = 500
        let stage = try LiveStage(configuration: configuration)
        let now = LiveStage.startSecond
        let (slow, slowID) = await stage.connect()
        let (quick, quickID) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        await stage.send(Self.subscribe, from: slowID)
        await stage.send(Self.subscribe, from: quickID)
        try await eventually("snapshots") { slow.count("snapshot") == 1 && quick.count("snapshot") == 1 }
        slow.stall()
        for round in 1...40 {
            stage.store.apply([LiveStage.event("cart", "/a", now + Int64(round % 7))], partition: 0)
            try await eventually("round \(round)") { await stage.reached(stage.store) }
            try await stage.advance(ms: 110)
        }
        #expect(quick.count("update") >= 40)
        #expect(slow.pendingBytes < 1000)
        #expect(slow.count("update") < 10)
        let before = slow.count("update")
        try await stage.drain(slow)
        #expect(slow.count("update") == before + 1)
        #expect(slow.picture("a") == quick.picture("a"))
        #expect(stage.shown(quick, "a", Self.byService) == stage.expected(Self.byService))
        slow.stall()
        stage.store.apply((0..<20).map { LiveStage.event("cart", "/a", now + $0) }, partition: 0)
        try await eventually("the batch") { await stage.reached(stage.store) }
        for _ in 0..<140 {
            stage.store.apply((0..<20).map { LiveStage.event("cart", "/a", now + $0) }, partition: 0)
            try await eventually("a batch") { await stage.reached(stage.store) }
            try await stage.advance(ms: 1000)
        }
        #expect(slow.closed == .tryAgainLater)
        #expect(quick.closed == nil)
        try await stage.stop()
    }

    @Test func badMessagesAreAnsweredAndTheConnectionLives() async throws {
        let stage = try LiveStage()
        let (client, id) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        let bad: [(String, String)] = [
            (#"[1]"#, "object"), (#"{"id":"a"}"#, "no type"), (#"{"type":"jump"}"#, "jump"),
            (#"{"type":"subscribe","metric":"requests"}"#, "id:"),
            (#"{"type":"subscribe","id":"a","metric":"none"}"#, "none"),
            (#"{"type":"subscribe","id":"a","metric":"requests","agg":["p99"]}"#, "p99"),
            (#"{"type":"subscribe","id":"a","metric":"requests","by":["user"]}"#, "user"),
            (#"{"type":"subscribe","id":"a","metric":"requests","every":"10ms"}"#, "every"),
            (#"{"type":"subscribe","id":"a","metric":"requests","window":"long"}"#, "window"),
            (#"{"type":"subscribe","id":"a","metric":"requests","colour":"red"}"#, "colour"),
            (#"{"type":"unsubscribe","id":"zz"}"#, "zz"),
        ]
        for (message, hint) in bad {
            await stage.send(message, from: id)
            let error = try #require(client.last("error"))
            #expect(error["detail"]?.contains(hint) == true, "\(message): \(error)")
        }
        #expect(client.count("error") == bad.count)
        await stage.send(#"{"type":"ping"}"#, from: id)
        #expect(client.count("pong") == 1)
        #expect(client.closed == nil)
        await stage.send("{oops", from: id)
        #expect(client.closed == .invalidPayload)
        try await stage.stop()
    }

    @Test func aStoreAwayIsToldAndClientsGoOnAfterwards() async throws {
        let stage = try LiveStage()
        let (client, id) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        await stage.send(Self.subscribe, from: id)
        try await eventually("a snapshot") { client.count("snapshot") == 1 }
        stage.store.setDown(true)
        try await eventually("told") { client.last("status")?["degraded"]?.contains("redis") == true }
        stage.store.setDown(false)
        try await eventually("told") { client.last("status")?["degraded"]?.contains("redis") == false }
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("an update") { client.count("update") == 1 }
        #expect(client.count("snapshot") == 1)
        try await stage.stop()
    }

    @Test func aStoreThatWentBackGivesFreshSnapshots() async throws {
        let stage = try LiveStage()
        let now = LiveStage.startSecond
        stage.store.apply([LiveStage.event("cart", "/a", now)], partition: 0)
        let saved = stage.store.saved(partition: 0)
        let (client, id) = await stage.connect()
        try await eventually("memory") { await stage.hub.isCurrent }
        await stage.send(Self.subscribe, from: id)
        stage.store.apply([LiveStage.event("lost", "/a", now)], partition: 0)
        try await eventually("both") { client.picture("a").counts.count == 2 }
        stage.store.restore(saved, partition: 0)
        stage.store.apply([LiveStage.event("cart", "/a", now)], partition: 0)
        try await eventually("what is left") {
            try await stage.advance(ms: 10)
            return client.picture("a").counts == ["service=cart": [now * 1000: 2]]
        }
        try await stage.stop()
    }
}

extension LiveStage {
    /// The hub has taken all that the store has applied.
    func reached(_ store: TwinStore) async -> Bool {
        let followers = await hub.followersReached
        return followers.indices.allSatisfy { followers[$0] == store.saved(partition: $0).cursor }
    }
}

extension LiveHub {
    var groupCount: Int { memory.groups.count }

    var followersReached: [StreamID] {
        memory.followers.map { $0.phase == .current ? $0.reached : .zero }
    }
}
