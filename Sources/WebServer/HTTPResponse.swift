internal import Deflate
package import Wire

/// A whole response. Length, date, connection and compression are the server's affair.
package struct HTTPResponse: Sendable {
    package var status: HTTPStatus
    package var contentType: ContentType?
    /// Everything but `Content-Type`, `Content-Length`, `Content-Encoding`, `ETag`, `Date`, `Connection` and
    /// `Transfer-Encoding`.
    package var fields = HTTPFieldList()
    /// Sent as `ETag` with a 200 or 201; a client whose `If-None-Match` names it gets 304 and no body.
    package var entityTag: HTTPEntityTag?
    /// Sent without being copied where it is large; the same array may be sent to many.
    package var body: [UInt8]
    /// The body compressed ahead of time, for those who take gzip; compressed on the fly where it is nil and worthwhile.
    package var gzippedBody: [UInt8]?

    package init(_ status: HTTPStatus, _ contentType: ContentType? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// Compresses the body now where the client takes that, so that the loop need not; from any thread. Some ms for a MiB.
    package mutating func compress(for request: HTTPRequest) {
        guard gzippedBody == nil, contentType?.isCompressible == true, request.fields.acceptsGzip else { return }
        gzippedBody = compressedBody
    }

    /// Speed before size: it may hold others up meanwhile.
    var compressedBody: [UInt8] { Gzip.compress(body, level: body.count > 128 * 1024 ? 1 : 4) }

    /// Plain text.
    package init(_ status: HTTPStatus, text: String) {
        self.init(status, .text, body: Array(text.utf8))
    }

    /// A problem report (RFC 9457); `detail` tells the client what to do about it.
    package init(problem status: HTTPStatus, detail: String) {
        self.init(status, .problem, body: Problem(status: status, detail: detail).json)
    }
}
