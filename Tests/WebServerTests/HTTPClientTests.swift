import Reactor
import Synchronization
import TestKit
import Testing
import WebClient
import WebServer
import Wire

private typealias Client = WebClient.HTTPClient

@Suite("HTTP client", .timeLimit(.minutes(1))) struct HTTPClientTests {
    private func client(
        _ server: ServerUnderTest, configure: (inout HTTPClientConfiguration) -> Void = { _ in }
    ) -> Client {
        var configuration = HTTPClientConfiguration()
        configure(&configuration)
        let endpoint = HTTPEndpoint(.tcp(host: "127.0.0.1", port: UInt16(server.port)))
        return Client(loop: server.loop, endpoint: endpoint, configuration: configuration)
    }

    @Test func oneConnectionCarriesManyRequests() async throws {
        let text = String(repeating: "weir ", count: 10_000)
        let server = try await ServerUnderTest { request, responder in
            responder.respond(HTTPResponse(.accepted, text: "\(request.body.count) \(text)"))
        }
        let client = client(server)
        try await server.loop.run {
            for size in [0, 10, 100_000] {
                let response = try await client.send(
                    HTTPClientRequest(.post, "/x", body: [UInt8](repeating: 1, count: size)))
                #expect(response.status == .accepted && response.text == "\(size) \(text)")
                #expect(response.fields["content-encoding"] == "gzip")
            }
        }
        #expect(await server.server.connectionCount == 1)
        await client.close()
    }

    @Test func requestsBeyondTheLimitWaitInLine() async throws {
        let underWay = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let server = try await ServerUnderTest { _, responder in
            responder.respond {
                let now = underWay.wrappingAdd(1, ordering: .relaxed).newValue
                most.max(now, ordering: .relaxed)
                for _ in 0..<10 { await Task.yield() }
                underWay.wrappingSubtract(1, ordering: .relaxed)
                return HTTPResponse(.ok)
            }
        }
        let client = client(server) { $0.maxConnections = 3 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    let response = try await server.loop.run { try await client.send(HTTPClientRequest(.get, "/")) }
                    #expect(response.status == .ok)
                }
            }
            try await group.waitForAll()
        }
        #expect((1...3).contains(most.load(ordering: .relaxed)))
        await client.close()
    }

    @Test func aKeptConnectionThatHasEndedIsReplaced() async throws {
        let server = try await ServerUnderTest { _, responder in responder.respond(HTTPResponse(.ok)) }
        let client = client(server)
        _ = try await server.loop.run { try await client.send(HTTPClientRequest(.get, "/")) }
        await server.advance(by: .seconds(100))
        let again = try await server.loop.run { try await client.send(HTTPClientRequest(.get, "/")) }
        #expect(again.status == .ok)
        await client.close()
    }

    @Test func failuresSayWhetherTheRequestMayHaveRun() async throws {
        let silent = try await ServerUnderTest { _, responder in responder.onCancel { _ = responder } }
        let slow = client(silent) { $0.timeout = .milliseconds(50) }
        let timedOut = await #expect(throws: HTTPClientError.self) {
            try await silent.loop.run { try await slow.send(HTTPClientRequest(.get, "/")) }
        }
        #expect(timedOut?.code == .timedOut && timedOut?.mayHaveRun == true)
        let nowhere = Client(
            loop: silent.loop, endpoint: HTTPEndpoint(.tcp(host: "127.0.0.1", port: UInt16(try FreePort.next()))))
        let unreachable = await #expect(throws: HTTPClientError.self) {
            try await silent.loop.run { try await nowhere.send(HTTPClientRequest(.get, "/")) }
        }
        #expect(unreachable?.code == .unreachable && unreachable?.mayHaveRun == false)
    }

    @Test func unixSocketsAndHostNamesWork() async throws {
        let folder = try TemporaryFolder()
        let server = try await ServerUnderTest { request, responder in
            responder.respond(HTTPResponse(.ok, text: request.peerHost))
        }
        let path = "\(folder.path)/weir.sock"
        try await server.server.listen(on: .unix(path: path))
        for (url, peer) in [("unix:\(path)", "unix"), ("http://localhost:\(server.port)/base/", "127.0.0.1")] {
            let endpoint = try #require(HTTPEndpoint(url))
            let client = Client(loop: server.loop, endpoint: endpoint)
            let response = try await server.loop.run { try await client.send(HTTPClientRequest(.get, "/")) }
            #expect(response.text == peer)
            await client.close()
        }
    }

    @Test(
        arguments: [
            ("http://h", "http://h", "h:80"), ("http://h:81/a/b/", "http://h:81/a/b", "h:81"),
            ("http://[::1]:8", "http://[::1]:8", "[::1]:8"), ("http://[::1]", "http://[::1]", "[::1]:80"),
            ("https://h", nil, nil), ("http://", nil, nil), ("http://u@h", nil, nil), ("http://h/?q", nil, nil),
            ("h:80", nil, nil),
            ("http://h:x", nil, nil),
        ] as [(String, String?, String?)])
    func endpointsAreParsed(url: String, text: String?, address: String?) {
        let endpoint = HTTPEndpoint(url)
        #expect(endpoint?.description == text && endpoint?.address.description == address)
    }
}
