/// The head of a request, checked; the target and the fields are still bytes until asked for.
package struct HTTPRequestHead: Sendable {
    package let method: HTTPMethod
    package let fields: HTTPFields
    /// 0 or 1: the digit after `HTTP/1.`.
    package let minorVersion: Int
    /// Never `untilClose`.
    package let framing: HTTPFraming
    /// True where the connection stays open after the response.
    package let keepAlive: Bool
    /// True where the client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool
    /// True where `Connection` names `upgrade`.
    package let wantsUpgrade: Bool
    let target: Range<Int>
    let pathRange: Range<Int>
    let queryRange: Range<Int>

    /// The target as received, for logs.
    package var rawTarget: String { String(decoding: fields.bytes[target], as: UTF8.self) }

    /// The path without the query, still percent-encoded: `/a%20b`. Begins with `/`, or is `*`.
    package var rawPath: ArraySlice<UInt8> { fields.bytes[pathRange] }

    /// The query without its `?`, still percent-encoded.
    package var rawQuery: ArraySlice<UInt8> { fields.bytes[queryRange] }

    /// The decoded path; bytes that are no UTF-8 become U+FFFD.
    package var path: String { String(decoding: PercentCoding.decoded(rawPath) ?? Array(rawPath), as: UTF8.self) }

    /// The query's parameters in order, repeated ones repeated, `+` read as a space.
    ///
    /// - Throws: `HTTPQueryError` naming the parameter that is badly encoded.
    package func queryItems() throws(HTTPQueryError) -> [HTTPQueryItem] { try HTTPQueryItem.parse(rawQuery) }
}
