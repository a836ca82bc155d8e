extension HTTPRequestHead {
    /// Parses and checks a complete head, its empty last line included.
    init(parsing bytes: [UInt8], limits: HTTPLimits) throws(HTTPParseError) {
        let lines = try HTTPHeadLines(bytes, maxFields: limits.maxFields)
        let line = try RequestLine(bytes, lines.startLine)
        let connection = try HTTPConnectionFields(bytes, lines.slices)
        guard line.minorVersion == 0 ? connection.hosts <= 1 : connection.hosts == 1 else {
            throw HTTPParseError(.badRequest, "A request needs exactly one Host field.")
        }
        guard !connection.isChunked || line.minorVersion > 0 else {
            throw HTTPParseError(.badRequest, "HTTP/1.0 has no Transfer-Encoding.")
        }
        method = line.method
        fields = HTTPFields(bytes: bytes, slices: lines.slices)
        minorVersion = line.minorVersion
        framing = connection.isChunked ? .chunked : .length(connection.contentLength ?? 0)
        keepAlive = !connection.close && (line.minorVersion > 0 || connection.keepAlive)
        expectsContinue = connection.expectsContinue && line.minorVersion > 0
        wantsUpgrade = connection.upgrade
        target = line.target
        (pathRange, queryRange) = try HTTPRequestHead.split(bytes, line)
    }

    private struct RequestLine {
        let method: HTTPMethod
        let target: Range<Int>
        let minorVersion: Int

        init(_ bytes: [UInt8], _ line: Range<Int>) throws(HTTPParseError) {
            var index = line.lowerBound
            while index < line.upperBound, ASCII.isToken(bytes[index]) { index += 1 }
            let methodEnd = index
            guard methodEnd > line.lowerBound, index < line.upperBound, bytes[index] == ASCII.space else {
                throw HTTPParseError(.badRequest, "The request line does not begin with a method.")
            }
            index += 1
            let targetStart = index
            while index < line.upperBound, bytes[index] > ASCII.space, bytes[index] < 127 { index += 1 }
            guard index > targetStart, index < line.upperBound, bytes[index] == ASCII.space else {
                throw HTTPParseError(.badRequest, "The request target is malformed.")
            }
            method = HTTPMethod(parsing: bytes, line.lowerBound..<methodEnd)
            target = targetStart..<index
            minorVersion = try RequestLine.version(bytes, index + 1..<line.upperBound)
        }

        private static func version(_ bytes: [UInt8], _ range: Range<Int>) throws(HTTPParseError) -> Int {
            let start = range.lowerBound
            guard range.count == 8, ASCII.equals(bytes, start..<start + 5, "http/"), bytes[start] == UInt8(ascii: "H"),
                bytes[start + 6] == UInt8(ascii: "."), ASCII.hexDigit(bytes[start + 5]) != nil,
                ASCII.hexDigit(bytes[start + 7]) != nil
            else { throw HTTPParseError(.badRequest, "The request line does not end in an HTTP version.") }
            switch (bytes[start + 5], bytes[start + 7]) {
            case (UInt8(ascii: "1"), UInt8(ascii: "0")): return 0
            case (UInt8(ascii: "1"), UInt8(ascii: "1")): return 1
            default: throw HTTPParseError(.versionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
            }
        }
    }

    /// Finds path and query in a target of origin, absolute or asterisk form; a fragment is not allowed.
    private static func split(
        _ bytes: [UInt8], _ line: RequestLine
    ) throws(HTTPParseError) -> (path: Range<Int>, query: Range<Int>) {
        let malformed = HTTPParseError(.badRequest, "The request target is malformed.")
        let target = line.target
        var start = target.lowerBound
        if bytes[start] == UInt8(ascii: "*") {
            guard target.count == 1, line.method == .options else { throw malformed }
            return (target, target.upperBound..<target.upperBound)
        }
        if bytes[start] != UInt8(ascii: "/") {
            guard target.count > 7, ASCII.equals(bytes, start..<start + 7, "http://") else { throw malformed }
            start += 7
            while start < target.upperBound, bytes[start] != UInt8(ascii: "/") { start += 1 }
            guard start < target.upperBound else { throw malformed }
        }
        var mark = start
        while mark < target.upperBound, bytes[mark] != UInt8(ascii: "?") {
            if bytes[mark] == UInt8(ascii: "#") { throw malformed }
            mark += 1
        }
        guard PercentCoding.isValid(bytes[start..<mark]) else {
            throw HTTPParseError(.badRequest, "The path is not properly percent-encoded.")
        }
        return (start..<mark, min(mark + 1, target.upperBound)..<target.upperBound)
    }
}

extension HTTPMethod {
    /// Compares bytes before it makes a string: the usual methods cost no allocation.
    fileprivate init(parsing bytes: [UInt8], _ range: Range<Int>) {
        let slice = bytes[range]
        if slice.elementsEqual("GET".utf8) {
            self = .get
        } else if slice.elementsEqual("POST".utf8) {
            self = .post
        } else {
            self.init(String(decoding: slice, as: UTF8.self))
        }
    }
}
