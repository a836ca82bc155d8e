import Testing

@testable import Wire

/// A request with its body, as the parser handed it out.
private struct Parsed: Equatable {
    var line: String
    var body: [UInt8] = []
    var isComplete = false
}

/// Feeds `input` in the given pieces, as a connection would: unread bytes are shown again with what came after them.
private func parse(
    _ pieces: [ArraySlice<UInt8>], limits: HTTPLimits = HTTPLimits()
) -> (requests: [Parsed], failure: HTTPParseError?) {
    var parser = HTTPRequestParser(limits: limits)
    var unread: [UInt8] = []
    var requests: [Parsed] = []
    for piece in pieces {
        unread += piece
        while true {
            let (consumed, event) = parser.next(unread.span)
            switch event {
            case .needMore: break
            case .head(let head): requests.append(Parsed(line: "\(head.method) \(head.rawTarget)"))
            case .body(let range): requests[requests.count - 1].body += unread[range]
            case .end: requests[requests.count - 1].isComplete = true
            case .failed(let error): return (requests, error)
            }
            unread.removeFirst(consumed)
            if case .needMore = event, consumed == 0 { break }
        }
    }
    return (requests, nil)
}

private func head(_ text: String) throws -> HTTPRequestHead {
    var parser = HTTPRequestParser()
    guard case .head(let head) = parser.next(Array(text.utf8).span).event else {
        throw HTTPParseError(.badRequest, "no head")
    }
    return head
}

private func status(_ text: String, limits: HTTPLimits = HTTPLimits()) -> Int? {
    parse([ArraySlice(Array(text.utf8))], limits: limits).failure?.status.code
}

@Suite("HTTP request parser") struct HTTPRequestParserTests {
    private static let pipelined =
        "POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
        + "\r\nPUT /b HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: Chunked\r\n\r\n4;ext=\"1\"\r\nwiki\r\n5\r\npedia\r\n0\r\nT: v\r\n\r\n"
        + "GET http://h/c HTTP/1.1\r\nHOST:h\r\n\r\n" + "OPTIONS * HTTP/1.0\r\n\r\n"

    private static let expected = [
        Parsed(line: "POST /a?x=1", body: Array("hello".utf8), isComplete: true),
        Parsed(line: "PUT /b", body: Array("wikipedia".utf8), isComplete: true),
        Parsed(line: "GET http://h/c", isComplete: true), Parsed(line: "OPTIONS *", isComplete: true),
    ]

    @Test func pipelinedRequestsAreReadWhateverTheCut() {
        let bytes = Array(Self.pipelined.utf8)
        for cut in 0...bytes.count {
            let result = parse([bytes[..<cut], bytes[cut...]])
            #expect(result.requests == Self.expected && result.failure == nil, "cut at \(cut)")
        }
        let single = bytes.indices.map { bytes[$0...$0] }
        #expect(parse(single).requests == Self.expected)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: v\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: pears\r\n\r\n", 417),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nab", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    ])
    func refusesWhatIsMalformed(request: String, code: Int) {
        #expect(status(request) == code)
    }

    @Test func headsAreLimited() {
        var limits = HTTPLimits()
        limits.maxHeadBytes = 256
        limits.maxFields = 3
        let long = String(repeating: "a", count: 300)
        #expect(status("GET /\(long)", limits: limits) == 414)
        #expect(status("GET / HTTP/1.1\r\nHost: \(long)", limits: limits) == 431)
        #expect(status("GET / HTTP/1.1\r\nHost: \(long)\r\n\r\n", limits: limits) == 431)
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", limits: limits) == 431)
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\n\r\n", limits: limits) == nil)
    }

    @Test func bodiesAreLimitedInBothFramings() {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 4
        let start = "POST / HTTP/1.1\r\nHost: a\r\n"
        #expect(status(start + "Content-Length: 4\r\n\r\n1234", limits: limits) == nil)
        #expect(status(start + "Content-Length: 5\r\n\r\n", limits: limits) == 413)
        #expect(
            status(start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", limits: limits) == nil)
        #expect(status(start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde", limits: limits) == 413)
        let extensions = String(repeating: "x", count: 9_000)
        #expect(status(start + "Transfer-Encoding: chunked\r\n\r\n1;\(extensions)", limits: limits) == 431)
    }

    @Test(arguments: [
        ("HTTP/1.1\r\nHost: a\r\n", true), ("HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n", false), ("HTTP/1.0\r\n", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
    ])
    func keepAliveFollowsVersionAndConnection(rest: String, keepAlive: Bool) throws {
        #expect(try head("GET / \(rest)\r\n").keepAlive == keepAlive)
    }

    @Test func headGivesItsPartsOnDemand() throws {
        let head = try head(
            "GET /a%20b/c?from=-1h&by=x&by=%C3%A4+%2B&flag&=e&& HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nx-one: 2\r\n"
                + "Content-Type: Application/JSON; charset=utf-8\r\nUpgrade: h2c, WebSocket\r\nExpect: 100-Continue\r\n\r\n"
        )
        #expect(head.path == "/a b/c")
        #expect(head.fields["X-ONE"] == "1" && head.fields.all("x-one") == ["1", "2"])
        #expect(head.fields["x"] == nil && head.fields.count == 6)
        #expect(head.fields.contentType == "application/json")
        #expect(head.fields.has("websocket", in: "upgrade") && !head.fields.has("socket", in: "upgrade"))
        #expect(head.expectsContinue)
        #expect(
            try head.queryItems() == [
                HTTPQueryItem(name: "from", value: "-1h"), HTTPQueryItem(name: "by", value: "x"),
                HTTPQueryItem(name: "by", value: "ä +"), HTTPQueryItem(name: "flag", value: ""),
                HTTPQueryItem(name: "", value: "e"),
            ])
    }

    @Test(arguments: ["/?ok=1&bad=%zz", "/?ok=1&bad=%C3", "/?bad=%"])
    func brokenQueryNamesItsParameter(target: String) throws {
        let head = try head("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(throws: HTTPQueryError(parameter: "bad")) { try head.queryItems() }
    }

    @Test func percentCodingRoundTrips() {
        let text = "a b/ä?&=+%~"
        let encoded = PercentCoding.encoded(text)
        #expect(encoded == "a%20b%2F%C3%A4%3F%26%3D%2B%25~")
        #expect(PercentCoding.decoded(ArraySlice(Array(encoded.utf8))) == Array(text.utf8))
    }
}
