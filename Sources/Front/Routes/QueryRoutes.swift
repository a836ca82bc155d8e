internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// The routes that ask for numbers.
struct QueryRoutes: Sendable {
    /// How long after `late` a range waits until it counts as final: for a worker and a compaction that are behind.
    private static let settlingMs: Int64 = 3_600_000
    /// So many are written in a tenth of a ms.
    private static let valuesInPlace = 2_000
    private static let formats = ["application/json", "text/csv"]

    let engine: QueryEngine
    /// Events older than this are refused, ms.
    let lateMs: Int64
    let time: TimeSource
    let metrics: FrontMetrics

    /// `GET /api/v1/query`.
    func query(_ request: HTTPRequest, _ responder: HTTPResponder) {
        answer(request, responder) { () throws(QueryError) in try QueryParameters(request) }
    }

    /// `GET /api/metrics/{name}?start=…&end=…`.
    func shortForm(_ request: HTTPRequest, _ responder: HTTPResponder) {
        answer(request, responder) { () throws(QueryError) in
            try QueryParameters(request, pathMetric: request.pathParameter("name"))
        }
    }

    /// `GET /api/v1/top`: the heaviest items of the whole range.
    func top(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let beganNs = time.monotonicNs()
        guard
            let parameters = accepted(
                responder, { () throws(QueryError) -> TopParameters in try TopParameters(request) })
        else { return }
        answer(responder) { definitions in
            let query = try parameters.query(definitions, nowMs: time.wallMs())
            let (used, found) = try await engine.findOnce(query)
            let seconds = Double(time.monotonicNs() &- beganNs) / 1e9
            metrics.answered(tiers: found.tiers, degraded: found.degraded, seconds: seconds)
            return HTTPResponse(
                .json, TopItemsText.json(used, found, k: parameters.k, tookMs: seconds * 1_000),
                isFinal: parameters.isRangeAbsolute && found.degraded.isEmpty
                    && isFinal(used, compactedBeforeMs: found.compactedBeforeMs))
        }
    }

    private func answer(
        _ request: HTTPRequest, _ responder: HTTPResponder, _ read: () throws(QueryError) -> QueryParameters
    ) {
        guard let format = request.fields.accepted(of: Self.formats) else {
            metrics.asked(.refused)
            let detail = "Accept must allow \(Self.formats.joined(separator: " or ")): there is nothing else."
            return responder.respond(HTTPResponse(problem: .notAcceptable, detail: detail))
        }
        let beganNs = time.monotonicNs()
        guard let parameters = accepted(responder, read) else { return }
        if let answer = answerAtOnce(parameters) {
            let seconds = counted(answer, sinceNs: beganNs)
            if answer.valueCount <= Self.valuesInPlace {
                return responder.respond(response(answer, parameters, format, seconds))
            }
            return responder.respond { await longResponse(answer, parameters, format, seconds, to: request) }
        }
        answer(responder) { definitions in
            if let name = parameters.pathMetric, definitions[name] == nil {
                metrics.asked(.refused)
                return .unknownMetric(name)
            }
            let query = try parameters.query(definitions, nowMs: time.wallMs())
            let answer = try await engine.answer(query)
            let seconds = counted(answer, sinceNs: beganNs)
            return await longResponse(answer, parameters, format, seconds, to: request)
        }
    }

    /// The answer where memory makes it in one step; nil where somebody must be waited for, or told what is wrong.
    private func answerAtOnce(_ parameters: QueryParameters) -> QueryAnswer? {
        guard let definitions = engine.definitionsAtOnce,
            let query = try? parameters.query(definitions, nowMs: time.wallMs())
        else { return nil }
        return engine.answerAtOnce(query)
    }

    /// The response, written and compressed where that holds nobody up.
    private func longResponse(
        _ answer: QueryAnswer, _ parameters: QueryParameters, _ format: Int, _ seconds: Double, to request: HTTPRequest
    ) async -> HTTPResponse {
        let isLong = answer.valueCount > Self.valuesInPlace
        return await engine.computed(isLong: isLong) {
            var response = response(answer, parameters, format, seconds)
            if isLong { response.compress(for: request) }
            return response
        }
    }

    /// Counts an answer; returns the seconds it took.
    private func counted(_ answer: QueryAnswer, sinceNs beganNs: UInt64) -> Double {
        let seconds = Double(time.monotonicNs() &- beganNs) / 1e9
        metrics.answered(tiers: answer.tiers, degraded: answer.degraded, seconds: seconds)
        return seconds
    }

    private func response(
        _ answer: QueryAnswer, _ parameters: QueryParameters, _ format: Int, _ seconds: Double
    ) -> HTTPResponse {
        let isFinal =
            parameters.texts.isRangeAbsolute && answer.degraded.isEmpty
            && isFinal(answer.query, compactedBeforeMs: answer.compactedBeforeMs)
        if format == 0 {
            return HTTPResponse(.json, QueryAnswerText.json(answer, tookMs: seconds * 1_000), isFinal: isFinal)
        }
        var response = HTTPResponse(.csv, AnswerBody(bytes: QueryAnswerText.csv(answer)), isFinal: isFinal)
        // A table has no place for what JSON says beside the series.
        if !answer.degraded.isEmpty {
            response.fields.append("Weir-Degraded", answer.degraded.joined(separator: ", "))
        }
        if answer.isTruncated { response.fields.append("Weir-Truncated", "true") }
        return response
    }

    /// True where no event for the range of `query` is accepted any more, and those that were have long been compacted.
    private func isFinal(_ query: Query, compactedBeforeMs: Int64) -> Bool {
        query.toMs + lateMs + Self.settlingMs <= compactedBeforeMs
    }

    /// The parameters; nil where they are wrong, and the client has been told so.
    private func accepted<Parameters>(
        _ responder: HTTPResponder, _ read: () throws(QueryError) -> Parameters
    ) -> Parameters? {
        do throws(QueryError) {
            return try read()
        } catch {
            metrics.asked(.refused)
            responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
            return nil
        }
    }

    private func answer(
        _ responder: HTTPResponder, _ make: @escaping @Sendable (Definitions) async throws -> HTTPResponse
    ) {
        responder.respond {
            do {
                return try await make(try await engine.definitions())
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

    /// The answer to an address that names a metric which is not there.
    static func unknownMetric(_ name: String) -> HTTPResponse {
        HTTPResponse(problem: .notFound, detail: "There is no metric \"\(name)\"; GET /api/v1/metrics lists them.")
    }
}
