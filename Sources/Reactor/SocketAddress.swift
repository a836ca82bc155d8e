internal import CEvent
internal import Glibc

/// Where something listens or connects to, as people write it.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name or number without brackets, and a port of 0...65535 (0: the system picks one when listening).
    case tcp(host: String, port: Int)
    /// A socket in the file system.
    case unix(path: String)

    /// Reads `host:port`, `[v6]:port`, `:port` (every interface) or `unix:/path`; nil for anything else.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            var path = text.dropFirst(5)
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard !path.isEmpty, path.utf8.count < 108 else { return nil }
            self = .unix(path: String(path))
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self = .tcp(host: host.isEmpty ? "0.0.0.0" : String(host), port: Int(port))
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The addresses in the form the kernel takes.
    ///
    /// Blocks while a host name is looked up; a number or a path never blocks.
    /// - Throws: `ReactorError.badAddress`.
    func resolve(passive: Bool = false) throws(ReactorError) -> [ResolvedAddress] {
        switch self {
        case .unix(let path): return [try ResolvedAddress(unixPath: path)]
        case .tcp(let host, let port): return try ResolvedAddress.lookUp(host, port, flags: passive ? AI_PASSIVE : 0)
        }
    }

    /// True where `resolve` does not ask the network.
    var isNumeric: Bool {
        guard case .tcp(let host, let port) = self else { return true }
        return (try? ResolvedAddress.lookUp(host, port, flags: AI_NUMERICHOST)) != nil
    }
}

/// A `sockaddr` of any family, as bytes.
struct ResolvedAddress: Sendable {
    let bytes: [UInt8]

    var family: CInt { withPointer { CInt($0.pointee.sa_family) } }

    init(bytes: [UInt8]) { self.bytes = bytes }

    init(unixPath path: String) throws(ReactorError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let utf8 = Array(path.utf8)
        guard utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw ReactorError(code: .badAddress, operation: "unix:\(path)", detail: "the path is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: utf8) }
        bytes = withUnsafeBytes(of: &address) { Array($0) }
    }

    static func lookUp(_ host: String, _ port: Int, flags: CInt) throws(ReactorError) -> [ResolvedAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw ReactorError(
                code: .badAddress, operation: "getaddrinfo \(host)", detail: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [ResolvedAddress] = []
        var next = list
        while let entry = next?.pointee {
            found.append(
                ResolvedAddress(
                    bytes: Array(UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))))
            next = entry.ai_next
        }
        return found
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        bytes.withUnsafeBytes { raw in
            // An address is copied into a buffer of the right alignment: arrays of bytes promise none.
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw.prefix($0.count)))
            }
            return withUnsafePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
            }
        }
    }

    /// The address of a socket's own end.
    init(localOf descriptor: CInt) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        bytes = withUnsafeBytes(of: &storage) { Array($0.prefix(Int(length))) }
    }

    /// Host and port as numbers; the path of a unix socket.
    var socketAddress: SocketAddress {
        guard family != AF_UNIX else {
            let path = bytes.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
            return .unix(path: String(decoding: path, as: UTF8.self))
        }
        return withPointer { address in
            var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
            let code = getnameinfo(
                address, socklen_t(bytes.count), &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
            guard code == 0 else { return .tcp(host: "?", port: 0) }
            let text = { (characters: [CChar]) in
                String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            }
            return .tcp(host: text(host), port: Int(text(port)) ?? 0)
        }
    }
}
