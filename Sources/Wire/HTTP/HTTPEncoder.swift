/// Writes heads of responses and requests, and the frame of chunked bodies.
package enum HTTPEncoder {
    /// How the peer will find the end of the body that follows.
    package enum BodyLength: Sendable {
        case fixed(Int)
        case chunked
        /// Neither length nor coding: no body may follow (1xx, 204, 304), or the end of the connection ends it.
        case unstated
    }

    /// Appends a response's head, the empty line included.
    ///
    /// `dateLine` is the whole `Date` field with its CRLF, or nothing; callers keep it for a second.
    package static func appendResponseHead(
        _ status: HTTPStatus, fields: HTTPFieldList, length: BodyLength, keepAlive: Bool, minorVersion: Int,
        dateLine: [UInt8], to output: inout [UInt8]
    ) {
        if status == .ok {
            output.append(contentsOf: okLine)
        } else {
            output.append(contentsOf: "HTTP/1.1 ".utf8)
            ASCII.append(decimal: status.code, to: &output)
            output.append(ASCII.space)
            output.append(contentsOf: status.reason.utf8)
            output.append(contentsOf: crlf)
        }
        output.append(contentsOf: dateLine)
        output.append(contentsOf: fields.bytes)
        append(length, to: &output)
        if !keepAlive {
            output.append(contentsOf: closeLine)
        } else if minorVersion == 0 {
            output.append(contentsOf: keepAliveLine)
        }
        output.append(contentsOf: crlf)
    }

    /// Appends a request's head, the empty line included; `target` is already percent-encoded.
    package static func appendRequestHead(
        _ method: HTTPMethod, target: String, host: String, fields: HTTPFieldList, length: BodyLength,
        to output: inout [UInt8]
    ) {
        precondition(
            target.utf8.allSatisfy { $0 > ASCII.space && $0 < 127 }, "a request target holds visible ASCII only")
        precondition(HTTPFieldList.isValid(host), "a host holds no control characters")
        output.append(contentsOf: "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n".utf8)
        output.append(contentsOf: fields.bytes)
        append(length, to: &output)
        output.append(contentsOf: crlf)
    }

    /// Appends `bytes` as one chunk; nothing where there are none, since an empty chunk ends the body.
    package static func appendChunk(_ bytes: [UInt8], to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        output.append(contentsOf: String(bytes.count, radix: 16).utf8)
        output.append(contentsOf: crlf)
        output.append(contentsOf: bytes)
        output.append(contentsOf: crlf)
    }

    /// What ends a chunked body.
    package static let lastChunk = Array("0\r\n\r\n".utf8)

    /// The interim answer that asks for a body.
    package static let continueHead = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private static let okLine = Array("HTTP/1.1 200 OK\r\n".utf8)
    private static let crlf: [UInt8] = [ASCII.cr, ASCII.lf]
    private static let closeLine = Array("Connection: close\r\n".utf8)
    private static let keepAliveLine = Array("Connection: keep-alive\r\n".utf8)
    private static let lengthName = Array("Content-Length: ".utf8)
    private static let chunkedLine = Array("Transfer-Encoding: chunked\r\n".utf8)

    private static func append(_ length: BodyLength, to output: inout [UInt8]) {
        switch length {
        case .fixed(let count):
            output.append(contentsOf: lengthName)
            ASCII.append(decimal: count, to: &output)
            output.append(contentsOf: crlf)
        case .chunked: output.append(contentsOf: chunkedLine)
        case .unstated: break
        }
    }
}
