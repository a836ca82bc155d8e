import Glibc
import Reactor
import Service

/// A blocking socket for short questions to servers on this machine, and to find out whether an address is free.
struct LocalSocket: ~Copyable {
    private let descriptor: Int32
    private let address: [UInt8]

    /// Makes a socket for `endpoint`; nil if the system refuses it or does not know the host.
    init?(_ endpoint: Endpoint) {
        guard let (family, address) = Self.resolve(endpoint) else { return nil }
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        self.address = address
    }

    deinit { close(descriptor) }

    /// Listens as our servers do; 0 or `errno`.
    func bindAndListen() -> Int32 {
        var on: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard unsafe withAddress({ unsafe bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1) == 0 else {
            return errno
        }
        return 0
    }

    /// The port that it is bound to.
    var port: UInt16 {
        var name = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let code = unsafe withUnsafeMutableBytes(of: &name) { bytes in
            unsafe getsockname(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        // The port is at the same place in the addresses of both families.
        return code == 0 ? UInt16(bigEndian: name.sin6_port) : 0
    }

    /// Connects, sends `request`, and returns the first piece of the answer; nil if nobody listens. Blocks for a second at most.
    func ask(_ request: String) -> String? {
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard unsafe withAddress({ unsafe connect(descriptor, $0, $1) }) == 0 else { return nil }
        let bytes = Array(request.utf8)
        _ = unsafe bytes.withUnsafeBytes {
            unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        var answer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe answer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: answer.prefix(max(0, count)), as: UTF8.self)
    }

    /// Asks on a thread of its own, since it blocks.
    static func ask(_ endpoint: Endpoint, _ request: String) async -> String? {
        await withCheckedContinuation { continuation in
            _ = NativeThread(name: "probe") {
                let socket = LocalSocket(endpoint)
                continuation.resume(returning: socket?.ask(request))
            }
        }
    }

    private func withAddress(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32) -> Int32 {
        unsafe address.withUnsafeBytes { bytes in
            unsafe body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
    }

    private static func resolve(_ endpoint: Endpoint) -> (family: Int32, address: [UInt8])? {
        switch endpoint {
        case .unix(let path):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            guard bytes.count < 108 else { return nil }
            unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: bytes) }
            return (AF_UNIX, unsafe withUnsafeBytes(of: &name) { unsafe Array($0) })
        case .tcp(let host, let port):
            var hints = unsafe addrinfo()
            unsafe hints.ai_flags = AI_PASSIVE
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            guard unsafe getaddrinfo(host.isEmpty ? nil : host, "\(port)", &hints, &found) == 0,
                let first = unsafe found
            else { return nil }
            defer { unsafe freeaddrinfo(first) }
            let address = unsafe UnsafeRawBufferPointer(
                start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen))
            return (unsafe first.pointee.ai_family, unsafe Array(address))
        }
    }
}
