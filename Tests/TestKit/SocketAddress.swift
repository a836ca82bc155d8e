import Glibc

/// Where a server listens.
package enum SocketAddress: Sendable, Hashable {
    case loopback(Int)
    /// A path; with a zero byte in front it is a name in Linux's abstract space.
    case unix(String)

    func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value) rethrows -> Value {
        switch self {
        case .loopback(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            return try withUnsafePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .unix(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            precondition(bytes.count < MemoryLayout.size(ofValue: address.sun_path), "too long for a socket: \(path)")
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let isAbstract = bytes.first == 0
            let length = MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1)
            return try withUnsafePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(length)) }
            }
        }
    }

    /// A blocking stream socket connected to this address.
    func connect() throws -> Int32 {
        let descriptor = try makeSocket()
        if withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
        let reason = String(cString: strerror(errno))
        close(descriptor)
        throw TestKitError("cannot connect to \(self): \(reason)")
    }

    /// A listening socket at this address.
    func listen() throws -> Int32 {
        let descriptor = try makeSocket()
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if withPointer({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 512) == 0 { return descriptor }
        let reason = String(cString: strerror(errno))
        close(descriptor)
        throw TestKitError("cannot listen at \(self): \(reason)")
    }

    private func makeSocket() throws -> Int32 {
        let family =
            switch self {
            case .loopback: AF_INET
            case .unix: AF_UNIX
            }
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestKitError("no socket: \(String(cString: strerror(errno)))") }
        if family == AF_INET {
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        return descriptor
    }
}
