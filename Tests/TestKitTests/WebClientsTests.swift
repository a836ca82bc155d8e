import TestKit
import Testing

/// A listener that sends one prepared answer to the first who connects; `socat` in three lines of Python.
private func server(answering bytes: String, closing: Bool = false) async throws -> (process: ChildProcess, port: Int) {
    let port = try FreePort.next()
    let script = """
        import socket
        l = socket.create_server(('127.0.0.1', \(port))); print('listening', flush=True)
        c, _ = l.accept(); print(repr(c.recv(65536)), flush=True)
        c.sendall(\(bytes)); \(closing ? "c.close()" : "c.recv(65536)")
        """
    let process = try ChildProcess("python3", ["-c", script])
    _ = try await process.output.line(containing: "listening")
    return (process, port)
}

@Suite("Web clients for tests", .tags(.integration), .timeLimit(.minutes(1)))
struct WebClientsTests {
    @Test func readsAnAnswerInChunks() async throws {
        let (process, port) = try await server(
            answering:
                #"b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A:  b \r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n'"#
        )
        let answer = try await HTTPClient(port: port).post("/x", "{}")
        #expect(answer.status == 200)
        #expect(answer["x-a"] == "b")
        #expect(answer.text == "abcde")
        let request = try await process.output.line(containing: "POST")
        #expect(request.contains(#"POST /x HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: application/x-ndjson"#))
    }

    @Test func readsUntilTheEndWithoutALength() async throws {
        let (process, port) = try await server(
            answering: #"b'HTTP/1.1 500 No\r\n\r\nbroken'"#, closing: true)
        _ = process
        let answer = try await HTTPClient(port: port).get("/")
        #expect(answer.status == 500)
        #expect(answer.text == "broken")
    }

    @Test func joinsFragmentsAndReadsTheCloseCode() async throws {
        let accept =
            #"b'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'"#
        let frames = #"b'\x01\x03abc\x89\x01p\x80\x02de\x88\x02\x03\xf5'"#
        let (process, port) = try await server(answering: "\(accept) + \(frames)")
        _ = process
        let client = try await WebSocketClient.connect(port: port)
        #expect(try await client.receive() == "abcde")
        #expect(try await client.receiveClose() == 1013)
    }

    @Test func aFrameIsMaskedAndItsLengthFits() {
        #expect(
            WebSocketFrame(.text, Array("Hello".utf8)).encoded(isMasked: true)
                == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
        let long = WebSocketFrame(.binary, [UInt8](repeating: 1, count: 70000)).encoded(isMasked: false)
        #expect(Array(long.prefix(10)) == [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70])
    }
}
