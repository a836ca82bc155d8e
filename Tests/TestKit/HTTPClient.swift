import Synchronization

/// An answer to a test's request.
package struct HTTPResponse: Sendable {
    package let status: Int
    /// Names as they were sent, in order.
    package let headers: [(name: String, value: String)]
    /// With a chunked encoding undone, a content encoding not.
    package let body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The first header of that name, in any case of letters.
    package subscript(header: String) -> String? {
        headers.first { $0.name.lowercased() == header.lowercased() }?.value
    }
}

/// An HTTP/1.1 client for tests, on one connection that is opened when needed and kept while the server keeps it.
///
/// Requests of one client run one after the other; take several clients for several at once.
package final class HTTPClient: Sendable {
    private let address: SocketAddress
    private let connection = Mutex<TestSocket?>(nil)

    package init(port: Int) { address = .loopback(port) }

    package init(_ address: SocketAddress) { self.address = address }

    /// Sends a GET and waits for the whole answer.
    package func get(
        _ target: String, headers: [String: String] = [:], within deadline: Duration = .seconds(10)
    ) async throws -> HTTPResponse {
        try await send("GET", target, headers: headers, within: deadline)
    }

    /// Sends a POST and waits for the whole answer.
    package func post(
        _ target: String, _ body: String, type: String = "application/x-ndjson", headers: [String: String] = [:],
        within deadline: Duration = .seconds(10)
    ) async throws -> HTTPResponse {
        let headers = headers.merging(["Content-Type": type]) { own, _ in own }
        return try await send("POST", target, headers: headers, body: Array(body.utf8), within: deadline)
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// `Host` is set, and `Content-Length` where there is a body, unless `headers` names them.
    /// - Throws: `TestKitError` if the connection broke or the answer is late or malformed.
    package func send(
        _ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8]? = nil,
        within deadline: Duration = .seconds(10)
    ) async throws -> HTTPResponse {
        try await offThread { [self] in
            try connection.withLock { connection in
                var all = headers
                if headers["Host"] == nil { all["Host"] = "localhost" }
                if let body, headers["Content-Length"] == nil { all["Content-Length"] = "\(body.count)" }
                var head = "\(method) \(target) HTTP/1.1\r\n"
                for (name, value) in all.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
                let request = Array("\(head)\r\n".utf8) + (body ?? [])
                let end = ContinuousClock.now + deadline
                let kept = connection
                connection = nil
                if let kept, let answer = try? exchange(on: kept, request, method: method, until: end) {
                    connection = answer.isReusable ? kept : nil
                    return answer.response
                }
                // A kept connection may have been closed meanwhile: once more, on a fresh one.
                let fresh = try TestSocket(to: address)
                let answer = try exchange(on: fresh, request, method: method, until: end)
                connection = answer.isReusable ? fresh : nil
                return answer.response
            }
        }
    }

    private func exchange(
        on socket: TestSocket, _ request: [UInt8], method: String, until end: ContinuousClock.Instant
    ) throws -> (response: HTTPResponse, isReusable: Bool) {
        try socket.write(request, until: end)
        return try socket.readResponse(toHead: method == "HEAD", until: end)
    }
}

extension TestSocket {
    /// Waits for one whole HTTP answer, for tests that write their requests by hand.
    package func receiveResponse(
        toHead: Bool = false, within deadline: Duration = .seconds(10)
    ) async throws -> HTTPResponse {
        try await offThread { [self] in try readResponse(toHead: toHead, until: .now + deadline).response }
    }

    func readResponse(
        toHead: Bool, until end: ContinuousClock.Instant
    ) throws -> (response: HTTPResponse, isReusable: Bool) {
        let statusLine = String(decoding: try readLine(until: end), as: UTF8.self)
        let parts = statusLine.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
            throw TestKitError("not a status line of HTTP/1.1: \(statusLine)")
        }
        var headers: [(name: String, value: String)] = []
        while true {
            let line = String(decoding: try readLine(until: end), as: UTF8.self)
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { throw TestKitError("not a header: \(line)") }
            let value = line[line.index(after: colon)...]
            headers.append((String(line[..<colon]), value.split(separator: " ").joined(separator: " ")))
        }
        if status == 100 { return try readResponse(toHead: toHead, until: end) }
        let head = HTTPResponse(status: status, headers: headers, body: [])
        var isReusable = head["Connection"]?.lowercased() != "close"
        var body: [UInt8] = []
        if toHead || status == 204 || status == 304 || status == 101 {
            body = []
        } else if head["Transfer-Encoding"]?.lowercased() == "chunked" {
            body = try readChunks(until: end)
        } else if let length = head["Content-Length"] {
            guard let count = Int(length) else { throw TestKitError("not a Content-Length: \(length)") }
            body = try read(count: count, until: end)
        } else {
            body = try readToEnd(until: end)
            isReusable = false
        }
        return (HTTPResponse(status: status, headers: headers, body: body), isReusable)
    }

    private func readChunks(until end: ContinuousClock.Instant) throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = String(decoding: try readLine(until: end), as: UTF8.self)
            guard let count = Int(line.prefix { $0 != ";" }, radix: 16) else {
                throw TestKitError("not a chunk's size: \(line)")
            }
            if count == 0 {
                while try !readLine(until: end).isEmpty {}
                return body
            }
            body += try read(count: count, until: end)
            guard try readLine(until: end).isEmpty else { throw TestKitError("a chunk of \(count) bytes is longer") }
        }
    }
}
