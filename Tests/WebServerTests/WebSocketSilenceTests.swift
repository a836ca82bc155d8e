import Reactor
import Synchronization
import TestKit
import Testing
import WebServer
import Wire

/// A client that has read its handshake and nothing since, while megabytes wait for it.
private final class StalledClient: Sendable {
    let server: ServerUnderTest
    let socket: TestSocket
    private let session: WebSocketSession
    private let seen: Seen

    private final class Seen: Sendable {
        let session = Mutex<WebSocketSession?>(nil)
        let messages = Atomic<Int>(0)
        let isClosed = Atomic<Bool>(false)
    }

    init() async throws {
        let seen = Seen()
        self.seen = seen
        server = try await ServerUnderTest { _, responder in
            let opened = responder.upgrade { _, _ in
                seen.messages.add(1, ordering: .relaxed)
            } onClose: { _, _ in
                seen.isClosed.store(true, ordering: .relaxed)
            }
            seen.session.withLock { $0 = opened }
        }
        socket = try server.connect(receiveBufferBytes: 16_384)
        try await socket.send(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        _ = try await socket.receiveHead()
        session = try #require(seen.session.withLock { $0 })
        for _ in 0..<50 { session.send(binary: [UInt8](repeating: 1, count: 40_000)) }
        let first = try await pendingBytes()
        try #require(first > 1_000_000)
        // What the kernel's buffers took is noted as taken here.
        await server.advance(by: .seconds(1))
    }

    var isClosed: Bool { seen.isClosed.load(ordering: .relaxed) }
    var messages: Int { seen.messages.load(ordering: .relaxed) }

    func pendingBytes() async throws -> Int {
        let session = session
        return try await server.loop.run { session.pendingBytes }
    }
}

@Suite("WebSocket silence", .timeLimit(.minutes(1))) struct WebSocketSilenceTests {
    @Test func whoTakesNothingButSpeaksIsKept() async throws {
        let client = try await StalledClient()
        for round in 1...4 {
            await client.server.advance(by: .seconds(40))
            #expect(!client.isClosed)
            try await client.socket.send(WebSocketFrame.encode(.text, [97], mask: 7))
            try await eventually("it is heard") { client.messages == round }
        }
        await client.server.advance(by: .seconds(46))
        #expect(client.isClosed)
    }

    @Test func whoSaysNothingButTakesIsKeptAndPingedOnceNothingWaits() async throws {
        let client = try await StalledClient()
        for _ in 0..<4 {
            let before = try await client.pendingBytes()
            _ = try await client.socket.receive(count: 300_000)
            try await eventually("the kernel takes more") { try await client.pendingBytes() < before }
            await client.server.advance(by: .seconds(40))
            #expect(!client.isClosed)
        }
        let rest = 50 * (40_000 + 4) - 4 * 300_000
        _ = try await client.socket.receive(count: rest)
        try await eventually("nothing waits") { try await client.pendingBytes() == 0 }
        await client.server.advance(by: .seconds(1))
        #expect(try await client.socket.receive(count: 2) == WebSocketFrame.encode(.ping, []))
        await client.server.advance(by: .seconds(46))
        #expect(client.isClosed)
    }

    @Test func whoNeitherTakesNorSpeaksIsCutOff() async throws {
        let client = try await StalledClient()
        await client.server.advance(by: .seconds(44))
        #expect(!client.isClosed)
        await client.server.advance(by: .seconds(2))
        #expect(client.isClosed)
    }
}
