import Testing

@testable import Wire

@Suite("HTTP responses") struct HTTPResponseTests {
    private func responses(_ input: [UInt8], cut: Int, methods: [HTTPMethod]) -> [String] {
        var parser = HTTPResponseParser()
        var unread: [UInt8] = []
        var methods = methods[...]
        var found: [String] = []
        var isIdle = true
        for piece in [input[..<cut], input[cut...]] {
            unread += piece
            while true {
                if isIdle {
                    guard let method = methods.popFirst() else { break }
                    parser.begin(method: method)
                    isIdle = false
                }
                let (consumed, event) = parser.next(unread.span)
                switch event {
                case .needMore: break
                case .head(let head): found.append("\(head.status.code) \(head.keepAlive) ")
                case .body(let range): found[found.count - 1] += String(decoding: unread[range], as: UTF8.self)
                case .end: isIdle = true
                case .failed(let error): return found + ["failed: \(error.reason)"]
                }
                unread.removeFirst(consumed)
                if case .needMore = event, consumed == 0 { break }
            }
        }
        if parser.connectionEnded() { found.append("ended") }
        return found
    }

    @Test func everyFramingIsReadWhateverTheCut() {
        let input = Array(
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
                + "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + "HTTP/1.1 304 Not Modified\r\n\r\n"
                + "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                + "HTTP/1.1 503 No\r\nConnection: close\r\n\r\nrest").utf8)
        for cut in 0...input.count {
            let found = responses(input, cut: cut, methods: [.get, .head, .get, .post, .get])
            #expect(found == ["200 true hi", "200 true ", "304 true ", "200 true abc", "503 false rest", "ended"])
        }
    }

    @Test(arguments: ["HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "junk\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n"])
    func malformedStatusLinesAreRefused(text: String) {
        #expect(responses(Array(text.utf8), cut: 0, methods: [.get]) == ["failed: The status line is malformed."])
    }

    @Test func headsAreEncodedByteForByte() {
        var fields = HTTPFieldList()
        fields.append("Content-Type", "text/plain")
        let date = Array("Date: \(HTTPDate.format(secondsSince1970: 784_111_777))\r\n".utf8)
        var output: [UInt8] = []
        HTTPEncoder.appendResponseHead(
            .notFound, fields: fields, length: .fixed(1_020), keepAlive: false, minorVersion: 1, dateLine: date,
            to: &output)
        #expect(
            String(decoding: output, as: UTF8.self)
                == "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
                + "Content-Length: 1020\r\nConnection: close\r\n\r\n")
        output = []
        HTTPEncoder.appendRequestHead(.post, target: "/a?b", host: "h:1", fields: fields, length: .chunked, to: &output)
        HTTPEncoder.appendChunk(Array(repeating: 97, count: 17), to: &output)
        HTTPEncoder.appendChunk([], to: &output)
        output += HTTPEncoder.lastChunk
        #expect(
            String(decoding: output, as: UTF8.self)
                == "POST /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "11\r\naaaaaaaaaaaaaaaaa\r\n0\r\n\r\n")
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (1_795_428_000, "Mon, 23 Nov 2026 10:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func datesAreCivil(seconds: Int, text: String) {
        #expect(HTTPDate.format(secondsSince1970: seconds) == text)
    }
}
