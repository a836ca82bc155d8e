package import Dashboard
package import Service
package import WebServer
internal import Wire

/// Every route of a front, wired to its parts.
package struct FrontRoutes: RequestHandler {
    /// The parts that routes call.
    package struct Parts: Sendable {
        package var engine: QueryEngine
        package var queue: IngestQueue
        package var memory: (any MemoryTier)?
        package var pages: DashboardFiles
        package var tokens: Tokens
        package var registry: MetricsRegistry
        package var metrics: FrontMetrics
        /// Answers `GET /api/v1/live`.
        package var live: Router.Handle?
        /// Answers `GET /api/v1/live/sse`.
        package var liveStream: Router.Handle?
        /// Answers `GET /api/v1/audit`.
        package var audit: AuditReader?
        /// Answers what is asked of refused events.
        package var refused: RefusedDesk?
        /// Answers what is asked of boards, and keeps those that are saved.
        package var boards: BoardShelf?
        /// Answers `GET /api/v1/status`.
        package var status: StatusBoard?
        /// Why the front is not ready; empty where it is. Called on the loop.
        package var unreadyReasons: @Sendable () async -> [String]
        /// Events older than this are refused, ms.
        package var lateMs: Int64 = 7 * 86_400_000
        package var time = TimeSource.system

        package init(
            engine: QueryEngine, queue: IngestQueue, memory: (any MemoryTier)?, pages: DashboardFiles, tokens: Tokens,
            registry: MetricsRegistry, live: Router.Handle?, unreadyReasons: @escaping @Sendable () async -> [String]
        ) {
            self.engine = engine
            self.queue = queue
            self.memory = memory
            self.pages = pages
            self.tokens = tokens
            self.registry = registry
            metrics = FrontMetrics(registry)
            self.live = live
            self.unreadyReasons = unreadyReasons
        }
    }

    private let router: Router

    package init(_ parts: Parts) {
        var router = Router()
        let access = AccessControl(tokens: parts.tokens)
        let ingest = IngestRoute(queue: parts.queue, lateMs: parts.lateMs, time: parts.time, metrics: parts.metrics)
        let queries = QueryRoutes(
            engine: parts.engine, lateMs: parts.lateMs, time: parts.time, metrics: parts.metrics)
        router.post("/api/v1/events", access.requiring(.ingest, ingest.handle))
        router.get("/api/v1/query", access.requiring(.read, queries.query))
        router.get("/api/v1/top", access.requiring(.read, queries.top))
        router.get("/api/metrics/{name}", access.requiring(.read, queries.shortForm))
        let catalog = CatalogRoutes(engine: parts.engine)
        router.get("/api/v1/metrics", access.requiring(.read, catalog.metrics))
        router.get("/api/v1/metrics/{name}/series", access.requiring(.read, catalog.series))
        router.get("/api/v1/labels/{label}/values", access.requiring(.read, catalog.values))
        if let reader = parts.audit {
            let audit = AuditRoutes(reader: reader, time: parts.time)
            router.get("/api/v1/audit", access.requiring(.read, audit.audit))
        }
        if let board = parts.status {
            let status = StatusRoutes(board: board, memory: parts.memory, metrics: parts.metrics)
            router.get("/api/v1/status", access.requiring(.read, status.status))
        }
        if let desk = parts.refused {
            let refused = RefusedRoutes(desk: desk)
            router.get("/api/v1/refused", access.requiring(.admin, refused.list))
            router.post("/api/v1/refused/retry", access.requiring(.admin, refused.retry))
            router.post("/api/v1/refused/drop", access.requiring(.admin, refused.drop))
        }
        if let shelf = parts.boards {
            let boards = BoardRoutes(
                shelf: shelf, engine: parts.engine, time: parts.time, mayWrite: { access.allows(.admin, $0) })
            router.get("/api/v1/boards", access.requiring(.read, boards.list))
            router.get("/api/v1/boards/{name}", access.requiring(.read, boards.board))
            router.on(.put, "/api/v1/boards/{name}", access.requiring(.admin, boards.put))
            router.on(.delete, "/api/v1/boards/{name}", access.requiring(.admin, boards.delete))
        }
        router.post("/api/v1/session", withoutParameters(access.beginSession))
        router.on(.delete, "/api/v1/session", withoutParameters(access.endSession))
        if let live = parts.live {
            router.get("/api/v1/live", access.requiring(.read, withoutParameters(live)))
        }
        if let stream = parts.liveStream { router.get("/api/v1/live/sse", access.requiring(.read, stream)) }
        OperationRoutes.add(to: &router, registry: parts.registry, unreadyReasons: parts.unreadyReasons)
        for path in parts.pages.paths {
            router.get(path) { request, responder in Self.page(parts.pages, path, request, responder) }
        }
        self.router = router
    }

    /// Every route, such as `GET /api/v1/query`.
    package var routes: [String] { router.routes }

    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) { router.handle(request, responder) }

    private static func page(
        _ pages: DashboardFiles, _ path: String, _ request: HTTPRequest, _ responder: HTTPResponder
    ) {
        guard let file = pages.file(path: path) else {
            return responder.respond(HTTPResponse(problem: .notFound, detail: "There is no \(path)."))
        }
        var response = HTTPResponse(.ok, ContentType(file.contentType), body: file.bytes)
        response.entityTag = HTTPEntityTag(file.fingerprint, isWeak: false)
        response.fields.append("Cache-Control", "no-cache")
        response.fields.append("Content-Security-Policy", DashboardFiles.contentSecurityPolicy)
        response.fields.append("X-Content-Type-Options", "nosniff")
        response.fields.append("Referrer-Policy", "no-referrer")
        responder.respond(response)
    }
}
