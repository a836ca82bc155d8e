import Reactor
import Synchronization
import TestKit
import Testing
import WebClient
import WebServer
import Wire

private typealias Client = WebClient.WebSocketClient

/// Collects what a client or a server is told, and waits for it.
private final class Inbox<Item: Sendable>: Sendable {
    private let stream: AsyncStream<Item>
    let put: @Sendable (Item) -> Void

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Item.self)
        self.stream = stream
        put = { continuation.yield($0) }
    }

    func take() async throws -> Item {
        for await item in stream { return item }
        throw TestKitError("the stream has ended")
    }
}

@Suite("WebSocket server", .timeLimit(.minutes(1))) struct WebSocketServerTests {
    private let sessions = Inbox<WebSocketSession>()
    private let closes = Inbox<String>()

    private func server() async throws -> ServerUnderTest {
        let (sessions, closes) = (sessions, closes)
        return try await ServerUnderTest { request, responder in
            let session = responder.upgrade(protocols: ["weir.v1"]) { message, session in
                switch message {
                case .text(let bytes): session.send(text: bytes)
                case .binary: session.close(.unsupportedData, "text only")
                }
            } onClose: { code, reason in
                closes.put("\(code) \(reason)")
            }
            if let session { sessions.put(session) }
        }
    }

    private func connect(_ server: ServerUnderTest, _ inbox: Inbox<Client.Event>) async throws -> Client {
        var fields = HTTPFieldList()
        fields.append("Sec-WebSocket-Protocol", "weir.v1")
        let endpoint = HTTPEndpoint(.tcp(host: "127.0.0.1", port: UInt16(server.port)))
        return try await server.loop.run { [fields] in
            try await Client.connect(
                to: endpoint, target: "/live", fields: fields, loop: server.loop, onEvent: inbox.put)
        }
    }

    @Test func messagesGoBothWays() async throws {
        let server = try await server()
        let inbox = Inbox<Client.Event>()
        let client = try await connect(server, inbox)
        #expect(await client.subprotocol == "weir.v1")
        await client.send(text: "hällo")
        #expect(try await inbox.take() == .text(Array("hällo".utf8)))
        await client.send(fragment: Array("hä".utf8.dropLast()), .text, final: false)
        await client.ping()
        await client.send(fragment: [0xA4], .continuation, final: true)
        #expect(try await inbox.take() == .pong)
        #expect(try await inbox.take() == .text(Array("hä".utf8)))
        await client.close(.normal, "bye")
        #expect(try await inbox.take() == .closed(.normal, reason: ""))
        #expect(try await closes.take() == "1000 bye")
    }

    @Test func framesRightBehindTheRequestAreNotLost() async throws {
        let server = try await server()
        let socket = try server.connect()
        let request =
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        try await socket.send(Array(request.utf8) + WebSocketFrame.encode(.text, [97], mask: 5))
        let head = try await socket.receiveHead()
        #expect(head.first == "HTTP/1.1 101 Switching Protocols")
        #expect(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        #expect(!head.contains { $0.hasPrefix("Content-Length") || $0.hasPrefix("Connection: close") })
        #expect(try await socket.receive(count: 3) == [0x81, 1, 97])
    }

    @Test func brokenFramesAreClosedWithTheirCode() async throws {
        let server = try await server()
        for (bytes, code) in [
            (WebSocketFrame.encode(.text, [UInt8](repeating: 97, count: 65_537), mask: 1), 1009),
            (WebSocketFrame.encode(.text, [0xFF], mask: 1), 1007), (WebSocketFrame.encode(.text, [97]), 1002),
            (WebSocketFrame.encode(.binary, [1], mask: 1), 1003),
        ] as [([UInt8], UInt16)] {
            let socket = try server.connect()
            try await socket.send(
                "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            _ = try await socket.receiveHead()
            try await socket.send(bytes)
            let frame = try await socket.receive(count: 4)
            #expect(frame[0] == 0x88 && UInt16(frame[2]) << 8 | UInt16(frame[3]) == code)
            socket.finishSending()
            _ = try await socket.receiveToEnd()
            _ = try await closes.take()
        }
    }

    @Test func ordinaryRequestsAreToldToUpgrade() async throws {
        let server = try await server()
        let answer = try await server.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 426 Upgrade Required") && answer.contains("\r\nUpgrade: websocket\r\n"))
    }

    @Test func clientsArePingedAndSilentOnesClosed() async throws {
        let server = try await server()
        let inbox = Inbox<Client.Event>()
        let client = try await connect(server, inbox)
        _ = try await sessions.take()
        for _ in 0..<4 {
            await server.advance(by: .seconds(16))
            #expect(try await inbox.take() == .ping)
            // Its pong has been heard once another message is answered.
            await client.send(text: "x")
            #expect(try await inbox.take() == .text([120]))
        }
        let silent = try server.connect()
        try await silent.send(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        _ = try await sessions.take()
        await server.advance(by: .seconds(30))
        await client.send(text: "x")
        #expect(try await inbox.take() == .ping)
        #expect(try await inbox.take() == .text([120]))
        await server.advance(by: .seconds(16))
        #expect(try await closes.take() == "1006 ")
        #expect(await server.server.connectionCount == 1)
        await client.close()
    }

    @Test func aSharedFrameReachesAllInOrderAndASlowReadersBacklogIsSeen() async throws {
        let server = try await server()
        let slow = Inbox<Client.Event>()
        let quick = Inbox<Client.Event>()
        let slowClient = try await connect(server, slow)
        let slowSession = try await sessions.take()
        let quickClient = try await connect(server, quick)
        let quickSession = try await sessions.take()
        await slowClient.pauseReading()
        let payloads = (0..<400).map { [UInt8](repeating: UInt8($0 % 256), count: 40_000) }
        var sent = 0
        for payload in payloads {
            let frame = WebSocketFrame.encode(.binary, payload)
            sent += frame.count
            slowSession.send(frame: frame)
            quickSession.send(frame: frame)
            #expect(try await quick.take() == .binary(payload))
        }
        let pending = try await server.loop.run { slowSession.pendingBytes }
        // The rest is what two kernel buffers hold.
        #expect(pending > sent / 2)
        await slowClient.resumeReading()
        for payload in payloads { #expect(try await slow.take() == .binary(payload)) }
        #expect(try await server.loop.run { slowSession.pendingBytes } == 0)
        await slowClient.pauseReading()
        for payload in payloads { slowSession.send(frame: WebSocketFrame.encode(.binary, payload)) }
        slowSession.abort(.tryAgainLater, "too slow")
        #expect(try await closes.take() == "1013 too slow")
        await quickClient.close()
        await slowClient.cut()
    }

    @Test func shutdownSays1001() async throws {
        let server = try await server()
        let inbox = Inbox<Client.Event>()
        let client = try await connect(server, inbox)
        _ = try await sessions.take()
        await server.server.shutdown(within: .seconds(20))
        #expect(try await inbox.take() == .closed(.goingAway, reason: "the server is stopping"))
        #expect(try await closes.take() == "1001 ")
        await client.cut()
    }
}
