import Analytics
import Glibc
import Reactor
import TestKit
import Testing
import WebServer

@testable import Front

extension LoopTimer: LiveAlarm {}

/// The route over a real server, real sockets and the loop's real timer.
@Suite("Live route", .timeLimit(.minutes(1))) struct LiveRouteTests {
    @Test func aBrowsersConversation() async throws {
        let live = try await LiveServer()
        let client = try await WebSocketClient.connect(
            port: live.port, headers: ["Sec-WebSocket-Protocol": "weir.v1"])
        #expect(client.handshake["Sec-WebSocket-Protocol"] == "weir.v1")
        #expect(try await client.receive().hasPrefix(#"{"type":"hello","server_time":"#))
        try await client.send(
            #"{"type":"subscribe","id":"q","metric":"latency","agg":["p99","count"],"by":["service"],"every":"20ms"}"#)
        let snapshot = try await client.receive()
        #expect(snapshot.hasPrefix(#"{"type":"snapshot","id":"q","seq":0,"metric":"latency","unit":"ms","from":"#))
        let now = Int64(ContinuousClock.wallMs) / 1000
        for number in 1...50 {
            live.store.apply([LiveStage.event("cart", "/a", now, 12.5)], partition: 0)
            let update = try await client.receive()
            #expect(
                update == #"{"type":"update","id":"q","seq":\#(number),"series":[{"labels":{"service":"cart"},"#
                    + #""t":[\#(now * 1000)],"p99":[12.5],"count":[\#(number)]}]}"#)
        }
        try await client.send(#"{"type":"ping"}"#)
        #expect(try await client.receive() == #"{"type":"pong"}"#)
        #expect(await live.hub.subscriptionCount == 1)
        live.stopHub()
        #expect(try await client.receiveClose() == 1001)
        try await live.stop()
    }

    @Test func textThatIsNoJSONAndBinaryCloseTheConnection() async throws {
        let stage = try LiveStage()
        var router = Router()
        router.get("/api/v1/live") { [hub = stage.hub] _, responder in hub.serve(responder) }
        let server = HTTPServer(loop: stage.loop, handler: router)
        let port = try await server.listenOnLoopback()
        try await eventually("memory") { await stage.hub.isCurrent }
        let first = try await WebSocketClient.connect(port: port)
        try await first.send("{'type':'ping'}")
        #expect(try await first.receiveClose() == 1007)
        let second = try await WebSocketClient.connect(port: port)
        try await second.send(WebSocketFrame(.binary, [1, 2, 3]))
        #expect(try await second.receiveClose() == 1003)
        await server.shutdown(within: .seconds(1))
        try await stage.stop()
    }
}

extension ContinuousClock {
    /// The wall clock, ms since 1970.
    fileprivate static var wallMs: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
