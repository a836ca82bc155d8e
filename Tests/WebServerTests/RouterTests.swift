import TestKit
import Testing
import WebServer
import Wire

@Suite("Router", .timeLimit(.minutes(1))) struct RouterTests {
    private func server() async throws -> ServerUnderTest {
        var router = Router()
        router.get("/") { $1.respond(HTTPResponse(.ok, text: "root")) }
        router.get("/api/metrics/{name}") { $1.respond(HTTPResponse(.ok, text: "short \($0.pathParameter("name"))")) }
        router.get("/api/{version}/metrics/{name}/series") {
            $1.respond(HTTPResponse(.ok, text: "\($0.pathParameter("version")) \($0.pathParameter("name"))"))
        }
        router.get("/api/v1/metrics/events/series") { $1.respond(HTTPResponse(.ok, text: "literal")) }
        router.post("/api/v1/session") { $1.respond(HTTPResponse(.ok, text: "in")) }
        router.on(.delete, "/api/v1/session") { $1.respond(HTTPResponse(.noContent)) }
        return try await ServerUnderTest(router)
    }

    @Test(
        arguments: [
            ("GET /", 200, "root"), ("GET /?x=1", 200, "root"), ("HEAD /", 200, ""), ("GET //", 404, nil),
            ("GET /api/metrics/a%2Fb", 200, "short a/b"), ("GET /api/metrics/", 404, nil),
            ("GET /api/v1/metrics/x/series", 200, "v1 x"), ("GET /api/v1/metrics/events/series", 200, "literal"),
            ("GET /api/v1/metrics/events/other", 404, nil), ("GET /api/v1/metrics", 404, nil),
            ("GET http://h/api/metrics/x", 200, "short x"), ("OPTIONS *", 204, ""), ("DELETE /api/v1/session", 204, ""),
            ("PUT /api/v1/session", 405, nil), ("OPTIONS /api/v1/session", 204, ""), ("BREW /", 405, nil),
        ] as [(String, Int, String?)])
    func routes(request: String, code: Int, body: String?) async throws {
        let answer = try await server().exchange("\(request) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(code) "))
        if let body { #expect(answer.hasSuffix("\r\n\r\n\(body)")) }
    }

    @Test func wrongMethodsAreToldTheRightOnes() async throws {
        let server = try await server()
        for (request, allow) in [
            ("PUT /api/v1/session", "DELETE, OPTIONS, POST"), ("OPTIONS /", "GET, HEAD, OPTIONS"),
        ] {
            let answer = try await server.exchange("\(request) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("\r\nAllow: \(allow)\r\n"))
        }
    }
}
