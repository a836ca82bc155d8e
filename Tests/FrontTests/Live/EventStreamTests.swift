import Analytics
import Reactor
import Service
import TestKit
import Testing
import WebServer

@testable import Front

/// Server-sent events over a real server and real sockets.
@Suite("Event stream", .timeLimit(.minutes(1))) struct EventStreamTests {
    private static let target = "/api/v1/live/sse?metric=requests&agg=count&by=service&window=60s&step=1s&every=20ms"
    private static let now = LiveStage.startSecond

    /// A hub with one event in it behind a server.
    private func serve() async throws -> (stage: LiveStage, server: HTTPServer, port: Int) {
        let stage = try LiveStage()
        stage.store.apply([LiveStage.event("cart", "/a", Self.now - 3)], partition: 0)
        try await eventually("memory") { await stage.hub.isCurrent }
        let (server, port) = try await listen(stage)
        return (stage, server, port)
    }

    private func listen(_ stage: LiveStage) async throws -> (HTTPServer, Int) {
        var router = Router()
        router.get("/api/v1/live/sse") { [hub = stage.hub] in hub.serveStream($0, $1) }
        let server = HTTPServer(loop: stage.loop, handler: router)
        return (server, try await server.listenOnLoopback())
    }

    private func stop(_ stage: LiveStage, _ server: HTTPServer) async throws {
        await server.shutdown(within: .seconds(1))
        try await stage.stop()
    }

    @Test func snapshotAndUpdatesWithIDsThenTheEnd() async throws {
        let (stage, server, port) = try await serve()
        let client = try await EventStreamClient.connect(port: port, Self.target)
        #expect(client.head.first == "HTTP/1.1 200 OK")
        #expect(client.head.contains("Content-Type: text/event-stream"))
        #expect(client.head.contains("Cache-Control: no-store"))
        #expect(try await client.receive()?.data.hasPrefix(#"{"type":"hello","#) == true)
        let snapshot = try #require(try await client.receive())
        #expect(snapshot.name == "snapshot" && snapshot.id != nil)
        #expect(snapshot.data.contains(#""series":[{"labels":{"service":"cart"},"t":[\#((Self.now - 3) * 1000)],"#))
        stage.store.apply([LiveStage.event("cart", "/a", Self.now - 3)], partition: 0)
        let update = try #require(try await client.receive())
        #expect(update.name == "update" && update.id != nil && update.id != snapshot.id)
        #expect(
            update.data == #"{"type":"update","id":"sse","seq":1,"series":[{"labels":{"service":"cart"},"#
                + #""t":[\#((Self.now - 3) * 1000)],"count":[2]}]}"#)
        stage.store.setDown(true)
        #expect(try await client.receive("status").data == #"{"type":"status","degraded":["redis"]}"#)
        try await stop(stage, server)
        #expect(try await client.receive() == nil)
    }

    @Test func streamsAreToldTogetherEachInItsForm() async throws {
        let (stage, server, port) = try await serve()
        let clients = [
            try await EventStreamClient.connect(port: port, Self.target),
            try await EventStreamClient.connect(port: port, Self.target),
        ]
        // HTTP/1.0 knows no chunks.
        let old = try TestSocket(to: .loopback(port))
        try await old.send("GET \(Self.target) HTTP/1.0\r\nHost: h\r\n\r\n")
        while try await old.receiveLine() != "" {}
        try await eventually("two together, one apart") { await stage.hub.cohortSizes == [1, 2] }
        for count in 2...3 {
            try await stage.advance(ms: 100)
            stage.store.apply([LiveStage.event("cart", "/a", Self.now - 3)], partition: 0)
            let expected =
                #"{"type":"update","id":"sse","seq":\#(count - 1),"series":[{"labels":{"service":"cart"},"#
                + #""t":[\#((Self.now - 3) * 1000)],"count":[\#(count)]}]}"#
            for client in clients { #expect(try await client.receive("update").data == expected) }
            var line = ""
            repeat {
                line = try await old.receiveLine()
                #expect(["", "retry", "event", "id", "data"].contains(line.prefix { $0 != ":" }), "no chunk: \(line)")
            } while line != "data: " + expected
        }
        old.reset()
        try await stop(stage, server)
    }

    @Test func whoReturnsGetsWhatItMissedAndNoSnapshot() async throws {
        let (stage, server, port) = try await serve()
        var client = try await EventStreamClient.connect(port: port, Self.target)
        var last = try await client.receive("snapshot").id ?? ""
        // Nothing has happened: nothing but the greeting comes, until something does.
        func comeBack() async throws {
            client.socket.finishSending()
            client = try await EventStreamClient.connect(
                port: port, Self.target, headers: ["Last-Event-ID": last])
            #expect(try await client.receive()?.name == "hello")
        }
        try await comeBack()
        stage.store.apply([LiveStage.event("pay", "/a", Self.now - 2)], partition: 0)
        let update = try #require(try await client.receive())
        #expect(update.name == "update" && update.data.contains(#""service":"pay""#) && !update.data.contains("cart"))
        last = update.id ?? ""
        // Away meanwhile: what changed comes at once, and only that.
        client.socket.finishSending()
        try await eventually("the hub has noticed") { await stage.hub.subscriptionCount == 0 }
        stage.store.apply([LiveStage.event("cart", "/a", Self.now - 1)], partition: 0)
        try await eventually("the batch is in") { await stage.reached(stage.store) }
        try await comeBack()
        let missed = try #require(try await client.receive())
        #expect(missed.name == "update" && missed.data.contains(#""service":"cart""#) && !missed.data.contains("pay"))
        #expect(missed.data.contains("[\((Self.now - 1) * 1000)]"))
        try await stop(stage, server)
    }

    @Test func whoReturnsTooLateOrToAnotherFrontGetsASnapshot() async throws {
        let (stage, server, port) = try await serve()
        let saved = stage.store.saved(partition: 0)
        let client = try await EventStreamClient.connect(port: port, Self.target)
        let last = try #require(try await client.receive("snapshot").id)
        let parts = last.split(separator: "-")
        let forged = [
            "", "7", "x-y-z-v", "0-" + parts[1...].joined(separator: "-"),
            parts[..<3].joined(separator: "-") + "-ffffffff", parts[0] + "-77-" + parts[2] + "-" + parts[3],
        ]
        for id in forged {
            let other = try await EventStreamClient.connect(port: port, Self.target, headers: ["Last-Event-ID": id])
            #expect(try await other.receive()?.name == "hello")
            #expect(try await other.receive()?.name == "snapshot", "\(id)")
        }
        // The group was begun anew in between.
        stage.store.apply([LiveStage.event("lost", "/a", Self.now)], partition: 0)
        _ = try await client.receive("update")
        stage.store.restore(saved, partition: 0)
        stage.store.apply([LiveStage.event("cart", "/a", Self.now)], partition: 0)
        _ = try await client.receive("snapshot")
        let other = try await EventStreamClient.connect(port: port, Self.target, headers: ["Last-Event-ID": last])
        #expect(try await other.receive()?.name == "hello")
        let snapshot = try #require(try await other.receive())
        #expect(snapshot.name == "snapshot" && !snapshot.data.contains("lost"))
        try await stop(stage, server)
    }

    @Test func badParametersAreNamed() async throws {
        let (stage, server, port) = try await serve()
        let http = HTTPClient(port: port)
        for (query, hint) in [
            ("", "metric is missing"), ("metric=none", "none"), ("metric=requests&agg=p99", "p99"),
            ("metric=requests&by=user", "user"), ("metric=requests&label.user=a", "user"),
            ("metric=requests&window=long", "window"), ("metric=requests&every=1ms", "every"),
            ("metric=requests&limit=0", "limit"), ("metric=requests&colour=red", "colour"),
            ("metric=requests&metric=latency", "twice"), ("metric=requests&to=-5m", "to: a live window ends now"),
            ("metric=requests&from=2026-11-23T10:00:00Z", "from: a live window moves"),
            ("metric=requests&from=-5m&window=5m", "give one of them"),
        ] {
            let answer = try await http.get("/api/v1/live/sse?\(query)")
            #expect(answer.status == 400 && answer.text.contains(hint), "\(query): \(answer.text)")
        }
        for query in ["metric=requests&from=-60s&to=now", "metric=requests&label.service=cart,pay&limit=5"] {
            let client = try await EventStreamClient.connect(port: port, "/api/v1/live/sse?\(query)")
            #expect(try await client.receive("snapshot").data.contains(#""metric":"requests""#), "\(query)")
        }
        #expect(try await http.send("HEAD", Self.target).status == 200)
        try await stop(stage, server)
    }

    @Test func aQuietStreamSaysThatItLives() async throws {
        let (stage, server, port) = try await serve()
        let client = try await EventStreamClient.connect(port: port, Self.target)
        _ = try await client.receive("snapshot")
        try await stage.advance(ms: 16_000)
        #expect(try await client.receiveChunk())
        stage.store.apply([LiveStage.event("cart", "/a", Self.now)], partition: 0)
        _ = try await client.receive("update")
        #expect(client.comments == 1)
        try await stop(stage, server)
    }

    @Test func whoComesBeforeTheDefinitionsWaits() async throws {
        let stage = try LiveStage(isStoreDown: true)
        let (server, port) = try await listen(stage)
        let waiting = Task { try await EventStreamClient.connect(port: port, Self.target) }
        try await eventually("it waits") { await stage.hub.heldStreamCount == 1 }
        stage.store.setDown(false)
        _ = try await waiting.value.receive("snapshot")
        try await stop(stage, server)
    }

    @Test func equalStreamsShareOneSubscription() async throws {
        let (stage, server, port) = try await serve()
        var clients: [EventStreamClient] = []
        for _ in 0..<10 { clients.append(try await EventStreamClient.connect(port: port, Self.target)) }
        var seen: Set<StreamEvent> = []
        for client in clients { _ = try await client.receive("snapshot") }
        #expect(await stage.hub.subscriptionCount == 1)
        stage.store.apply([LiveStage.event("cart", "/a", Self.now)], partition: 0)
        for client in clients { seen.insert(try await client.receive("update")) }
        #expect(seen.count == 1)
        clients = []
        try await eventually("all are gone") { await stage.hub.subscriptionCount == 0 }
        try await stop(stage, server)
    }
}

extension LiveHub {
    fileprivate var heldStreamCount: Int { heldStreams.count }
}
