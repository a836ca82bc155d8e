internal import CEvent
internal import Glibc

/// Accepts connections on one address; belongs to its loop's thread.
///
/// With descriptors exhausted it rests for 100 ms instead of spinning on a connection it cannot take.
package final class Listener {
    /// The address in use; the port is the real one where 0 was asked for.
    package let address: Endpoint
    private let loop: EventLoop
    private var descriptor: CInt
    private var event: OpaquePointer?
    private var rest: LoopTimer?
    private let onAccept: @Sendable (consuming ConnectedSocket) -> Void
    /// Accepted in one turn at most, so that a flood of connections does not starve those that are open.
    private static let maxAccepts = 64

    /// Listens on `address` and hands each connection to `onAccept`, on the loop. On the loop only; a host name is looked up
    /// there, which blocks, so this belongs to start-up.
    ///
    /// `reusePort` lets several listeners (of several loops) share the address. A unix socket nobody listens on is replaced.
    ///
    /// - Throws: `ReactorError`, `.addressInUse` naming the address where somebody else has it.
    package init(
        loop: EventLoop, address: Endpoint, reusePort: Bool = false, backlog: Int = 1_024,
        onAccept: @escaping @Sendable (consuming ConnectedSocket) -> Void
    ) throws(ReactorError) {
        loop.preconditionOnLoop()
        let resolved = try Listener.resolved(address)
        let descriptor = try Listener.open(resolved, address, reusePort: reusePort, backlog: backlog)
        self.loop = loop
        self.descriptor = descriptor
        self.onAccept = onAccept
        self.address = ResolvedAddress(localOf: descriptor).endpoint
        event = event_new(
            loop.base, descriptor, Int16(EV_READ | EV_PERSIST), onConnection, Unmanaged.passUnretained(self).toOpaque())
        event_add(event, nil)
    }

    deinit { close() }

    /// Stops listening; connections already accepted stay. The file of a unix socket is removed.
    package func close() {
        guard let event else { return }
        loop.preconditionOnLoop()
        event_free(event)
        self.event = nil
        rest = nil
        Glibc.close(descriptor)
        if case .unix(let path) = address { unlink(path) }
    }

    private static func resolved(_ address: Endpoint) throws(ReactorError) -> ResolvedAddress {
        switch address {
        case .tcp(let host, let port):
            if let first = try Reactor.resolve(host, port, flags: CInt(AI_PASSIVE)).get().first { return first }
        case .unix(let path):
            if let resolved = ResolvedAddress(unixPath: path) { return resolved }
        }
        throw ReactorError(.badAddress, "listen \(address)", ENAMETOOLONG)
    }

    private static func open(
        _ resolved: ResolvedAddress, _ address: Endpoint, reusePort: Bool, backlog: Int
    ) throws(ReactorError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(resolved.family, type, 0)
        guard descriptor >= 0 else { throw ReactorError(.resources, "socket", errno) }
        var on: CInt = 1
        let size = socklen_t(MemoryLayout<CInt>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if reusePort { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, size) }
        if case .unix(let path) = address, isAbandoned(resolved) { unlink(path) }
        var code = resolved.withPointer { bind(descriptor, $0, $1) == 0 ? 0 : errno }
        if code == 0 { code = listen(descriptor, CInt(backlog)) == 0 ? 0 : errno }
        guard code == 0 else {
            Glibc.close(descriptor)
            throw ReactorError(code == EADDRINUSE ? .addressInUse : .badAddress, "listen \(address)", code)
        }
        return descriptor
    }

    /// True where the socket file is left over from a process that is gone.
    private static func isAbandoned(_ resolved: ResolvedAddress) -> Bool {
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { Glibc.close(probe) }
        return resolved.withPointer { connect(probe, $0, $1) != 0 && errno == ECONNREFUSED }
    }

    fileprivate func acceptAll() {
        loop.releaseLater(self)
        for _ in 0..<Listener.maxAccepts {
            guard event != nil else { return }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let accepted = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    weir_accept(descriptor, pointer, &length)
                }
            }
            guard accepted >= 0 else {
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { pause() }
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            let bytes = withUnsafeBytes(of: &storage) { Array($0.prefix(Int(length))) }
            onAccept(ConnectedSocket(adopting: accepted, peer: ResolvedAddress(bytes: bytes).endpoint))
        }
    }

    private func pause() {
        guard let event else { return }
        event_del(event)
        let address = UInt(bitPattern: event)
        rest = loop.schedule(after: .milliseconds(100)) {
            // The timer dies with the listener, and the event lives until then.
            event_add(OpaquePointer(bitPattern: address), nil)
        }
    }
}

private func onConnection(_ descriptor: CInt, _ events: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().acceptAll()
}
