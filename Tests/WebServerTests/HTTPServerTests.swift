import Deflate
import Foundation
import Reactor
import Service
import Synchronization
import TestKit
import Testing
import WebServer
import Wire

private let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

private func status(_ answer: String) -> Int? { Int(answer.dropFirst(9).prefix(3)) }

private func echo(_ request: HTTPRequest, _ responder: HTTPResponder) {
    responder.respond(
        HTTPResponse(.ok, text: "\(request.method) \(request.path) \(String(decoding: request.body, as: UTF8.self))"))
}

@Suite("HTTP server", .timeLimit(.minutes(1))) struct HTTPServerTests {
    @Test func answersByteForByteAndKeepsTheConnection() async throws {
        let server = try await ServerUnderTest(echo)
        let socket = try server.connect()
        for _ in 0..<3 {
            try await socket.send("GET /a%20b HTTP/1.1\r\nHost: h\r\n\r\n")
            let expected =
                "HTTP/1.1 200 OK\r\n\(date)Content-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n\r\nGET /a b "
            #expect(try await socket.receive(count: expected.utf8.count) == Array(expected.utf8))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrderThoughHandlersAreNot() async throws {
        let server = try await ServerUnderTest { request, responder in
            // The first answers last, if it were allowed to.
            responder.respond { [path = request.path] in
                for _ in 0..<(path == "/0" ? 50 : 1) { await Task.yield() }
                return HTTPResponse(.ok, text: path)
            }
        }
        let requests = (0..<20).map {
            "GET /\($0) HTTP/1.1\r\nHost: h\r\n\($0 == 19 ? "Connection: close\r\n" : "")\r\n"
        }
        let answer = try await server.exchange(requests.joined())
        let bodies = answer.components(separatedBy: "\r\n\r\n/").dropFirst().map { $0.prefix { $0.isNumber } }
        #expect(bodies.map(String.init) == (0..<20).map(String.init))
    }

    @Test func headGetsNoBodyAndOldClientsAreClosed() async throws {
        let server = try await ServerUnderTest(echo)
        let head = try await server.exchange("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(head.hasSuffix("Content-Length: 7\r\nConnection: close\r\n\r\n"))
        let old = try await server.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(old.hasSuffix("Connection: close\r\n\r\nGET / "))
        let socket = try server.connect()
        try await socket.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try await socket.receiveHead().contains("Connection: keep-alive"))
    }

    @Test func bodiesArriveInEveryFraming() async throws {
        let server = try await ServerUnderTest(echo)
        let close = "Host: h\r\nConnection: close\r\n"
        let fixed = try await server.exchange("POST /f HTTP/1.1\r\n\(close)Content-Length: 5\r\n\r\nhello")
        #expect(fixed.hasSuffix("POST /f hello"))
        let chunked = try await server.exchange(
            "POST /c HTTP/1.1\r\n\(close)Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n")
        #expect(chunked.hasSuffix("POST /c wikipedia"))
        let packed = Gzip.compress(Array("packed".utf8), level: 6)
        let socket = try server.connect()
        try await socket.send(
            "POST /g HTTP/1.1\r\n\(close)Content-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
        for byte in packed { try await socket.send([byte]) }
        #expect(String(decoding: try await socket.receiveToEnd(), as: UTF8.self).hasSuffix("POST /g packed"))
    }

    @Test func continueIsSentBeforeTheBody() async throws {
        let server = try await ServerUnderTest(echo)
        let socket = try server.connect()
        try await socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await socket.receiveHead() == ["HTTP/1.1 100 Continue"])
        try await socket.send("ok")
        #expect(try await socket.receiveHead().first == "HTTP/1.1 200 OK")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", 413),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n\(String(repeating: "x", count: 1_001))",
            413
        ),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
        ("GET /\(String(repeating: "x", count: 40_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n", 415),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", 400),
    ])
    func badRequestsGetAProblemAndTheEnd(request: String, code: Int) async throws {
        let server = try await ServerUnderTest(Handle(body: echo)) { $0.limits.maxBodyBytes = 1_000 }
        let answer = try await server.exchange(request)
        #expect(status(answer) == code)
        #expect(answer.contains("Content-Type: application/problem+json") && answer.contains("Connection: close"))
        #expect(answer.contains("\"status\":\(code),\"detail\":\""))
    }

    @Test func aGzipBombIsRefused() async throws {
        let server = try await ServerUnderTest(Handle(body: echo)) { $0.limits.maxBodyBytes = 100_000 }
        let bomb = Gzip.compress([UInt8](repeating: 0, count: 5_000_000), level: 6)
        let socket = try server.connect()
        try await socket.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
        try await socket.send(bomb)
        #expect(try await socket.receiveHead().first == "HTTP/1.1 413 Content Too Large")
    }

    @Test func answersAreCompressedForThoseWhoTakeIt() async throws {
        let text = String(repeating: "weir ", count: 1_000)
        let server = try await ServerUnderTest { _, responder in responder.respond(HTTPResponse(.ok, text: text)) }
        let socket = try server.connect()
        for (accepts, packs) in [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("br", false)] {
            try await socket.send("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(accepts)\r\n\r\n")
            let head = try await socket.receiveHead()
            #expect(head.contains("Content-Encoding: gzip") == packs && head.contains("Vary: Accept-Encoding"))
            let length = Int(head.first { $0.hasPrefix("Content-Length") }?.dropFirst(16) ?? "") ?? 0
            var body = try await socket.receive(count: length)
            if packs {
                var plain: [UInt8] = []
                try GzipDecoder(maxBytes: 10_000).decode(body.span, into: &plain)
                body = plain
            }
            #expect(body == Array(text.utf8))
        }
    }

    @Test func slowRequestsAreCutAtAnAbsoluteDeadline() async throws {
        let server = try await ServerUnderTest(echo)
        let head = try server.connect()
        try await head.send("GET / HTTP/1.1\r\n")
        let body = try server.connect()
        try await body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n1")
        let silent = try server.connect()
        try await eventually("all are connected") { await server.server.connectionCount == 3 }
        // Bytes that trickle in do not prolong anything.
        for _ in 0..<3 {
            await server.advance(by: .seconds(3))
            try await head.send("X: y\r\n")
        }
        await server.advance(by: .seconds(2))
        #expect(status(String(decoding: try await head.receiveToEnd(), as: UTF8.self)) == 408)
        #expect(try await silent.receiveToEnd() == [])
        try await body.send("2")
        await server.advance(by: .seconds(50))
        #expect(status(String(decoding: try await body.receiveToEnd(), as: UTF8.self)) == 408)
    }

    @Test func idleConnectionsAreClosedQuietly() async throws {
        let server = try await ServerUnderTest(echo)
        let socket = try server.connect()
        try await socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await socket.receiveHead()
        _ = try await socket.receive(count: 6)
        await server.advance(by: .seconds(70))
        #expect(await server.server.connectionCount == 1)
        await server.advance(by: .seconds(6))
        #expect(try await socket.receiveToEnd() == [])
    }

    @Test func moreConnectionsThanAllowedAreRefused() async throws {
        let server = try await ServerUnderTest(Handle(body: echo)) { $0.maxConnections = 1 }
        let first = try server.connect()
        try await eventually("it is connected") { await server.server.connectionCount == 1 }
        let second = String(decoding: try await server.connect().receiveToEnd(), as: UTF8.self)
        #expect(status(second) == 503 && second.contains("\r\nRetry-After: 1\r\n"))
        try await first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await first.receiveHead().first == "HTTP/1.1 200 OK")
    }

    @Test func aReaderWhoHasHungHoldsBackHisOwnRequestsOnly() async throws {
        let answered = Atomic<Int>(0)
        let page = [UInt8](repeating: 97, count: 1 << 20)
        let server = try await ServerUnderTest { _, responder in
            answered.wrappingAdd(1, ordering: .relaxed)
            responder.respond(HTTPResponse(.ok, body: page))
        }
        let socket = try server.connect(receiveBufferBytes: 4_096)
        try await socket.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 200))
        try await eventually("requests are taken") { answered.load(ordering: .relaxed) > 0 }
        let other = try server.connect()
        try await other.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        _ = try await other.receiveToEnd()
        // What the kernel swallows, and one answer over the limit; never all 200.
        #expect(answered.load(ordering: .relaxed) < 20)
        // Nor does the server take requests without end that it cannot answer.
        let flood = String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 700_000)
        await #expect(throws: TestKitError.self) { try await socket.send(flood, within: .milliseconds(300)) }
        await server.advance(by: .seconds(1))
        await server.advance(by: .seconds(31))
        try await eventually("the stalled client is cut") { await server.server.connectionCount == 0 }
    }

    @Test func streamsArriveInChunksAndEndWhenTheClientGoes() async throws {
        let (events, told) = AsyncStream.makeStream(of: String.self)
        let server = try await ServerUnderTest { request, responder in
            responder.onCancel { told.yield("cancelled \(request.path)") }
            let stream = responder.eventStream()
            stream.write(Array("data: 1\n\n".utf8))
            if request.path == "/finite" { stream.finish() }
        }
        let answer = try await server.exchange("GET /finite HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answer.contains("Transfer-Encoding: chunked\r\n") && answer.contains("Cache-Control: no-store\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n"))
        let old = try await server.exchange("GET /finite HTTP/1.0\r\n\r\n")
        #expect(old.hasSuffix("\r\n\r\ndata: 1\n\n"))
        let socket = try server.connect()
        try await socket.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await socket.receiveHead()
        socket.reset()
        #expect(await events.first { _ in true } == "cancelled /endless")
    }

    @Test func aTaskIsCancelledWhenItsClientGoes() async throws {
        let (events, told) = AsyncStream.makeStream(of: String.self)
        let server = try await ServerUnderTest { _, responder in
            responder.respond {
                told.yield("began")
                await withTaskCancellationHandler {
                    while !Task.isCancelled { await Task.yield() }
                } onCancel: {
                    told.yield("cancelled")
                }
                return HTTPResponse(.ok)
            }
        }
        let socket = try server.connect()
        try await socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == "began")
        socket.reset()
        #expect(await iterator.next() == "cancelled")
    }

    @Test func forgottenAndFailedAnswersBecome500() async throws {
        struct Failure: Error {}
        let server = try await ServerUnderTest { request, responder in
            if request.path == "/throws" { responder.respond { throw Failure() } }
        }
        for path in ["/forgets", "/throws"] {
            let answer = try await server.exchange("GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(status(answer) == 500)
            #expect(!answer.contains("Failure"))
        }
    }

    @Test func shutdownFinishesWhatIsInFlight() async throws {
        let gate = AsyncStream.makeStream(of: Void.self)
        let began = AsyncStream.makeStream(of: Void.self)
        let server = try await ServerUnderTest { _, responder in
            responder.respond {
                began.continuation.yield()
                for await _ in gate.stream { break }
                return HTTPResponse(.ok, text: "done")
            }
        }
        let idle = try server.connect()
        let busy = try server.connect()
        try await busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for await _ in began.stream { break }
        async let stopped: Void = server.server.shutdown(within: .seconds(20))
        #expect(try await idle.receiveToEnd() == [])
        #expect(throws: TestKitError.self) { _ = try server.connect() }
        gate.continuation.yield()
        let answer = String(decoding: try await busy.receiveToEnd(), as: UTF8.self)
        #expect(answer.contains("Connection: close\r\n") && answer.hasSuffix("done"))
        // The client has not hung up; the server does not wait for that for long.
        await server.advance(by: .seconds(3))
        await stopped
        #expect(await server.server.connectionCount == 0)
    }

    @Test func shutdownCutsOffWhatDoesNotEnd() async throws {
        let began = AsyncStream.makeStream(of: HTTPResponder.self)
        let server = try await ServerUnderTest { _, responder in began.continuation.yield(responder) }
        let socket = try server.connect()
        try await socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        var iterator = began.stream.makeAsyncIterator()
        let kept = await iterator.next()
        await server.server.shutdown(within: .milliseconds(1))
        #expect(try await socket.receiveToEnd() == [])
        kept?.respond(HTTPResponse(.ok))
    }

    @Test func anAddressInUseIsNamed() async throws {
        let server = try await ServerUnderTest(echo)
        let error = await #expect(throws: ReactorError.self) {
            try await server.server.listen(on: .tcp(host: "127.0.0.1", port: UInt16(server.port)))
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.description == "listen 127.0.0.1:\(server.port): Address already in use")
    }

    @Test func selfMetricsCountRequestsAndConnections() async throws {
        let registry = MetricsRegistry()
        let server = try await ServerUnderTest(Handle(body: echo), observer: HTTPServerMetrics(registry: registry))
        let socket = try server.connect()
        try await socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await socket.receiveHead()
        _ = try await server.exchange("junk\r\n\r\n")
        try await eventually("the second connection is closed") { await server.server.connectionCount == 1 }
        let text = String(decoding: registry.render(), as: UTF8.self)
        #expect(text.contains("weir_http_requests_total{class=\"2xx\"} 1\n"))
        #expect(text.contains("weir_http_requests_total{class=\"4xx\"} 1\n"))
        #expect(text.contains("weir_http_connections 1\n"))
    }
}
