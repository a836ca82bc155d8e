package import Wire

/// A request to be sent.
package struct HTTPClientRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query below the endpoint, percent-encoded: `/api/v1/query?metric=x`.
    package var target: String
    /// Everything but `Host`, `Content-Length` and `Accept-Encoding`.
    package var fields = HTTPFieldList()
    package var body: [UInt8]

    package init(_ method: HTTPMethod, _ target: String, body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.body = body
    }

    /// True where sending it twice is the same as sending it once.
    var isIdempotent: Bool {
        switch method {
        case .get, .head, .put, .delete, .options: true
        case .post, .patch, .other: false
        }
    }
}

/// A whole answer, decompressed.
package struct HTTPClientResponse: Sendable {
    package let head: HTTPResponseHead
    package let body: [UInt8]

    package var status: HTTPStatus { head.status }
    package var fields: HTTPFields { head.fields }
    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    package var text: String { String(decoding: body, as: UTF8.self) }
}
