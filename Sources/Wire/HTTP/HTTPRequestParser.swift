/// The server's side of HTTP/1.1 reading: bytes in, heads and pieces of bodies out; pipelined requests follow each other.
///
/// ```
/// head ─▶ .head ─▶ body ─▶ .body … ─▶ .end ─▶ head of the next request          any ─▶ .failed (for good)
/// ```
/// A pure machine. The caller shows it the unread bytes, drops the `consumed` ones and shows the rest again, with more.
package struct HTTPRequestParser {
    /// What was found; one event a call.
    package enum Event {
        case needMore
        case head(HTTPRequestHead)
        /// The place of body bytes within the bytes given.
        case body(Range<Int>)
        /// The request is complete.
        case end
        /// Nothing after this can be understood: answer with its status and close.
        case failed(HTTPParseError)
    }

    private enum State {
        case head(HTTPHeadScanner)
        case fixedBody(remaining: Int)
        case chunkedBody(HTTPChunkDecoder, received: Int)
        case failed(HTTPParseError)
    }

    private let limits: HTTPLimits
    private var state = State.head(HTTPHeadScanner())

    package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// True between requests: nothing of the next one has been consumed.
    package var isBetweenRequests: Bool {
        if case .head = state { true } else { false }
    }

    /// Reads on in `bytes`, which begin with the first byte not consumed so far.
    ///
    /// - Returns: how many bytes are done with, and what they were.
    package mutating func next(_ bytes: Span<UInt8>) -> (consumed: Int, event: Event) {
        do throws(HTTPParseError) {
            switch state {
            case .head(let scanner): return try head(bytes, scanner)
            case .fixedBody(let remaining): return fixedBody(bytes, remaining)
            case .chunkedBody(let decoder, let received): return try chunkedBody(bytes, decoder, received)
            case .failed(let error): throw error
            }
        } catch {
            state = .failed(error)
            return (0, .failed(error))
        }
    }

    private mutating func head(
        _ bytes: Span<UInt8>, _ scanner: HTTPHeadScanner
    ) throws(HTTPParseError) -> (Int, Event) {
        // An empty line before a request is ignored (RFC 9112, section 2.2): old clients send one after a body.
        if bytes.count >= 2, bytes[0] == ASCII.cr, bytes[1] == ASCII.lf {
            state = .head(HTTPHeadScanner())
            return (2, .needMore)
        }
        var scanner = scanner
        guard let end = scanner.end(in: bytes), end <= limits.maxHeadBytes else {
            if bytes.count > limits.maxHeadBytes {
                throw scanner.startLineEnd.map { $0 < limits.maxHeadBytes } == true
                    ? HTTPParseError(.headTooLarge, "The header fields are too long.")
                    : HTTPParseError(.uriTooLong, "The request line is too long.")
            }
            state = .head(scanner)
            return (0, .needMore)
        }
        let parsed = try HTTPRequestHead(parsing: bytes.bytes(0..<end), limits: limits)
        switch parsed.framing {
        case .length(let length):
            guard length <= limits.maxBodyBytes else { throw bodyTooLarge }
            state = .fixedBody(remaining: length)
        case .chunked: state = .chunkedBody(HTTPChunkDecoder(), received: 0)
        case .untilClose: preconditionFailure("a request's body never ends with the connection")
        }
        return (end, .head(parsed))
    }

    private mutating func fixedBody(_ bytes: Span<UInt8>, _ remaining: Int) -> (Int, Event) {
        if remaining == 0 {
            state = .head(HTTPHeadScanner())
            return (0, .end)
        }
        let taken = min(remaining, bytes.count)
        state = .fixedBody(remaining: remaining - taken)
        return (taken, taken == 0 ? .needMore : .body(0..<taken))
    }

    private mutating func chunkedBody(
        _ bytes: Span<UInt8>, _ decoder: HTTPChunkDecoder, _ received: Int
    ) throws(HTTPParseError) -> (Int, Event) {
        var decoder = decoder
        var position = 0
        switch try decoder.next(bytes, &position) {
        case .needMore:
            state = .chunkedBody(decoder, received: received)
            return (position, .needMore)
        case .data(let range):
            guard received + range.count <= limits.maxBodyBytes else { throw bodyTooLarge }
            state = .chunkedBody(decoder, received: received + range.count)
            return (position, .body(range))
        case .end:
            state = .head(HTTPHeadScanner())
            return (position, .end)
        }
    }

    private var bodyTooLarge: HTTPParseError {
        HTTPParseError(.contentTooLarge, "The body is over the limit of \(limits.maxBodyBytes) bytes.")
    }
}

extension Span<UInt8> {
    /// A copy of the bytes in `range`.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        let part = extracting(range)
        return unsafe part.withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }

    /// Appends the bytes in `range` to `target`.
    package func append(_ range: Range<Int>, to target: inout [UInt8]) {
        let part = extracting(range)
        unsafe part.withUnsafeBufferPointer { unsafe target.append(contentsOf: $0) }
    }
}
