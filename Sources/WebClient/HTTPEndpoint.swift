package import Reactor

/// A server that can be asked: `http://host[:port][/base]` or `unix:/path`.
package struct HTTPEndpoint: Hashable, Sendable, CustomStringConvertible {
    package let address: Endpoint
    /// What the `Host` field says.
    package let host: String
    /// Put before every request's target; begins with `/` or is empty, ends without one.
    package let basePath: String

    /// Reads a URL; nil where it is none, or one of another scheme (`https` is left to a proxy).
    package init?(_ url: String) {
        if url.hasPrefix("unix:") {
            guard let address = Endpoint(url) else { return nil }
            (self.address, host, basePath) = (address, "localhost", "")
            return
        }
        guard url.hasPrefix("http://") else { return nil }
        let rest = url.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var path = rest[authority.endIndex...]
        guard !authority.isEmpty, !authority.contains("@"), path.isEmpty || path.hasPrefix("/"),
            path.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else { return nil }
        let hasPort = authority.last != "]" && authority.contains(":")
        guard let address = Endpoint(hasPort ? String(authority) : "\(authority):80") else { return nil }
        while path.hasSuffix("/") { path = path.dropLast() }
        self.address = address
        host = String(authority)
        basePath = String(path)
    }

    /// A server at `address`.
    package init(_ address: Endpoint) {
        self.address = address
        if case .tcp = address { host = address.description } else { host = "localhost" }
        basePath = ""
    }

    package var description: String {
        switch address {
        case .tcp: "http://\(host)\(basePath)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
