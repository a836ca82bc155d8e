internal import Glibc

/// One address that a host name stands for.
package struct ResolvedAddress: Sendable, Hashable {
    /// The system's `sockaddr`, byte by byte.
    let bytes: [UInt8]
    /// The address in digits: `127.0.0.1`, `::1`.
    package let numericHost: String

    var family: CInt { bytes.withUnsafeBytes { CInt($0.loadUnaligned(as: sa_family_t.self)) } }

    init(bytes: [UInt8]) {
        self.bytes = bytes
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        bytes.withUnsafeBytes { raw in
            guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            getnameinfo(address, socklen_t(raw.count), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        }
        numericHost = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The address of a socket's own end.
    init(localOf descriptor: CInt) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.init(bytes: withUnsafeBytes(of: &storage) { Array($0.prefix(Int(length))) })
    }

    /// Host and port in digits; the path of a Unix socket, which is empty for the clients of one.
    var endpoint: Endpoint {
        guard family != AF_UNIX else {
            let path = bytes.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
            return .unix(path: String(decoding: path, as: UTF8.self))
        }
        // The port stands in the same place in either family, in network order.
        return .tcp(host: numericHost, port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
    }

    func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        // An array of bytes promises no alignment, so the kernel gets a copy that has it.
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes.prefix($0.count)) }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(bytes.count)) }
        }
    }

    /// The address of a Unix socket; nil where the path is too long for the system (107 bytes).
    init?(unixPath: String) {
        var address = sockaddr_un()
        let path = Array(unixPath.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        bytes = withUnsafeBytes(of: &address) { Array($0) }
        numericHost = unixPath
    }
}

extension EventLoop {
    /// The addresses of `host`, in the system's order of preference. On the loop only.
    ///
    /// Digits are read at once; names are asked for on a thread of their own, since the system's resolver blocks. That
    /// thread lives until the resolver answers, also when the time is up or the task is cancelled.
    ///
    /// - Throws: `.badAddress` for a name that nobody knows, `.timedOut`, `.cancelled`.
    package func lookUp(
        host: String, port: UInt16, within timeout: Duration
    ) async throws(ReactorError) -> [ResolvedAddress] {
        if case .success(let addresses) = resolve(host, port, flags: AI_NUMERICHOST) { return addresses }
        let outcome = try await runBlocking("look up \(host)", within: timeout) {
            resolve(host, port, flags: AI_ADDRCONFIG)
        }
        return try outcome.get()
    }
}

/// Asks the system's resolver; blocks unless `flags` allow digits only.
func resolve(_ host: String, _ port: UInt16, flags: CInt) -> Result<[ResolvedAddress], ReactorError> {
    var hints = addrinfo()
    hints.ai_flags = flags | AI_NUMERICSERV
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
        let detail = String(cString: gai_strerror(code))
        return .failure(ReactorError(code: .badAddress, operation: "look up \(host)", detail: detail))
    }
    defer { freeaddrinfo(list) }
    var addresses: [ResolvedAddress] = []
    while let entry = list {
        if let address = entry.pointee.ai_addr {
            let raw = UnsafeRawBufferPointer(start: address, count: Int(entry.pointee.ai_addrlen))
            addresses.append(ResolvedAddress(bytes: Array(raw)))
        }
        list = entry.pointee.ai_next
    }
    return .success(addresses)
}
