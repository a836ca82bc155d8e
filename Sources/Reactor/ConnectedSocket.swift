internal import CEvent
internal import Glibc

/// A connected, non-blocking socket that nobody drives yet; closes it unless a `BufferedSocket` takes it over.
package struct ConnectedSocket: ~Copyable, Sendable {
    /// Negative once it belongs to somebody else.
    private var descriptor: CInt
    /// The other end; a unix socket's clients have no name.
    package let peer: Endpoint

    init(adopting descriptor: CInt, peer: Endpoint) {
        self.descriptor = descriptor
        self.peer = peer
        if case .tcp = peer {
            // Whole messages are written at once; waiting for more would only add latency.
            var on: CInt = 1
            setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The descriptor, which is the caller's to close from now on.
    consuming func take() -> CInt {
        let taken = descriptor
        descriptor = -1
        return taken
    }
}

extension EventLoop {
    /// Connects to `endpoint`, as `openConnection` does, and owns the result. On the loop only.
    package func openSocket(to endpoint: Endpoint, within timeout: Duration) async throws(ReactorError)
        -> ConnectedSocket
    {
        ConnectedSocket(adopting: try await openConnection(to: endpoint, within: timeout), peer: endpoint)
    }
}
