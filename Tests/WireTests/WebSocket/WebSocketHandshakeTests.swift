import Testing

@testable import Wire

@Suite("WebSocket handshake") struct WebSocketHandshakeTests {
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "a", count: 1_000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ])
    func sha1MatchesItsVectors(message: String, digest: String) {
        let hex = SHA1.digest(Array(message.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ])
    func base64MatchesItsVectors(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decodedCount(encoded) == text.utf8.count)
    }

    private func request(_ fields: String, line: String = "GET /live HTTP/1.1") throws -> HTTPRequestHead {
        try HTTPRequestHead(parsing: Array("\(line)\r\nHost: a\r\n\(fields)\r\n".utf8), limits: HTTPLimits())
    }

    private static let good =
        "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    @Test func theExampleOfTheRFCIsAccepted() throws {
        let head = try request(
            Self.good + "Sec-WebSocket-Protocol: chat, weir.v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n")
        let answer = try WebSocketHandshake.answer(head, protocols: ["weir.v1"])
        #expect(answer.subprotocol == "weir.v1")
        #expect(
            String(decoding: answer.fields.bytes, as: UTF8.self)
                == "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                + "Sec-WebSocket-Protocol: weir.v1\r\nSec-WebSocket-Extensions: permessage-deflate; "
                + "client_no_context_takeover\r\n")
        #expect(answer.compression?.serverWindowBits == 15)
        #expect(try WebSocketHandshake.answer(head, protocols: [], compresses: false).compression == nil)
        #expect(try WebSocketHandshake.answer(request(Self.good), protocols: ["weir.v1"]).subprotocol == nil)
    }

    @Test(arguments: [
        ("Connection: Upgrade\r\n", "Connection: close\r\n", 426), ("Upgrade: WebSocket\r\n", "", 426),
        ("Version: 13", "Version: 8", 426), ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
    ])
    func brokenHandshakesAreRefused(part: String, replacement: String, code: Int) throws {
        let plain = Self.good.replacing("keep-alive, ", with: "")
        let head = try request(plain.replacing(part, with: replacement))
        let error = #expect(throws: HTTPParseError.self) { try WebSocketHandshake.answer(head, protocols: []) }
        #expect(error?.status.code == code)
    }
}
