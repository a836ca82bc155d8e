import TestKit
import Testing

@testable import Front

/// `openapi.yaml` says what the routes do; the file is read by its lines, laid out as they are there.
@Suite("The description of the API", .timeLimit(.minutes(1)))
struct OpenAPITests {
    private let lines: [Substring]
    private let routes: Set<String>

    init() async throws {
        let front = try await FrontUnderTest()
        let answer = try await front.client.get("/openapi.yaml")
        #expect(answer.status == 200 && answer["content-type"] == "application/yaml")
        lines = answer.text.split(separator: "\n")
        routes = Set(front.routes.filter { !$0.hasPrefix("GET /assets/") })
    }

    /// By `METHOD path`, the lines of each operation.
    private var operations: [String: [Substring]] {
        var found: [String: [Substring]] = [:]
        var path = ""
        var key: String?
        for line in lines.drop(while: { $0 != "paths:" }).dropFirst().prefix(while: { $0.hasPrefix(" ") }) {
            let indent = line.prefix { $0 == " " }.count
            let word = line.dropFirst(indent).dropLast()
            if indent == 2 { (path, key) = (String(word), nil) }
            if indent == 4 { key = "\(word.uppercased()) \(path)" }
            if let key { found[key, default: []].append(line) }
        }
        return found
    }

    /// Parameters that do not stand in the query, but in headers, or in a path under another name.
    private static let elsewhere: Set = ["If-None-Match", "IfMatch", "board"]

    /// The names of parameters in an operation, those of the path left out.
    private func parameters(of operation: String) -> [String] {
        let own = operations[operation] ?? []
        return own.indices.compactMap { index in
            if let reference = own[index].firstRange(of: "#/components/parameters/") {
                return String(own[index][reference.upperBound...].prefix { $0 != "'" })
            }
            guard own[index].hasPrefix("        - name: "), !own[index + 1].hasSuffix("in: header") else { return nil }
            return String(own[index].dropFirst(16))
        }.filter { !operation.contains("{\($0)}") && !Self.elsewhere.contains($0) }
    }

    @Test func everyRouteIsDescribedAndNothingElse() {
        #expect(Set(operations.keys) == routes)
    }

    @Test func everyParameterIsDescribedAndNothingElse() {
        let known: [String: [String]] = [
            "GET /api/v1/query": QueryParameters.names + ["label"],
            "GET /api/metrics/{name}": QueryParameters.shortNames + ["label"],
            "GET /api/v1/live/sse": StreamParameters.names + ["label"],
            "GET /api/v1/top": TopParameters.names + ["label"],
            "GET /api/v1/labels/{label}/values": CatalogRoutes.names,
            "GET /api/v1/audit": AuditRoutes.names,
            "GET /api/v1/refused": RefusedRoutes.names,
        ]
        for operation in operations.keys {
            #expect(parameters(of: operation).sorted() == (known[operation] ?? []).sorted(), "\(operation)")
        }
    }

    @Test func everyReferenceLeadsSomewhere() {
        let components = lines.drop { $0 != "components:" }
        var defined: Set<String> = []
        var group = ""
        for line in components {
            let indent = line.prefix { $0 == " " }.count
            let name = String(line.dropFirst(indent).prefix { $0 != ":" })
            if indent == 2 { group = name }
            if indent == 4 { defined.insert("#/components/\(group)/\(name)") }
        }
        let used = lines.flatMap { line in
            line.split(separator: "$ref: '").dropFirst().map { String($0.prefix { $0 != "'" }) }
        }
        #expect(used.count > 100 && Set(used) == defined.filter { !$0.contains("securitySchemes") })
    }
}
