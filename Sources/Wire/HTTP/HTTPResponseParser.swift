/// The head of a received response.
package struct HTTPResponseHead: Sendable {
    package let status: HTTPStatus
    package let fields: HTTPFields
    package let framing: HTTPFraming
    /// True where the connection can carry another request afterwards.
    package let keepAlive: Bool

    init(parsing bytes: [UInt8], to method: HTTPMethod, limits: HTTPLimits) throws(HTTPParseError) {
        let malformed = HTTPParseError(.badGateway, "The status line is malformed.")
        let lines = try HTTPHeadLines(bytes, maxFields: limits.maxFields)
        let line = lines.startLine
        guard line.count >= 12, bytes[line].starts(with: "HTTP/1.".utf8), bytes[line.lowerBound + 8] == ASCII.space,
            let minorVersion = ASCII.hexDigit(bytes[line.lowerBound + 7]), minorVersion <= 1,
            line.count == 12 || bytes[line.lowerBound + 12] == ASCII.space,
            let code = Int(String(decoding: bytes[line.lowerBound + 9..<line.lowerBound + 12], as: UTF8.self)),
            code >= 100
        else { throw malformed }
        status = HTTPStatus(code)
        let connection = try HTTPConnectionFields(bytes, lines.slices)
        fields = HTTPFields(bytes: bytes, slices: lines.slices)
        if method == .head || !status.allowsBody {
            framing = .length(0)
        } else if connection.isChunked {
            framing = .chunked
        } else if let length = connection.contentLength {
            framing = .length(length)
        } else {
            framing = .untilClose
        }
        keepAlive =
            !connection.close && (minorVersion > 0 || connection.keepAlive) && framing != .untilClose
    }
}

/// The client's side of HTTP/1.1 reading; `begin` before each response, since its framing depends on the request.
///
/// Used like `HTTPRequestParser`. Interim responses (1xx but 101) are skipped.
package struct HTTPResponseParser {
    /// What the parser found next.
    package enum Event {
        case needMore
        case head(HTTPResponseHead)
        /// The place of body bytes within the bytes given.
        case body(Range<Int>)
        case end
        case failed(HTTPParseError)
    }

    private enum State {
        case idle
        case head(HTTPHeadScanner)
        case fixedBody(remaining: Int)
        case chunkedBody(HTTPChunkDecoder)
        case bodyUntilClose
        case failed(HTTPParseError)
    }

    private let limits: HTTPLimits
    private var state = State.idle
    private var method = HTTPMethod.get
    private var received = 0

    package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Expects the response to a request with `method` now.
    package mutating func begin(method: HTTPMethod) {
        guard case .idle = state else { preconditionFailure("the previous response is not complete") }
        self.method = method
        received = 0
        state = .head(HTTPHeadScanner())
    }

    /// Reads on in `bytes`, which begin with the first byte not consumed so far.
    package mutating func next(_ bytes: Span<UInt8>) -> (consumed: Int, event: Event) {
        do throws(HTTPParseError) {
            switch state {
            case .idle:
                guard bytes.isEmpty else { throw HTTPParseError(.badGateway, "A response came without a request.") }
                return (0, .needMore)
            case .head(let scanner): return try head(bytes, scanner)
            case .fixedBody(let remaining):
                if remaining == 0 {
                    state = .idle
                    return (0, .end)
                }
                let taken = min(remaining, bytes.count)
                state = .fixedBody(remaining: remaining - taken)
                return try body(taken, 0..<taken)
            case .bodyUntilClose: return try body(bytes.count, 0..<bytes.count)
            case .chunkedBody(var decoder):
                var position = 0
                let step = try decoder.next(bytes, &position)
                state = .chunkedBody(decoder)
                switch step {
                case .needMore: return (position, .needMore)
                case .data(let range): return try body(position, range)
                case .end:
                    state = .idle
                    return (position, .end)
                }
            case .failed(let error): throw error
            }
        } catch {
            state = .failed(error)
            return (0, .failed(error))
        }
    }

    /// The peer has closed: true where that completes the response.
    package mutating func connectionEnded() -> Bool {
        guard case .bodyUntilClose = state else { return false }
        state = .idle
        return true
    }

    private mutating func body(_ consumed: Int, _ range: Range<Int>) throws(HTTPParseError) -> (Int, Event) {
        if range.isEmpty { return (consumed, .needMore) }
        received += range.count
        guard received <= limits.maxBodyBytes else {
            throw HTTPParseError(.badGateway, "The response's body is over the limit.")
        }
        return (consumed, .body(range))
    }

    private mutating func head(
        _ bytes: Span<UInt8>, _ scanner: HTTPHeadScanner
    ) throws(HTTPParseError) -> (Int, Event) {
        var scanner = scanner
        guard let end = scanner.end(in: bytes), end <= limits.maxHeadBytes else {
            if bytes.count > limits.maxHeadBytes {
                throw HTTPParseError(.badGateway, "The response's head is too long.")
            }
            state = .head(scanner)
            return (0, .needMore)
        }
        let parsed = try HTTPResponseHead(parsing: bytes.bytes(0..<end), to: method, limits: limits)
        if parsed.status.code < 200 && parsed.status.code != 101 {
            state = .head(HTTPHeadScanner())
            return (end, .needMore)
        }
        switch parsed.framing {
        case .length(let length): state = .fixedBody(remaining: length)
        case .chunked: state = .chunkedBody(HTTPChunkDecoder())
        case .untilClose: state = .bodyUntilClose
        }
        return (end, .head(parsed))
    }
}
