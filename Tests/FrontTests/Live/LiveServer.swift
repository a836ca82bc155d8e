import Analytics
import Reactor
import TestKit
import WebServer

@testable import Front

/// A hub over a twin of the store, behind a real server, real sockets and the loop's real timer.
final class LiveServer {
    let store = TwinStore(definitions: LiveStage.definitions)
    let hub: LiveHub
    let port: Int
    private let loop: EventLoop
    private let server: HTTPServer
    private let running: Task<Void, any Error>

    init() async throws {
        let loop = try EventLoop.start(name: "live-server")
        self.loop = loop
        let hub = LiveHub(
            executor: loop, store: store, history: store,
            makeAlarm: { [unowned loop] body in loop.schedule(after: .seconds(1), body) })
        self.hub = hub
        running = loop.spawn { await hub.run() }
        var router = Router()
        router.get("/api/v1/live") { _, responder in hub.serve(responder) }
        router.get("/api/v1/live/sse") { hub.serveStream($0, $1) }
        server = HTTPServer(loop: loop, handler: router)
        port = try await server.listenOnLoopback()
    }

    /// Ends the hub, which closes its clients.
    func stopHub() { running.cancel() }

    /// Ends all that is left.
    func stop() async throws {
        running.cancel()
        try await running.value
        await server.shutdown(within: .seconds(1))
        loop.stop()
    }
}

extension HTTPServer {
    /// Listens on a free port of 127.0.0.1; returns it.
    func listenOnLoopback() async throws -> Int {
        guard case .tcp(_, let port) = try await listen(on: .tcp(host: "127.0.0.1", port: 0)) else {
            throw TestKitError("no port")
        }
        return Int(port)
    }
}
