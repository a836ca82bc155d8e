internal import CEvent
internal import Glibc

extension EventLoop {
    /// Connects to `endpoint`, trying all its addresses in turn, without ever blocking the loop. On the loop only.
    ///
    /// - Parameters:
    ///   - endpoint: whom to call.
    ///   - timeout: for everything together, the look-up of the name included.
    /// - Returns: a non-blocking descriptor that the caller owns and closes; by TCP with Nagle's delay off and keep-alive
    ///   probes after 15 s of silence, so that a vanished peer is noticed within a minute.
    /// - Throws: the last address's error, `.badAddress`, `.timedOut`, or `.cancelled` with the task.
    package func openConnection(
        to endpoint: Endpoint, within timeout: Duration
    ) async throws(ReactorError) -> CInt {
        preconditionOnLoop()
        let end = ContinuousClock.now + timeout
        let addresses: [ResolvedAddress]
        switch endpoint {
        case .tcp(let host, let port): addresses = try await lookUp(host: host, port: port, within: timeout)
        case .unix(let path):
            guard let address = ResolvedAddress(unixPath: path) else {
                throw ReactorError(.badAddress, "connect \(endpoint)", ENAMETOOLONG)
            }
            addresses = [address]
        }
        var last = ReactorError(code: .badAddress, operation: "connect \(endpoint)", detail: "no address")
        for address in addresses {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { throw ReactorError(.timedOut, "connect \(endpoint)", ETIMEDOUT) }
            do throws(ReactorError) {
                return try await connectOnce(to: address, of: endpoint, within: left)
            } catch {
                guard error.code != .cancelled && error.code != .timedOut else { throw error }
                last = error
            }
        }
        throw last
    }

    private func connectOnce(
        to address: ResolvedAddress, of endpoint: Endpoint, within timeout: Duration
    ) async throws(ReactorError) -> CInt {
        let operation = "connect \(endpoint)"
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw ReactorError(.resources, operation, errno) }
        if address.family != AF_UNIX { setTCPOptions(descriptor) }
        let code = address.bytes.withUnsafeBytes { raw -> CInt in
            guard let pointer = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return EINVAL }
            return connect(descriptor, pointer, socklen_t(raw.count)) == 0 ? 0 : errno
        }
        switch code {
        case 0: return descriptor
        case EINPROGRESS, EINTR: break
        default:
            close(descriptor)
            throw ReactorError(.disconnected, operation, code)
        }
        do throws(ReactorError) {
            try await waitUntilReady(descriptor, toRead: false, toWrite: true, within: timeout)
            var failure: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
            if failure != 0 { throw ReactorError(.disconnected, operation, failure) }
        } catch {
            close(descriptor)
            throw ReactorError(code: error.code, operation: operation, detail: error.detail)
        }
        return descriptor
    }
}

private func setTCPOptions(_ descriptor: CInt) {
    func set(_ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
    set(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, 15)
    set(CInt(IPPROTO_TCP), TCP_KEEPINTVL, 5)
    set(CInt(IPPROTO_TCP), TCP_KEEPCNT, 4)
}
