/// Where a server listens, as a user writes it.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or a numeric address (an IPv6 one without brackets), and a port.
    case tcp(host: String, port: UInt16)
    /// The path of a Unix socket.
    case unix(path: String)

    /// `127.0.0.1:6379`, `[::1]:6379` or the path.
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}
