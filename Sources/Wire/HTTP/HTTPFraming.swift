/// How the end of a message's body is found (RFC 9112, section 6).
package enum HTTPFraming: Hashable, Sendable {
    case length(Int)
    case chunked
    /// Responses only: up to the end of the connection.
    case untilClose
}

/// What the fields say that the connection itself must know, gathered in one pass.
struct HTTPConnectionFields {
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var hosts = 0
    private(set) var close = false
    private(set) var keepAlive = false
    private(set) var upgrade = false
    private(set) var expectsContinue = false

    init(_ bytes: [UInt8], _ slices: [HTTPFields.Slice]) throws(HTTPParseError) {
        for slice in slices {
            switch slice.name.count {
            case 4 where ASCII.equals(bytes, slice.name, "host"): hosts += 1
            case 6 where ASCII.equals(bytes, slice.name, "expect"):
                guard ASCII.equals(bytes, slice.value, "100-continue") else {
                    throw HTTPParseError(.expectationFailed, "Only Expect: 100-continue is known.")
                }
                expectsContinue = true
            case 10 where ASCII.equals(bytes, slice.name, "connection"):
                for member in HTTPFields.members(bytes, slice.value) {
                    if ASCII.equals(bytes, member, "close") { close = true }
                    if ASCII.equals(bytes, member, "keep-alive") { keepAlive = true }
                    if ASCII.equals(bytes, member, "upgrade") { upgrade = true }
                }
            case 14 where ASCII.equals(bytes, slice.name, "content-length"):
                guard contentLength == nil else {
                    throw HTTPParseError(.badRequest, "Content-Length is given more than once.")
                }
                contentLength = try HTTPConnectionFields.length(bytes, slice.value)
            case 17 where ASCII.equals(bytes, slice.name, "transfer-encoding"):
                guard !isChunked else {
                    throw HTTPParseError(.badRequest, "Transfer-Encoding is given more than once.")
                }
                guard ASCII.equals(bytes, slice.value, "chunked") else {
                    throw HTTPParseError(.notImplemented, "The only transfer encoding known is chunked.")
                }
                isChunked = true
            default: break
            }
        }
        // A message with both is how requests are smuggled past a proxy that believes the other one.
        guard !isChunked || contentLength == nil else {
            throw HTTPParseError(.badRequest, "Content-Length and Transfer-Encoding exclude each other.")
        }
    }

    private static func length(_ bytes: [UInt8], _ range: Range<Int>) throws(HTTPParseError) -> Int {
        guard (1...18).contains(range.count) else {
            throw HTTPParseError(.badRequest, "Content-Length is not a number.")
        }
        var value = 0
        for index in range {
            guard bytes[index] >= 48, bytes[index] <= 57 else {
                throw HTTPParseError(.badRequest, "Content-Length is not a number.")
            }
            value = value * 10 + Int(bytes[index] - 48)
        }
        return value
    }
}
