internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// The routes of boards: which there are, one of them, and for those who may, saving and forgetting.
struct BoardRoutes: Sendable {
    private static let maxProblems = 10

    let shelf: BoardShelf
    let engine: QueryEngine
    let time: TimeSource
    /// Whether whoever sent a request may change boards.
    let mayWrite: @Sendable (HTTPRequest) -> Bool

    /// `GET /api/v1/boards`: `{"boards":[{"name":…,"title":…,"from":"file"|"stored","version":…,"updated":…}],…}`.
    func list(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        let isWritable = mayWrite(request)
        responder.respond {
            let (configured, stored, degraded) = await shelf.list()
            var json = Array("{\"boards\":".utf8)
            var entries = configured.map { ($0.name, $0.title, nil as StoredBoardName?) }
            entries += stored.map { ($0.name, $0.title, $0) }
            json.appendJSONList(entries) { json, entry in
                json.appendJSON(literal: "{\"name\":")
                json.appendJSON(entry.0)
                json.appendJSON(literal: ",\"title\":")
                json.appendJSON(entry.1)
                guard let one = entry.2 else {
                    return json.appendJSON(literal: ",\"from\":\"file\",\"version\":null,\"updated\":null}")
                }
                json.appendJSON(literal: ",\"from\":\"stored\",\"version\":")
                json.appendJSON(Int(one.version))
                json.appendJSON(literal: ",\"updated\":")
                json.appendJSON(Int(one.updatedMs))
                json.appendJSON(literal: "}")
            }
            json.append(contentsOf: ",\"writable\":\(isWritable),\"degraded\":".utf8)
            json.appendJSONList(degraded)
            json.appendJSON(literal: "}")
            return HTTPResponse(.json, AnswerBody(bytes: json))
        }
    }

    /// `GET /api/v1/boards/{name}`: the board; `Allow` says whether this client may change it.
    func board(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        let name = request.pathParameter("name")
        let isWritable = mayWrite(request)
        respond(responder) { () throws(StoreError) in
            guard let entry = try await shelf.board(named: name) else { return Self.missing(name) }
            let body = AnswerBody(bytes: BoardJSON.encode(entry.board))
            var response = HTTPResponse(.json, body)
            if let version = entry.version { response.entityTag = BoardCondition.tag(version) }
            let allow = entry.version != nil && isWritable ? "DELETE, GET, HEAD, OPTIONS, PUT" : "GET, HEAD, OPTIONS"
            response.fields.append("Allow", allow)
            return response
        }
    }

    /// `PUT /api/v1/boards/{name}`: writes it where `If-Match` or `If-None-Match` hold; answers with what is now stored.
    func put(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        let name = request.pathParameter("name")
        guard request.fields.contentType == "application/json" else {
            let detail = "Send a board as application/json: {\"title\":\"…\",\"panels\":[{\"metric\":\"…\"}]}."
            return responder.respond(HTTPResponse(problem: .unsupportedMediaType, detail: detail))
        }
        guard request.body.count <= Board.maxBytes else {
            let detail = "The body is longer than the \(Board.maxBytes) bytes that a board may have."
            return responder.respond(HTTPResponse(problem: .contentTooLarge, detail: detail))
        }
        let condition: BoardCondition
        do throws(QueryError) {
            condition = try BoardCondition(request)
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        if shelf.isConfigured(name) { return responder.respond(Self.readOnly(name)) }
        respond(responder) { () throws(StoreError) in
            let metrics = try await engine.definitions().metrics
            let board: Board
            switch Self.read(request.body, name: name, metrics: metrics) {
            case .success(let read): board = read
            case .failure(let problem): return HTTPResponse(problem: .badRequest, detail: problem.detail)
            }
            switch try await shelf.put(board, if: condition, atMs: time.wallMs()) {
            case .created(let version): return Self.written(.created, board, version)
            case .replaced(let version): return Self.written(.ok, board, version)
            case .conditionFailed: return Self.conditionFailed(name, condition)
            case .tooMany:
                let detail =
                    "There are \(Board.maxStored) boards already; delete one that nobody needs, then save again."
                return HTTPResponse(problem: .conflict, detail: detail)
            }
        }
    }

    /// `DELETE /api/v1/boards/{name}`: forgets it where `If-Match` holds.
    func delete(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        let name = request.pathParameter("name")
        let condition: BoardCondition
        do throws(QueryError) {
            condition = try BoardCondition(request)
            if condition == .absent { throw QueryError("If-None-Match", "says that there is nothing to delete") }
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        if shelf.isConfigured(name) { return responder.respond(Self.readOnly(name)) }
        respond(responder) { () throws(StoreError) in
            switch try await shelf.delete(named: name, if: condition) {
            case .deleted: HTTPResponse(.noContent)
            case .missing: Self.missing(name)
            case .conditionFailed: Self.conditionFailed(name, condition)
            }
        }
    }

    private struct Unreadable: Error { let detail: String }

    /// The board that a body holds, or all that is wrong with it in one sentence.
    private static func read(
        _ body: [UInt8], name: String, metrics: [MetricDefinition]
    ) -> Result<Board, Unreadable> {
        let value: JSON5Value
        do throws(JSON5Error) {
            value = try JSON5.parse(body)
        } catch {
            return .failure(Unreadable(detail: "The body is no JSON: \(error)."))
        }
        var problems: [BoardJSON.Problem] = []
        if let board = BoardJSON.read(value, name: name, metrics: metrics, problems: &problems) {
            if board.name == name { return .success(board) }
            let detail = "name: is \"\(board.name)\", but the address says \"\(name)\"; make them the same."
            return .failure(Unreadable(detail: detail))
        }
        let told = problems.prefix(maxProblems).map(\.description).joined(separator: "; ")
        let more = problems.count - maxProblems
        return .failure(Unreadable(detail: told + (more > 0 ? "; and \(more) more problems." : ".")))
    }

    private func respond(
        _ responder: HTTPResponder, _ body: @escaping @Sendable () async throws(StoreError) -> HTTPResponse
    ) {
        responder.respond {
            do throws(StoreError) {
                return try await body()
            } catch {
                return HTTPResponse(failure: error)
            }
        }
    }

    private static func written(_ status: HTTPStatus, _ board: Board, _ version: Int64) -> HTTPResponse {
        var response = HTTPResponse(status, .json, body: BoardJSON.encode(board))
        response.entityTag = BoardCondition.tag(version)
        if status == .created { response.fields.append("Location", "/api/v1/boards/\(board.name)") }
        response.fields.append("Cache-Control", "no-store")
        return response
    }

    private static func missing(_ name: String) -> HTTPResponse {
        HTTPResponse(problem: .notFound, detail: "There is no board \"\(name)\"; GET /api/v1/boards lists them.")
    }

    private static func readOnly(_ name: String) -> HTTPResponse {
        let detail =
            "The board \"\(name)\" is of the configuration file and changed there; save it under another name."
        return HTTPResponse(problem: .conflict, detail: detail)
    }

    private static func conditionFailed(_ name: String, _ condition: BoardCondition) -> HTTPResponse {
        let detail =
            condition == .absent
            ? "There is a board \"\(name)\" already; choose another name, or replace it by leaving If-None-Match away."
            : "The board \"\(name)\" has been changed or deleted since; get it again, or leave If-Match away to overwrite it."
        return HTTPResponse(problem: .preconditionFailed, detail: detail)
    }
}
