import Deflate
import Synchronization
import TestKit
import Testing
import WebServer
import Wire

private typealias Client = TestKit.WebSocketClient
private typealias Frame = TestKit.WebSocketFrame

/// Counts what the server compresses.
private final class Compressions: HTTPServerObserver {
    let count = Atomic<Int>(0)

    func connectionOpened() {}
    func connectionClosed() {}
    func webSocketOpened() {}
    func webSocketClosed() {}
    func webSocketCompressed(fromBytes: Int, toBytes: Int) { count.add(1, ordering: .relaxed) }
    func answered(_ status: HTTPStatus, seconds: Double) {}
}

@Suite("WebSocket compression", .timeLimit(.minutes(1))) struct WebSocketCompressionTests {
    private let compressions = Compressions()
    private static let message = Array(
        String(repeating: #"{"service":"checkout","t":1795428000000,"p99":212.4},"#, count: 30).utf8)

    /// Sends back what it gets.
    private func server(compresses: Bool = true) async throws -> ServerUnderTest {
        let sink = sink
        return try await ServerUnderTest(
            Handle { _, responder in
                let session = responder.upgrade { message, session in
                    switch message {
                    case .text(let bytes): session.send(messages: [SharedMessage(text: bytes)])
                    case .binary(let bytes): session.send(messages: [SharedMessage(binary: bytes)])
                    }
                } onClose: { _, _ in
                }
                if let session { sink.sessions.withLock { $0.append(session) } }
            }, configure: { $0.webSocket.compresses = compresses }, observer: compressions)
    }

    private final class Sink: Sendable { let sessions = Mutex<[WebSocketSession]>([]) }
    private let sink = Sink()

    private func connect(_ server: ServerUnderTest, _ offer: String? = "permessage-deflate") async throws -> Client {
        try await Client.connect(
            port: server.port, headers: offer.map { ["Sec-WebSocket-Extensions": $0] } ?? [:])
    }

    private func inflated(_ frame: Frame) throws -> [UInt8] {
        #expect(frame.isCompressed)
        return try MessageInflater().inflate(frame.payload, maxBytes: 1 << 20)
    }

    @Test func aSharedMessageIsCompressedOnceForAllWhoAgreed() async throws {
        let server = try await server()
        var compressed: [Client] = []
        for _ in 0..<20 { compressed.append(try await connect(server)) }
        let small = try await connect(server, "permessage-deflate; server_max_window_bits=9")
        let plain = try await connect(server, nil)
        #expect(small.handshake["Sec-WebSocket-Extensions"]?.contains("server_max_window_bits=9") == true)
        #expect(plain.handshake["Sec-WebSocket-Extensions"] == nil)
        let all = sink.sessions.withLock { $0 }
        #expect(all.count == 22)
        let message = SharedMessage(text: Self.message)
        var random = SplitMix64(Seed(value: 1))
        let noise = SharedMessage(binary: (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) })
        for session in all {
            for each in [message, SharedMessage(text: Array("short".utf8)), noise] { session.send(messages: [each]) }
        }
        var first: Frame?
        for client in compressed {
            let frame = try await client.receiveFrame()
            #expect(try inflated(frame) == Self.message)
            #expect(frame.payload.count < Self.message.count / 5)
            #expect(frame == first ?? frame)
            first = frame
            #expect(try await client.receiveFrame() == Frame(.text, Array("short".utf8)))
            #expect(try await client.receiveFrame() == Frame(.binary, noise.payload))
        }
        #expect(try inflated(await small.receiveFrame()) == Self.message)
        #expect(try await plain.receiveFrame() == Frame(.text, Self.message))
        // Two windows, two messages that are long enough; what did not get smaller was sent as it is.
        #expect(compressions.count.load(ordering: .relaxed) == 4)
    }

    @Test func whatGoesOutTogetherIsCompressedTogetherOnceForAll() async throws {
        let server = try await server()
        var clients: [Client] = []
        for _ in 0..<5 { clients.append(try await connect(server)) }
        // These cannot be sent what refers to another message, or is compressed at all.
        let forgetful = try await connect(server, "permessage-deflate; server_no_context_takeover")
        let plain = try await connect(server, nil)
        let all = sink.sessions.withLock { $0 }
        let inflaters = clients.map { _ in MessageInflater() }
        var random = SplitMix64(Seed(value: 2))
        for round in 0..<3 {
            let texts = (0..<8).map { number in
                Array("\(String(decoding: Self.message[..<200], as: UTF8.self))\(number) \(round)".utf8)
            }
            let noise = (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }
            let messages = texts.map { SharedMessage(text: $0) } + [SharedMessage(binary: noise)]
            let before = compressions.count.load(ordering: .relaxed)
            for session in all { session.send(messages: messages) }
            for (client, inflater) in zip(clients, inflaters) {
                for (index, payload) in (texts + [noise]).enumerated() {
                    let frame = try await client.receiveFrame()
                    #expect(frame.isCompressed && (index == 0 || index == 8 || frame.payload.count < 20))
                    #expect(try inflater.inflate(frame.payload, maxBytes: 1 << 20, continues: true) == payload)
                }
            }
            for text in texts { #expect(try inflated(await forgetful.receiveFrame()) == text) }
            #expect(try await forgetful.receiveFrame() == Frame(.binary, noise))
            for text in texts { #expect(try await plain.receiveFrame() == Frame(.text, text)) }
            #expect(try await plain.receiveFrame() == Frame(.binary, noise))
            // Once for the five, and each message once for the forgetful one.
            #expect(compressions.count.load(ordering: .relaxed) - before == 1 + 9)
        }
    }

    @Test func compressedMessagesComeInWholeAndInPieces() async throws {
        let server = try await server()
        let client = try await connect(server)
        let packed = MessageDeflater(windowBits: 15, level: 9).compress(Self.message)
        try await client.send(Frame(.text, packed, isCompressed: true))
        #expect(try inflated(await client.receiveFrame()) == Self.message)
        try await client.send(Frame(.binary, Array(packed[..<9]), isFinal: false, isCompressed: true))
        try await client.send(Frame(.ping, [1]))
        try await client.send(Frame(.continuation, Array(packed[9...])))
        #expect(try await client.receiveFrame() == Frame(.pong, [1]))
        let answer = try await client.receiveFrame()
        #expect(answer.opcode == .binary)
        #expect(try inflated(answer) == Self.message)
        // Such a client may also send what is not compressed.
        try await client.send("plain")
        #expect(try await client.receiveFrame() == Frame(.text, Array("plain".utf8)))
    }

    @Test func badCompressedMessagesAreClosedWithTheirCode() async throws {
        let server = try await server()
        let deflater = MessageDeflater(windowBits: 15, level: 9)
        let cases: [(payload: [UInt8], opcode: Frame.Opcode, code: Int)] = [
            (deflater.compress([UInt8](repeating: 97, count: 65_537)), .text, 1009),
            (deflater.compress([UInt8](repeating: 0, count: 30_000_000)), .binary, 1009),
            (deflater.compress([0xFF, 0xFE]), .text, 1007), (deflater.compress([0xE2, 0x82]), .text, 1007),
            ([0xFF, 0xFF], .text, 1007), (Array(deflater.compress(Self.message).dropLast(20)), .binary, 1007),
        ]
        for (payload, opcode, code) in cases {
            let client = try await connect(server)
            try await client.send(Frame(opcode, payload, isCompressed: true))
            #expect(try await client.receiveClose() == code)
        }
        let fits = try await connect(server)
        let largest = [UInt8](repeating: 97, count: 65_536)
        try await fits.send(Frame(.text, deflater.compress(largest), isCompressed: true))
        #expect(try inflated(await fits.receiveFrame()) == largest)
    }

    @Test func withoutAnAgreementCompressionIsAViolation() async throws {
        for (compresses, offer) in [(true, nil), (false, "permessage-deflate")] as [(Bool, String?)] {
            let server = try await server(compresses: compresses)
            let client = try await connect(server, offer)
            #expect(client.handshake["Sec-WebSocket-Extensions"] == nil)
            try await client.send(Frame(.text, [0], isCompressed: true))
            #expect(try await client.receiveClose() == 1002)
        }
    }
}
