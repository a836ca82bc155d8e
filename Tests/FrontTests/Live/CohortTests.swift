import TestKit
import Testing
import WebServer
import Wire

@testable import Front

/// Clients that are told the same are told together, and each of them as if it were alone.
@Suite("Cohorts", .timeLimit(.minutes(2))) struct CohortTests {
    private static let deflate: MessageForm = .webSocket(PerMessageDeflate(offers: "permessage-deflate"))

    private static func subscribe(_ id: String) -> String {
        #"{"type":"subscribe","id":"\#(id)","metric":"requests","agg":["count"],"by":["service"],"window":"60s","step":"1s"}"#
    }

    private func connect(
        _ stage: LiveStage, _ ids: [String], form: MessageForm = .webSocket(nil)
    ) async throws -> (client: TwinClient, id: UInt64) {
        let client = TwinClient(form: form)
        let id = await stage.hub.nextClientID()
        await stage.hub.connect(client, as: id)
        for name in ids { await stage.send(Self.subscribe(name), from: id) }
        try await eventually("snapshots") { client.count("snapshot") == ids.count }
        return (client, id)
    }

    /// Lets something happen and waits until `clients` have been told by `count` updates more.
    private func change(_ stage: LiveStage, _ clients: [TwinClient], updates count: Int) async throws {
        let before = clients.map { $0.count("update") }
        try await stage.advance(ms: 500)
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("updates") {
            zip(clients, before).allSatisfy { $0.count("update") == $1 + count }
        }
        try await stage.hub.checkCohorts()
    }

    private func address(_ client: TwinClient) -> Int? {
        client.shared.last?.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
    }

    @Test func equalDashboardsAreEncodedOnceForEachForm() async throws {
        let stage = try LiveStage()
        try await eventually("memory") { await stage.hub.isCurrent }
        var (plain, packed): ([TwinClient], [TwinClient]) = ([], [])
        for order in [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]] {
            plain.append(try await connect(stage, order).client)
            packed.append(try await connect(stage, order, form: Self.deflate).client)
        }
        let other = try await connect(stage, ["a", "b"]).client
        #expect(await stage.hub.cohortSizes == [1, 3, 3])
        let writes = (plain + packed).map(\.writes)
        try await change(stage, plain + packed, updates: 3)
        #expect((plain + packed).map(\.writes) == writes.map { $0 + 1 }, "one write each")
        for clients in [plain, packed] {
            #expect(Set(clients.map(address)).count == 1, "the same bytes")
            #expect(clients.reduce(0) { $0 + $1.encoded } == 1)
        }
        #expect(address(plain[0]) != address(packed[0]))
        #expect(other.count("update") == 2 && other.picture("a") == plain[0].picture("a"))
        #expect(plain[2].picture("c").counts == ["service=cart": [LiveStage.startSecond * 1000: 1]])
        try await stage.stop()
    }

    @Test func whoAsksForMoreOrLessMovesAndMissesNothing() async throws {
        let stage = try LiveStage()
        try await eventually("memory") { await stage.hub.isCurrent }
        let (stays, _) = try await connect(stage, ["a"])
        let (moves, id) = try await connect(stage, ["a"])
        try await change(stage, [stays, moves], updates: 1)
        #expect(address(stays) == address(moves))
        await stage.send(Self.subscribe("b"), from: id)
        #expect(moves.count("snapshot") == 2)
        try await change(stage, [stays], updates: 1)
        #expect(moves.count("update") == 3 && address(stays) != address(moves))
        await stage.send(#"{"type":"unsubscribe","id":"b"}"#, from: id)
        // What cannot be done leaves it where it is.
        await stage.send(#"{"type":"unsubscribe","id":"b"}"#, from: id)
        try await change(stage, [stays, moves], updates: 1)
        #expect(address(stays) == address(moves) && stays.picture("a") == moves.picture("a"))
        await stage.hub.disconnect(id)
        #expect(await stage.hub.cohortSizes == [1])
        try await change(stage, [stays], updates: 1)
        #expect(moves.count("update") == 4)
        try await stage.stop()
    }

    @Test func aSlowOneIsToldApartUntilItHasCaughtUp() async throws {
        var configuration = LiveConfiguration.withoutStandingGroups
        configuration.slowBytes = 300
        let stage = try LiveStage(configuration: configuration)
        try await eventually("memory") { await stage.hub.isCurrent }
        let (quick, _) = try await connect(stage, ["a", "b"])
        let (slow, _) = try await connect(stage, ["a", "b"])
        slow.stall()
        var rounds = 0
        while slow.pendingBytes <= 300 {
            try await change(stage, [quick, slow], updates: 2)
            rounds += 1
        }
        #expect(address(quick) == address(slow))
        let before = slow.count("update")
        for _ in 0..<5 { try await change(stage, [quick], updates: 2) }
        #expect(slow.count("update") == before)
        try await stage.drain(slow)
        #expect(slow.count("update") == before + 2, "the newest state at once")
        #expect(slow.picture("a") == quick.picture("a") && slow.picture("b") == quick.picture("b"))
        #expect(quick.picture("b").counts["service=cart"] == [LiveStage.startSecond * 1000: rounds + 5])
        try await change(stage, [quick, slow], updates: 2)
        #expect(address(quick) == address(slow))
        try await stage.stop()
    }

    @Test func aWriteThatCouldPassTheHardLimitIsLookedAtForEach() async throws {
        var configuration = LiveConfiguration.withoutStandingGroups
        (configuration.slowBytes, configuration.maxPendingBytes) = (300, 400)
        let stage = try LiveStage(configuration: configuration)
        try await eventually("memory") { await stage.hub.isCurrent }
        let (quick, _) = try await connect(stage, ["a", "b"])
        let (stalled, _) = try await connect(stage, ["a", "b"])
        stalled.stall()
        // Less than 300 bytes after one, more than 400 after two.
        try await change(stage, [quick, stalled], updates: 2)
        #expect((1...300).contains(stalled.pendingBytes) && stalled.closed == nil)
        try await change(stage, [quick], updates: 2)
        #expect(stalled.closed == .tryAgainLater && quick.closed == nil)
        #expect(quick.picture("b").counts["service=cart"] == [LiveStage.startSecond * 1000: 2])
        try await stage.stop()
    }

    @Test func whoComesBeforeAnythingChangesSharesTheSnapshot() async throws {
        let stage = try LiveStage()
        stage.store.apply([LiveStage.event("cart", "/a", LiveStage.startSecond)], partition: 0)
        try await eventually("memory") { await stage.hub.isCurrent }
        let (first, _) = try await connect(stage, ["a"])
        let (second, _) = try await connect(stage, ["a"])
        let snapshots = [first, second].map { $0.frames.last?.withUnsafeBufferPointer { $0.baseAddress } }
        #expect(snapshots[0] == snapshots[1])
        try await change(stage, [first, second], updates: 1)
        let (third, _) = try await connect(stage, ["a"])
        #expect(third.frames.last != second.frames.dropLast().last && third.picture("a") == first.picture("a"))
        #expect(third.last("snapshot")?["seq"] == "1")
        try await stage.stop()
    }
}

extension LiveHub {
    /// Ascending.
    var cohortSizes: [Int] { cohorts.values.map(\.clients.count).sorted() }

    /// Who is in a cohort has just its subscriptions, all in sync, and is listed nowhere else; who could be in one is.
    func checkCohorts() throws {
        for cohort in cohorts.values {
            try #require(!cohort.clients.isEmpty && cohort.due.isEmpty && cohort.sockets.count == cohort.clients.count)
            let asked = cohort.subscriptions.map(ObjectIdentifier.init).sorted()
            try #require(asked == cohort.key.subscriptions)
            for (index, client) in cohort.clients.enumerated() {
                try #require(client.cohort === cohort && client.indexInCohort == index && clients[client.id] === client)
                try #require(cohort.sockets[index] === client.socket)
                let memberships = client.memberships.values
                try #require(memberships.map { ObjectIdentifier($0.subscription) }.sorted() == asked)
                try #require(memberships.allSatisfy { $0.state == .inSync && $0.subscription.apart[client.id] == nil })
            }
            try #require(cohort.subscriptions.allSatisfy { $0.cohorts[ObjectIdentifier(cohort)] === cohort })
        }
        for client in clients.values where client.cohort == nil && !client.memberships.isEmpty {
            try #require(client.memberships.values.allSatisfy { $0.subscription.apart[client.id] === $0 })
            let isInSync = client.memberships.values.allSatisfy { $0.state == .inSync }
            try #require(!isInSync || client.behindSinceNs != nil, "a client is told apart for no reason")
        }
        for subscription in subscriptions.values {
            try #require(subscription.cohorts.values.allSatisfy { cohorts[$0.key] === $0 })
            try #require(subscription.apart.keys.allSatisfy { clients[$0] != nil })
        }
    }
}
