package import Reactor

/// The address of a Redis server, with what it takes to enter.
///
/// ```
/// redis://[user:password@]host[:port][/db]     unix:///path[?db=1]     redis+cluster://host:port,host:port
/// ```
/// Its description never shows the password.
package struct RedisURL: Sendable, Equatable, CustomStringConvertible {
    package let endpoint: Endpoint
    /// The ACL user; nil for the default one.
    package let user: String?
    let password: String?
    /// The database number, 0 unless told.
    package let database: Int

    /// Reads an address as a user writes it; what is percent-encoded in user, password and path is decoded.
    ///
    /// - Throws: `.badConfiguration` with the reason, which never repeats the password.
    package init(_ text: String) throws(RedisError) {
        guard let colon = text.firstRange(of: "://") else {
            throw Self.bad("an address begins with redis:// or unix://")
        }
        var rest = text[colon.upperBound...]
        switch text[..<colon.lowerBound] {
        case "redis":
            (user, password) = try Self.takeCredentials(from: &rest)
            let path = rest.firstIndex(of: "/").map { rest[$0...].dropFirst() } ?? ""
            endpoint = try Self.tcpEndpoint(rest.prefix { $0 != "/" })
            database = path.isEmpty ? 0 : try Self.database(path)
        case "unix":
            (user, password) = try Self.takeCredentials(from: &rest)
            let query = rest.firstIndex(of: "?").map { rest[$0...].dropFirst() } ?? ""
            let path = try Self.decoded(rest.prefix { $0 != "?" })
            guard path.hasPrefix("/") else { throw Self.bad("unix:// needs an absolute path: unix:///path") }
            guard query.isEmpty || query.hasPrefix("db=") else { throw Self.bad("unix:// knows only ?db=number") }
            endpoint = .unix(path: path)
            database = query.isEmpty ? 0 : try Self.database(query.dropFirst(3))
        case "redis+cluster":
            _ = try Self.takeCredentials(from: &rest)
            for node in rest.split(separator: ",", omittingEmptySubsequences: false) { _ = try Self.tcpEndpoint(node) }
            throw Self.bad("Redis Cluster comes with Weir 1.0; until then name one server as redis://host:port")
        case "rediss":
            throw Self.bad("TLS is not spoken; use a tunnel such as stunnel, and redis:// to its near end")
        case let scheme:
            throw Self.bad("unknown scheme \(scheme)://; use redis:// or unix://")
        }
    }

    package var description: String {
        let entry = password == nil ? "" : "\(user ?? ""):***@"
        return switch endpoint {
        case .tcp: "redis://\(entry)\(endpoint)/\(database)"
        case .unix: "unix://\(entry)\(endpoint)" + (database == 0 ? "" : "?db=\(database)")
        }
    }

    private static func bad(_ detail: String) -> RedisError { RedisError(.badConfiguration, "address", detail) }

    /// Cuts `user:password@` off the front; the last `@` before the path ends it.
    private static func takeCredentials(from rest: inout Substring) throws(RedisError) -> (String?, String?) {
        guard let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return (nil, nil) }
        let entry = rest[..<at]
        rest = rest[at...].dropFirst()
        guard let colon = entry.firstIndex(of: ":") else {
            throw bad("before the @ stands user:password, or :password for the default user")
        }
        let user = try decoded(entry[..<colon])
        return (user.isEmpty ? nil : user, try decoded(entry[colon...].dropFirst()))
    }

    private static func tcpEndpoint(_ text: Substring) throws(RedisError) -> Endpoint {
        var host = text
        var portText: Substring = "6379"
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw bad("the [ of an IPv6 address is not closed") }
            host = text[..<end].dropFirst()
            let after = text[end...].dropFirst()
            guard after.isEmpty || after.hasPrefix(":") else { throw bad("after ] comes a colon and the port") }
            if !after.isEmpty { portText = after.dropFirst() }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            portText = text[colon...].dropFirst()
        }
        guard !host.isEmpty else { throw bad("the host is missing") }
        guard let port = UInt16(portText), port > 0 else { throw bad("the port is not a number from 1 to 65535") }
        return .tcp(host: String(host), port: port)
    }

    private static func database(_ text: Substring) throws(RedisError) -> Int {
        guard let number = Int(text), number >= 0 else { throw bad("the database is not a number: \(text)") }
        return number
    }

    private static func decoded(_ text: Substring) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let digits = String(rest.prefix(2)), let value = UInt8(digits, radix: 16) else {
                throw bad("after % come two hexadecimal digits")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw bad("the text is not UTF-8") }
        return decoded
    }
}
