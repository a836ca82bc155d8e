internal import Analytics
internal import Service
internal import WebServer
internal import Wire

/// The routes that ask: queries and the list of metrics.
struct QueryRoutes: Sendable {
    let engine: QueryEngine
    let memory: (any MemoryTier)?
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
        do {
            parameters = try read()
        } catch {
            return responder.respond(HTTPResponse(problem: .badRequest, detail: "\(error)."))
        }
        let wantsCSV = request.fields.all("accept").contains { $0.contains("text/csv") }
        let began = time.monotonicNs()
        responder.respond {
            do {
                let query = try parameters.query(try await engine.definitions(), nowMs: time.wallMs())
                let answer = try await engine.answer(query)
                let seconds = Double(time.monotonicNs() - began) / 1e9
                metrics.answered(tiers: answer.tiers, degraded: answer.degraded, seconds: seconds)
                return wantsCSV
                    ? HTTPResponse(.ok, .csv, body: QueryAnswerText.csv(answer))
                    : HTTPResponse(.ok, .json, body: QueryAnswerText.json(answer, tookMs: seconds * 1_000))
            } catch let error as QueryError {
                return HTTPResponse(problem: .badRequest, detail: "\(error).")
            } catch let error as StoreError {
                return Self.unavailable(error)
            }
        }
    }

    /// `GET /api/v1/metrics`.
    func list(_ request: HTTPRequest, _ responder: HTTPResponder) {
        responder.respond {
            do {
                let definitions = try await engine.definitions()
                var json: [UInt8] = []
                json.appendJSON(literal: "{\"metrics\":[")
                for (index, metric) in definitions.metrics.enumerated() {
                    if index > 0 { json.append(UInt8(ascii: ",")) }
                    let series = await memory?.series(of: metric, filter: LabelFilter())
                    let count = series.map { Set($0.joined().map(\.key)).count }
                    Self.append(metric, seriesCount: count, to: &json)
                }
                json.appendJSON(literal: "]}")
                return HTTPResponse(.ok, .json, body: json)
            } catch let error as StoreError {
                return Self.unavailable(error)
            }
        }
    }

    static func unavailable(_ error: StoreError) -> HTTPResponse {
        var response = HTTPResponse(
            problem: .serviceUnavailable, detail: "\(error.store) is needed and does not answer: \(error.detail).")
        response.fields.append("Retry-After", "1")
        return response
    }

    private static func append(_ metric: MetricDefinition, seriesCount: Int?, to json: inout [UInt8]) {
        json.appendJSON(literal: "{\"name\":")
        json.appendJSON(metric.name)
        json.appendJSON(literal: ",\"kind\":")
        json.appendJSON(metric.kind.rawValue)
        json.appendJSON(literal: ",\"unit\":")
        json.appendJSON(metric.unit)
        for (name, texts) in [("by", metric.by), ("aggregations", metric.aggregations.map(\.name))] {
            json.append(UInt8(ascii: ","))
            json.appendJSON(name)
            json.appendJSON(literal: ":[")
            for (index, text) in texts.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                json.appendJSON(text)
            }
            json.appendJSON(literal: "]")
        }
        for (name, text) in [
            ("value", metric.value), ("where", metric.filter?.source), ("match", metric.match?.source),
        ] {
            guard let text else { continue }
            json.append(UInt8(ascii: ","))
            json.appendJSON(name)
            json.append(UInt8(ascii: ":"))
            json.appendJSON(text)
        }
        if let seriesCount {
            json.appendJSON(literal: ",\"series\":")
            json.appendJSON(seriesCount)
        }
        json.appendJSON(literal: "}")
    }
}
