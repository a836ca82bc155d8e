internal import Analytics
internal import WebServer
internal import Wire

/// The routes that say what can be asked for: metrics, their series, and the values of labels.
struct CatalogRoutes: Sendable {
    /// Parameters of `values`.
    static let names = ["metric"]

    let engine: QueryEngine

    /// `GET /api/v1/metrics`.
    func metrics(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        respond(responder) { () throws(StoreError) in
            let definitions = try await engine.definitions()
            let counts = try? await engine.seriesCounts(definitions)
            var json = Array("{\"metrics\":".utf8)
            json.appendJSONList(definitions.metrics) { json, metric in
                // A group nobody has written to yet has no series; without the stores nobody knows.
                Self.append(metric, seriesCount: counts.map { $0[metric.name] ?? 0 }, to: &json)
            }
            json.appendJSON(literal: "}")
            return HTTPResponse(.json, AnswerBody(bytes: json))
        }
    }

    /// `GET /api/v1/metrics/{name}/series`: `{"metric":…,"series":[{"labels":{…},"last_seen":ms|null}],"degraded":[]}`.
    func series(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request) { return responder.respond(refusal) }
        let name = request.pathParameter("name")
        respond(responder) { () throws(StoreError) in
            guard let metric = try await engine.definitions()[name] else { return .unknownMetric(name) }
            let found = try await engine.lastSeen(of: metric)
            let sorted = found.series.sorted { a, b in
                a.value != b.value ? a.value > b.value : a.key < b.key
            }
            var json = Array("{\"metric\":".utf8)
            json.appendJSON(name)
            json.appendJSON(literal: ",\"series\":")
            json.appendJSONList(sorted) { json, one in
                json.appendJSON(literal: "{\"labels\":")
                SeriesKeyJSON.append(one.key, to: &json)
                json.appendJSON(literal: ",\"last_seen\":")
                if one.value > 0 { json.appendJSON(Int(one.value)) } else { json.appendJSON(literal: "null") }
                json.appendJSON(literal: "}")
            }
            json.appendJSON(literal: ",\"degraded\":")
            json.appendJSONList(found.degraded)
            json.appendJSON(literal: "}")
            return HTTPResponse(.json, AnswerBody(bytes: json))
        }
    }

    /// `GET /api/v1/labels/{label}/values?metric=…`: the values in one metric, or in all.
    func values(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = unknownParameters(request, allowed: Self.names) { return responder.respond(refusal) }
        let label = request.pathParameter("label")
        let name = (try? request.head.queryItems())?.first?.value
        respond(responder) { () throws(StoreError) in
            let definitions = try await engine.definitions()
            if let name, definitions[name] == nil {
                let detail = "metric: there is no metric \"\(name)\"; GET /api/v1/metrics lists them."
                return HTTPResponse(problem: .badRequest, detail: detail)
            }
            let asked = definitions.metrics.filter { (name == nil || $0.name == name) && $0.by.contains(label) }
            if asked.isEmpty {
                let place = name.map { "\($0) has" } ?? "No metric has"
                return HTTPResponse(
                    problem: .notFound,
                    detail: name == nil ? "\(place) the label \"\(label)\"." : "\(place) no label \"\(label)\".")
            }
            var values: Set<String> = []
            var degraded: Set<String> = []
            var groups: Set<String> = []
            // Metrics of one group share their series.
            for metric in asked where groups.insert(metric.group.name).inserted || name != nil {
                let found = try await engine.lastSeen(of: metric)
                values.formUnion(found.series.keys.compactMap { $0[label] })
                degraded.formUnion(found.degraded)
            }
            var json = Array("{\"label\":".utf8)
            json.appendJSON(label)
            json.appendJSON(literal: ",\"values\":")
            json.appendJSONList(values.sorted())
            json.appendJSON(literal: ",\"degraded\":")
            json.appendJSONList(degraded.sorted())
            json.appendJSON(literal: "}")
            return HTTPResponse(.json, AnswerBody(bytes: json))
        }
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

    private static func append(_ metric: MetricDefinition, seriesCount: Int?, to json: inout [UInt8]) {
        json.appendJSON(literal: "{\"name\":")
        json.appendJSON(metric.name)
        json.appendJSON(literal: ",\"kind\":")
        json.appendJSON(metric.kind.rawValue)
        json.appendJSON(literal: ",\"unit\":")
        json.appendJSON(metric.unit)
        json.appendJSON(literal: ",\"by\":")
        json.appendJSONList(metric.by)
        json.appendJSON(literal: ",\"aggregations\":")
        json.appendJSONList(metric.aggregations.map(\.name))
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
