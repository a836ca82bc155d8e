import Reactor
import Service
import Synchronization
import TestKit
import Wire

@testable import WebServer

/// A handler made of a closure.
struct Handle: RequestHandler {
    let body: @Sendable (HTTPRequest, HTTPResponder) -> Void

    func handle(_ request: HTTPRequest, _ responder: HTTPResponder) { body(request, responder) }
}

/// A clock that tests turn.
final class TestTime: Sendable {
    private let offsetNs = Atomic<UInt64>(1_000_000_000_000)

    func advance(by duration: Duration) {
        offsetNs.wrappingAdd(UInt64(duration.components.seconds) * 1_000_000_000, ordering: .relaxed)
    }

    var source: TimeSource {
        TimeSource(wallMs: { 784_111_777_000 }, monotonicNs: { self.offsetNs.load(ordering: .relaxed) })
    }
}

/// A server on a loop of its own, on a free port.
final class ServerUnderTest: Sendable {
    let loop: EventLoop
    let server: HTTPServer
    let port: Int
    let time = TestTime()

    init(
        _ handler: any RequestHandler, configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        observer: (any HTTPServerObserver)? = nil
    ) async throws {
        loop = try EventLoop.start(name: "server")
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        server = HTTPServer(
            loop: loop, configuration: configuration, handler: handler, observer: observer, time: time.source)
        let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
        guard case .tcp(_, let port) = address else { throw TestKitError("not a TCP address: \(address)") }
        self.port = Int(port)
    }

    convenience init(_ body: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void) async throws {
        try await self.init(Handle(body: body))
    }

    deinit { loop.stop() }

    func connect(receiveBufferBytes: Int? = nil) throws -> TestSocket {
        try TestSocket(to: .loopback(port), receiveBufferBytes: receiveBufferBytes)
    }

    /// Sends `text` on a new connection and returns all that comes until the server closes.
    func exchange(_ text: String) async throws -> String {
        let socket = try connect()
        try await socket.send(text)
        return String(decoding: try await socket.receiveToEnd(), as: UTF8.self)
    }

    /// Lets the server's clock jump and its sweep run.
    func advance(by duration: Duration) async {
        time.advance(by: duration)
        await server.tick()
    }
}

extension TestSocket {
    /// Receives through the empty line after a head.
    func receiveHead() async throws -> [String] {
        var lines: [String] = []
        while let line = try await Optional(receiveLine()), !line.isEmpty { lines.append(line) }
        return lines
    }
}
