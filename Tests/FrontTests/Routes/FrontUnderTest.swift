import Analytics
import Dashboard
import Reactor
import Service
import TestKit
import WebServer
import Wire

@testable import Front

/// A front with a real server on a loop of its own, over tiers and a log in memory.
final class FrontUnderTest: Sendable {
    static let nowMs: Int64 = 1_795_428_123_456

    let loop: EventLoop
    let log = TwinLog()
    let tiers: TwinTiers
    let books = TwinBooks()
    let refused = TwinRefused()
    let boards = TwinBoards()
    let stores = TwinStatus()
    let redisBreaker = CircuitBreaker(store: "redis", executor: nil)
    let postgresBreaker = CircuitBreaker(store: "postgres", executor: nil)
    private let asking: Task<Void, any Error>
    let client: HTTPClient
    let registry = MetricsRegistry()
    let routes: [String]
    private let server: HTTPServer
    private let running: Task<Void, any Error>

    init(tokens: String? = nil, maxWaitingBytes: Int = 64 << 20, reasons: [String] = []) async throws {
        let loop = try EventLoop.start(name: "front")
        let nowMs = Self.nowMs
        let state = PartitionState(
            cursor: .zero, watermarkMs: 0, horizonSecond: nowMs / 1_000 - 1_200, newestMs: nowMs, nowMs: nowMs,
            definitionsVersion: 1)
        tiers = TwinTiers(Definitions(version: 1, metrics: [.events, TwinTiers.metric]), states: [state])
        let queue = IngestQueue(executor: loop, log: log, maxWaitingBytes: maxWaitingBytes)
        let engine = QueryEngine(
            executor: loop, recent: tiers, history: tiers, metrics: FrontMetrics(registry))
        var parts = FrontRoutes.Parts(
            engine: engine, queue: queue, memory: nil, pages: DashboardFiles(),
            tokens: try tokens.map { try Tokens(reading: Array($0.utf8)) } ?? Tokens(), registry: registry,
            live: { _, responder in responder.respond(HTTPResponse(.ok, text: "live")) }, unreadyReasons: { reasons })
        parts.liveStream = { _, responder in responder.respond(HTTPResponse(.ok, text: "live")) }
        parts.time = TimeSource(wallMs: { nowMs }, monotonicNs: TimeSource.system.monotonicNs)
        parts.audit = AuditReader(books: books, history: books)
        parts.refused = RefusedDesk(store: refused)
        parts.boards = BoardShelf(
            store: boards, configured: [Board(name: "fixed", title: "From the file", panels: [.init(metric: "events")])]
        )
        let board = StatusBoard(
            version: "1.2.3", recent: stores, history: stores, redisBreaker: redisBreaker,
            postgresBreaker: postgresBreaker, time: parts.time)
        parts.status = board
        let routes = FrontRoutes(parts)
        self.routes = routes.routes
        let server = HTTPServer(loop: loop, handler: routes)
        guard case .tcp(_, let port) = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0)) else {
            throw TestKitError("not a TCP address")
        }
        self.loop = loop
        self.server = server
        client = HTTPClient(port: Int(port))
        running = loop.spawn { await queue.run() }
        asking = loop.spawn { await board.run() }
    }

    deinit {
        running.cancel()
        asking.cancel()
        loop.stop()
    }

    /// Adds an event to what the tiers hold.
    func hold(_ service: String, _ endpoint: String, secondsAgo: Int64, _ value: Double) {
        let labels = LabelSet([.init(name: "service", value: service), .init(name: "endpoint", value: endpoint)])
        tiers.change {
            $0.events.append(
                .init(partition: 0, labels: labels, atMs: Self.nowMs - secondsAgo * 1_000, value: value))
        }
    }
}
