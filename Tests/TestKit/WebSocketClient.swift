/// One WebSocket frame as it came over the wire.
package struct WebSocketFrame: Sendable, Hashable {
    package enum Opcode: UInt8, Sendable {
        case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10
    }

    package var isFinal = true
    /// RSV1: the message is compressed.
    package var isCompressed = false
    package var opcode: Opcode
    package var payload: [UInt8]

    package init(_ opcode: Opcode, _ payload: [UInt8] = [], isFinal: Bool = true, isCompressed: Bool = false) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
        self.isCompressed = isCompressed
    }

    package var text: String { String(decoding: payload, as: UTF8.self) }

    /// The status of a close frame.
    package var closeCode: Int? {
        opcode == .close && payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil
    }
}

/// A WebSocket client for tests.
///
/// One task may receive while another sends.
package final class WebSocketClient: Sendable {
    /// The answer that accepted the connection.
    package let handshake: HTTPResponse
    /// The connection, for bytes that no well-behaved client would send.
    package let socket: TestSocket

    /// The RFC's own example, so that the answer to it is known.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    private init(_ socket: TestSocket, handshake: HTTPResponse) {
        self.socket = socket
        self.handshake = handshake
    }

    /// Opens a connection.
    ///
    /// - Parameters:
    ///   - port: on loopback.
    ///   - path: the request's target.
    ///   - headers: further headers, such as `Origin`, `Authorization` or `Sec-WebSocket-Protocol`.
    ///   - receiveBufferBytes: the kernel's buffer for what is not read yet; small for a slow client.
    ///   - deadline: how long the handshake may take.
    /// - Returns: an open connection.
    /// - Throws: `TestKitError` if the server does not answer with a proper 101.
    package static func connect(
        port: Int, path: String = "/api/v1/live", headers: [String: String] = [:], receiveBufferBytes: Int? = nil,
        within deadline: Duration = .seconds(10)
    ) async throws -> WebSocketClient {
        try await offThread {
            let end = ContinuousClock.now + deadline
            let socket = try TestSocket(to: .loopback(port), receiveBufferBytes: receiveBufferBytes)
            var head =
                "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            try socket.write(Array("\(head)\r\n".utf8), until: end)
            let answer = try socket.readResponse(toHead: false, until: end).response
            guard answer.status == 101, answer["Sec-WebSocket-Accept"] == accept else {
                throw TestKitError("not accepted: \(answer.status) \(answer.headers) \(answer.text)")
            }
            return WebSocketClient(socket, handshake: answer)
        }
    }

    /// Sends a text message in one frame.
    package func send(_ text: String) async throws { try await send(WebSocketFrame(.text, Array(text.utf8))) }

    /// Sends one frame as it is, proper or not.
    ///
    /// - Parameters:
    ///   - frame: what to send.
    ///   - isMasked: what RFC 6455 demands of a client.
    /// - Throws: `TestKitError` if the connection broke.
    package func send(_ frame: WebSocketFrame, isMasked: Bool = true) async throws {
        try await socket.send(frame.encoded(isMasked: isMasked))
    }

    /// Waits for the next frame of any kind; answers nothing.
    package func receiveFrame(within deadline: Duration = .seconds(10)) async throws -> WebSocketFrame {
        try await offThread { [self] in try readFrame(until: .now + deadline) }
    }

    /// Waits for the next text message, answering pings on the way.
    ///
    /// - Throws: `TestKitError` at a close frame, naming its code, and at anything else that is no text.
    package func receive(within deadline: Duration = .seconds(10)) async throws -> String {
        try await offThread { [self] in
            let end = ContinuousClock.now + deadline
            var message: [UInt8] = []
            while true {
                let frame = try readFrame(until: end)
                switch frame.opcode {
                case .ping: try socket.write(WebSocketFrame(.pong, frame.payload).encoded(isMasked: true), until: end)
                case .pong: continue
                case .text, .continuation:
                    message += frame.payload
                    if frame.isFinal { return String(decoding: message, as: UTF8.self) }
                case .close, .binary:
                    throw TestKitError("no text but \(frame.opcode) \(frame.closeCode.map { "\($0)" } ?? "")")
                }
            }
        }
    }

    /// Waits for the first text message that satisfies `condition`; those before are passed over.
    package func receive(
        within deadline: Duration = .seconds(10), where condition: (String) throws -> Bool
    ) async throws -> String {
        let end = ContinuousClock.now + deadline
        while true {
            let text = try await receive(within: end - .now)
            if try condition(text) { return text }
        }
    }

    /// Waits for the server's close frame and returns its code; messages before it are passed over.
    package func receiveClose(within deadline: Duration = .seconds(10)) async throws -> Int? {
        try await offThread { [self] in
            let end = ContinuousClock.now + deadline
            while true {
                let frame = try readFrame(until: end)
                if frame.opcode == .close { return frame.closeCode }
            }
        }
    }

    /// Sends a close frame and waits for the server's; returns the server's code.
    @discardableResult
    package func close(_ code: Int = 1000, within deadline: Duration = .seconds(10)) async throws -> Int? {
        try await send(WebSocketFrame(.close, [UInt8(code >> 8 & 0xff), UInt8(code & 0xff)]))
        return try await receiveClose(within: deadline)
    }

    private func readFrame(until end: ContinuousClock.Instant) throws -> WebSocketFrame {
        let head = try socket.read(count: 2, until: end)
        guard head[0] & 0x30 == 0, let opcode = WebSocketFrame.Opcode(rawValue: head[0] & 0x0f) else {
            throw TestKitError("reserved bits or opcode: \(head[0])")
        }
        guard head[1] & 0x80 == 0 else { throw TestKitError("a server must not mask its frames") }
        var count = Int(head[1])
        if count >= 126 {
            let bytes = try socket.read(count: count == 126 ? 2 : 8, until: end)
            count = bytes.reduce(0) { $0 << 8 | Int($1) }
        }
        let payload = try socket.read(count: count, until: end)
        return WebSocketFrame(opcode, payload, isFinal: head[0] & 0x80 != 0, isCompressed: head[0] & 0x40 != 0)
    }
}

extension WebSocketFrame {
    /// The frame's bytes.
    package func encoded(isMasked: Bool) -> [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue]
        let mask: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ..<126: bytes.append(mask | UInt8(payload.count))
        case ..<65536: bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default: bytes += [mask | 127] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xff) }
        }
        guard isMasked else { return bytes + payload }
        let key: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]
        bytes += key
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
        return bytes
    }
}
