import Glibc
import Reactor
import WebServer
import Wire

/// The web server in a mode that sends every message back, for the Autobahn test suite; not part of the product.
@main struct AutobahnEcho {
    static func main() async throws {
        let loop = try EventLoop.start(name: "echo")
        var configuration = HTTPServerConfiguration()
        // Section 9 sends messages of 16 MiB; the server's own limit is tested elsewhere.
        configuration.webSocket.maxMessageBytes = 32 << 20
        configuration.webSocket.compressFromBytes = 0
        let server = HTTPServer(loop: loop, configuration: configuration, handler: Echo())
        guard case .tcp(let host, let port) = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0)) else {
            return
        }
        print("ws://\(host):\(port)")
        fflush(nil)
        // Whoever started it closes its standard input to end it.
        while readLine() != nil {}
        await server.shutdown(within: .seconds(5))
    }
}

private struct Echo: RequestHandler {
    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        _ = responder.upgrade(
            onMessage: { message, session in
                switch message {
                case .text(let bytes): session.send(text: bytes)
                case .binary(let bytes): session.send(binary: bytes)
                }
            }, onClose: { _, _ in })
    }
}
