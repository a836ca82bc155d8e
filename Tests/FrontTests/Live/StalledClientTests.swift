import Analytics
import Foundation
import Reactor
import Synchronization
import TestKit
import Testing
import WebServer

@testable import Front

/// A client that stops reading, over real sockets.
@Suite("Stalled client", .timeLimit(.minutes(1))) struct StalledClientTests {
    private static let subscribe =
        #"{"type":"subscribe","id":"q","metric":"requests","agg":["count"],"by":["service"],"window":"1m","#
        + #""step":"10s","every":"20ms","limit":500}"#

    /// The counts of a message by service; each here holds all of the picture, since every batch touches every service.
    private static func counts(_ text: String) throws -> [String: Int] {
        let message = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        var counts: [String: Int] = [:]
        for one in message?["series"] as? [[String: Any]] ?? [] {
            let name = (one["labels"] as? [String: String])?["service"] ?? ""
            counts[name] = (one["count"] as? [NSNumber] ?? []).reduce(0) { $0 + $1.intValue }
        }
        return counts
    }

    /// Reads on until everything that was sent is shown; the counts then, and the bytes it took.
    private static func catchUp(
        _ sent: Int, _ receive: () async throws -> String
    ) async throws -> (counts: [String: Int], bytes: Int) {
        var bytes = 0
        while true {
            let text = try await receive()
            bytes += text.utf8.count
            let counts = try counts(text)
            if counts.values.reduce(0, +) == sent { return (counts, bytes) }
        }
    }

    @Test func costsLessThanAMegabyteAndTheOthersNoticeNothing() async throws {
        let live = try await LiveServer()
        let (hub, store, port) = (live.hub, live.store, live.port)
        try await eventually("memory") { await hub.isCurrent }
        let reader = try await WebSocketClient.connect(port: port)
        let stalled = try await WebSocketClient.connect(port: port, receiveBufferBytes: 32_768)
        for client in [reader, stalled] { try await client.send(Self.subscribe) }
        let stream = try await EventStreamClient.connect(
            port: port,
            "/api/v1/live/sse?metric=requests&agg=count&by=service&window=1m&step=10s&every=20ms&limit=500",
            receiveBufferBytes: 32_768)
        let second = Int64(Date().timeIntervalSince1970)
        // Long names make many bytes of few events.
        let services = (0..<100).map { "service-\($0)-" + String(repeating: "x", count: 400) }
        var rounds = 0
        var bytes = 0
        var worst = 0
        // Its greeting and the empty snapshot.
        for _ in 0..<2 { _ = try await reader.receive() }
        while bytes < 2 << 20 {
            store.apply(services.map { LiveStage.event($0, "/a", second, 7) }, partition: 0)
            rounds += 1
            bytes += try await reader.receive().utf8.count
            worst = max(worst, await hub.largestBacklog)
        }
        #expect(worst > 64 << 10, "two do not read: the kernel cannot hold all of it")
        #expect(worst < 1 << 20)
        // They come back to the newest state, not to all that was.
        let all = Dictionary(uniqueKeysWithValues: services.map { ($0, rounds) })
        let late = try await Self.catchUp(rounds * services.count) { try await stalled.receive() }
        #expect(late.counts == all && late.bytes < bytes / 2)
        let streamed = try await Self.catchUp(rounds * services.count) {
            try #require(try await stream.receive()).data
        }
        #expect(streamed.counts == all && streamed.bytes < bytes / 2)
        try await live.stop()
    }
}

extension LiveHub {
    /// Of all clients, the most bytes that wait.
    fileprivate var largestBacklog: Int { clients.values.map(\.pendingBytes).max() ?? 0 }
}
