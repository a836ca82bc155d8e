internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// The routes by which refused events are looked at, tried again, and forgotten.
struct RefusedRoutes: Sendable {
    static let names = ["partition", "after", "limit"]
    static let maxPerPage = 1_000
    private static let maxIDs = 10_000
    /// Room for as many with every escape there is; a body is read on the loop.
    private static let maxBodyBytes = 1 << 20
    private static let form = "Send {\"ids\":[\"0/1795472780134-0\"]} or {\"all\":true} as application/json."

    let desk: RefusedDesk

    /// `GET /api/v1/refused`: `{"refused":[…],"next":…}`.
    func list(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request, allowed: Self.names) {
            return responder.respond(refusal)
        }
        let page: Page
        do throws(QueryError) {
            page = try Page(request, maxEvents: Self.maxPerPage)
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        responder.respond {
            do throws(StoreError) {
                let count = try await desk.partitionCount()
                if let (name, number) = page.namedPartition, number >= count {
                    let detail = "\(name): there is no partition \(number); they are 0 to \(count - 1)."
                    return HTTPResponse(problem: .badRequest, detail: detail)
                }
                let (events, hasMore) = try await desk.list(
                    partition: page.partition, after: page.after, limit: page.limit)
                return Self.answer(RefusedText.json(events, hasMore: hasMore))
            } catch {
                return HTTPResponse(failure: error)
            }
        }
    }

    /// `POST /api/v1/refused/retry`: `{"retried":2,"gone":0,"cut":0}`.
    func retry(_ request: HTTPRequest, _ responder: HTTPResponder) {
        act(.retry, request, responder) { outcome in
            "{\"retried\":\(outcome.done),\"gone\":\(outcome.gone),\"cut\":\(outcome.cut)}\n"
        }
    }

    /// `POST /api/v1/refused/drop`: `{"dropped":2,"gone":0}`.
    func drop(_ request: HTTPRequest, _ responder: HTTPResponder) {
        act(.drop, request, responder) { outcome in
            "{\"dropped\":\(outcome.done),\"gone\":\(outcome.gone)}\n"
        }
    }

    private func act(
        _ action: RefusedDesk.Action, _ request: HTTPRequest, _ responder: HTTPResponder,
        _ text: @escaping @Sendable (RefusedDesk.Outcome) -> String
    ) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        // A page of another site can make a browser send a form, but no JSON.
        guard request.fields.contentType == "application/json" else {
            return responder.respond(HTTPResponse(problem: .unsupportedMediaType, detail: Self.form))
        }
        guard request.body.count <= Self.maxBodyBytes else {
            let detail =
                "ids: the body has more than 1 MiB; send at most \(Self.maxIDs) of them at a time. \(Self.form)"
            return responder.respond(HTTPResponse(problem: .badRequest, detail: detail))
        }
        let choice: Choice
        do throws(QueryError) {
            choice = try Choice(request.body, maxIDs: Self.maxIDs)
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error). \(Self.form)"))
        }
        responder.respond {
            do throws(RefusedDesk.Interrupted) {
                return Self.answer(Array(text(try await carryOut(action, choice)).utf8))
            } catch {
                return Self.failure(error, action)
            }
        }
    }

    private func carryOut(
        _ action: RefusedDesk.Action, _ choice: Choice
    ) async throws(RefusedDesk.Interrupted) -> RefusedDesk.Outcome {
        switch choice {
        case .all: try await desk.actOnAll(action)
        case .ids(let ids): try await desk.act(action, ids)
        }
    }

    private static func answer(_ json: [UInt8]) -> HTTPResponse {
        var response = HTTPResponse(.ok, .json, body: json)
        response.fields.append("Cache-Control", "no-store")
        return response
    }

    private static func failure(_ error: RefusedDesk.Interrupted, _ action: RefusedDesk.Action) -> HTTPResponse {
        let done = error.before.done
        if error.reason.code != .full && done == 0 { return HTTPResponse(failure: error.reason) }
        let before = "\(done) events were \(action == .retry ? "retried" : "dropped") before"
        let detail =
            error.reason.code == .full
            ? "Redis is full, so nothing can be put on the log; \(before). Try again once there is room."
            : "redis is needed and does not answer: \(error.reason.detail); \(before). Try again."
        var response = HTTPResponse(problem: .serviceUnavailable, detail: detail)
        response.fields.append("Retry-After", "1")
        return response
    }
}

/// What a list is asked for.
private struct Page {
    var partition: Int?
    var after: RefusedID?
    var limit = 100

    /// The partition that is named, and by which parameter.
    var namedPartition: (String, Int)? {
        partition.map { ("partition", $0) } ?? after.map { ("after", $0.partition) }
    }

    init(_ request: HTTPRequest, maxEvents: Int) throws(QueryError) {
        for item in (try? request.head.queryItems()) ?? [] {
            switch item.name {
            case "partition":
                guard let number = parseWholeNumber(item.value, in: 0...Int(UInt16.max)) else {
                    throw QueryError("partition", "must be a whole number from 0 to \(UInt16.max)")
                }
                partition = number
            case "after":
                guard let id = RefusedID(item.value) else {
                    throw QueryError("after", "must be the next of an answer, as in 0/1795472780134-0")
                }
                after = id
            default:
                guard let number = parseWholeNumber(item.value, in: 1...maxEvents) else {
                    throw QueryError("limit", "must be a whole number from 1 to \(maxEvents)")
                }
                limit = number
            }
        }
        if let partition, let after, after.partition != partition {
            throw QueryError("after", "names another partition than \(partition)")
        }
    }
}

/// Which events a request names.
private enum Choice {
    case all
    case ids([RefusedID])

    init(_ body: [UInt8], maxIDs: Int) throws(QueryError) {
        guard let members = (try? JSON5.parse(body))?.members else { throw QueryError("body", "is no JSON object") }
        guard members.count == 1, let member = members.first else {
            throw QueryError("body", "has not one member, ids or all")
        }
        if member.key == "all", member.value.bool == true {
            self = .all
            return
        }
        guard member.key == "ids", let values = member.value.elements else {
            throw QueryError(member.key, "is not what can be asked for")
        }
        guard values.count <= maxIDs else { throw QueryError("ids", "are more than \(maxIDs)") }
        var ids: [RefusedID] = []
        for value in values {
            guard let text = value.string, let id = RefusedID(text) else {
                throw QueryError("ids", "\(value.string.map { "\"\($0)\"" } ?? value.kindName) is no id")
            }
            ids.append(id)
        }
        self = .ids(ids)
    }
}
