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

    private func answer(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ read: () throws(QueryError) -> QueryParameters
    ) {
        let parameters: QueryParameters
        do throws(QueryError) {
            parameters = try read()
        } catch {
            metrics.asked(.refused)
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        let wantsCSV = request.fields.all("accept").contains { $0.contains("text/csv") }
        let beganNs = time.monotonicNs()
        responder.respond {
            do {
                let query = try parameters.query(try await engine.definitions(), nowMs: time.wallMs())
                let answer = try await engine.answer(query)
                let seconds = Double(time.monotonicNs() &- beganNs) / 1e9
                metrics.answered(degraded: answer.degraded, seconds: seconds)
                var response =
                    wantsCSV
                    ? HTTPResponse(.ok, .csv, body: QueryAnswerText.csv(answer))
                    : HTTPResponse(.ok, .json, body: QueryAnswerText.json(answer, tookMs: seconds * 1_000))
                response.fields.append("Cache-Control", "no-cache")
                response.fields.append("Vary", "Accept")
                return response
            } catch let error as QueryError {
                metrics.asked(.refused)
                return HTTPResponse(problem: .badRequest, detail: "\(error).")
            } catch let error as StoreError {
                metrics.asked(.failed)
                return HTTPResponse(failure: error)
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
