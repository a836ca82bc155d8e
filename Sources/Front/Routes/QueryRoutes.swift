internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// The routes that ask for numbers.
struct QueryRoutes: Sendable {
    let engine: QueryEngine
    let time: TimeSource
    let metrics: FrontMetrics

    /// `GET /api/v1/query`.
    func query(_ request: HTTPRequest, _ responder: HTTPResponder) {
        answer(request, responder) { () throws(QueryError) in try QueryParameters(request) }
    }

    /// `GET /api/metrics/{name}?start=…&end=…`.
    func shortForm(_ request: HTTPRequest, _ responder: HTTPResponder) {
        answer(request, responder) { () throws(QueryError) in
            var parameters = try QueryParameters(request, startAndEnd: true)
            parameters.metric = request.pathParameter("name")
            return parameters
        }
    }

    /// `GET /api/v1/top`: the heaviest items of the whole range.
    func top(_ request: HTTPRequest, _ responder: HTTPResponder) {
        answer(request, responder, read: { () throws(QueryError) in try TopParameters(request) }) {
            parameters, definitions, beganNs in
            let query = try parameters.query(definitions, nowMs: time.wallMs())
            let (used, found) = try await engine.find(query, usesMemory: true)
            let seconds = Double(time.monotonicNs() &- beganNs) / 1e9
            metrics.answered(tiers: found.tiers, degraded: found.degraded, seconds: seconds)
            return HTTPResponse(
                .ok, .json,
                body: TopItemsText.json(used, found, k: parameters.k, tookMs: seconds * 1_000))
        }
    }

    private func answer(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ read: () throws(QueryError) -> QueryParameters
    ) {
        let wantsCSV = request.fields.all("accept").contains { $0.contains("text/csv") }
        answer(request, responder, read: read) { parameters, definitions, beganNs in
            let query = try parameters.query(definitions, nowMs: time.wallMs())
            let answer = try await engine.answer(query)
            let seconds = Double(time.monotonicNs() &- beganNs) / 1e9
            metrics.answered(tiers: answer.tiers, degraded: answer.degraded, seconds: seconds)
            guard wantsCSV else {
                return HTTPResponse(.ok, .json, body: QueryAnswerText.json(answer, tookMs: seconds * 1_000))
            }
            var response = HTTPResponse(.ok, .csv, body: QueryAnswerText.csv(answer))
            // Lines of numbers have no place for what is missing from them.
            if !answer.degraded.isEmpty {
                response.fields.append("Weir-Degraded", answer.degraded.joined(separator: ","))
            }
            if answer.isTruncated { response.fields.append("Weir-Truncated", "true") }
            return response
        }
    }

    private func answer<Parameters: Sendable>(
        _ request: HTTPRequest, _ responder: HTTPResponder, read: () throws(QueryError) -> Parameters,
        _ make: @escaping @Sendable (Parameters, Definitions, UInt64) async throws -> HTTPResponse
    ) {
        let parameters: Parameters
        do throws(QueryError) {
            parameters = try read()
        } catch {
            metrics.asked(.refused)
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        let beganNs = time.monotonicNs()
        responder.respond {
            do {
                var response = try await make(parameters, try await engine.definitions(), beganNs)
                response.fields.append("Cache-Control", "no-cache")
                response.fields.append("Vary", "Accept")
                return response
            } catch let error as QueryError {
                metrics.asked(.refused)
                return HTTPResponse(problem: .badRequest, detail: "\(error).")
            } catch let error as StoreError {
                metrics.asked(.failed)
                return HTTPResponse(failure: error)
            } catch {
                preconditionFailure("a question fails with its own error or a store's: \(error)")
            }
        }
    }
}

extension HTTPResponse {
    /// The answer where a store that is needed failed: 503 with `Retry-After` where trying again may help, else 500.
    init(failure error: StoreError) {
        switch error.code {
        case .unavailable, .timedOut, .full:
            self.init(
                problem: .serviceUnavailable,
                detail: "\(error.store) is needed and does not answer: \(error.detail). Try again.")
            fields.append("Retry-After", "1")
        case .rejected, .incompatible:
            self.init(problem: .internalServerError, detail: "\(error.store) is needed and refused: \(error.detail).")
        }
    }
}
