import Glibc
import Synchronization

/// The proxy's thread: its sockets and what waits between them.
struct FaultProxyEngine: Sendable {
    private struct Link {
        let client: Int32
        let server: Int32
        var toServer = Flow()
        var toClient = Flow()
        var isBroken = false
    }

    /// One direction: what was read and could not yet be written.
    private struct Flow {
        var bytes: [UInt8] = []
        var isEnded = false
        var isEndSent = false

        var isDone: Bool { isEnded && isEndSent }
    }

    private let address: SocketAddress
    private let upstream: SocketAddress
    private let control: FaultProxyControl
    private var listener: Int32
    private var links: [Link] = []
    private var cuts = 0

    init(address: SocketAddress, upstream: SocketAddress, control: FaultProxyControl) throws {
        self.address = address
        self.upstream = upstream
        self.control = control
        listener = try address.listen()
    }

    mutating func run() {
        while true {
            let order = control.state.withLock { $0 }
            if order.isOver { break }
            obey(order)
            control.state.withLock { $0.obeyed = order.ordered }
            wait(order.mode)
        }
        dropLinks()
        if listener >= 0 { Glibc.close(listener) }
    }

    private mutating func obey(_ order: FaultProxyControl.State) {
        if order.cuts > cuts || order.mode == .refuse { dropLinks() }
        cuts = order.cuts
        if order.mode == .refuse, listener >= 0 {
            Glibc.close(listener)
            listener = -1
        } else if order.mode != .refuse, listener < 0 {
            guard let again = try? address.listen() else { preconditionFailure("the proxy's port was taken") }
            listener = again
        }
    }

    /// Polls what may move in this mode, then moves it.
    private mutating func wait(_ mode: FaultProxy.Mode) {
        var entries = [
            pollfd(fd: control.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
        ]
        for link in links {
            entries.append(watch(link.client, reads: link.toServer, writes: link.toClient, mode, isReply: false))
            entries.append(watch(link.server, reads: link.toClient, writes: link.toServer, mode, isReply: true))
        }
        guard poll(&entries, nfds_t(entries.count), -1) > 0 else { return }
        if entries[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            _ = read(control.reader, &bytes, bytes.count)
        }
        for index in links.indices {
            let (client, server) = (entries[2 + 2 * index], entries[3 + 2 * index])
            move(&links[index], client: client.revents, server: server.revents, mode)
        }
        for link in links where link.isBroken || (link.toServer.isDone && link.toClient.isDone) {
            drop(link, reset: link.isBroken)
        }
        links.removeAll { $0.isBroken || ($0.toServer.isDone && $0.toClient.isDone) }
        if entries[1].revents != 0 { accept() }
    }

    private func watch(
        _ socket: Int32, reads: Flow, writes: Flow, _ mode: FaultProxy.Mode, isReply: Bool
    ) -> pollfd {
        var events: Int32 = 0
        let mayRead = mode == .pass || (mode == .stallReplies && !isReply)
        let mayWrite = mode == .pass || (mode == .stallReplies && isReply)
        if mayRead, !reads.isEnded, reads.bytes.isEmpty { events |= POLLIN }
        if mayWrite, !writes.bytes.isEmpty { events |= POLLOUT }
        // A hang-up is reported even where nothing is asked for; leaving the socket out keeps the thread from spinning.
        return pollfd(fd: events == 0 ? -1 : socket, events: Int16(events), revents: 0)
    }

    private func move(_ link: inout Link, client: Int16, server: Int16, _ mode: FaultProxy.Mode) {
        if client & Int16(POLLIN | POLLHUP | POLLERR) != 0, link.toServer.bytes.isEmpty, !link.toServer.isEnded {
            pull(link.client, into: &link.toServer, breaking: &link.isBroken)
        }
        if server & Int16(POLLIN | POLLHUP | POLLERR) != 0, link.toClient.bytes.isEmpty, !link.toClient.isEnded,
            mode == .pass
        {
            pull(link.server, into: &link.toClient, breaking: &link.isBroken)
        }
        if mode != .stall { push(&link.toServer, to: link.server, breaking: &link.isBroken) }
        if mode == .pass { push(&link.toClient, to: link.client, breaking: &link.isBroken) }
    }

    private func pull(_ socket: Int32, into flow: inout Flow, breaking isBroken: inout Bool) {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            flow.bytes = Array(chunk[..<count])
        } else if count == 0 {
            flow.isEnded = true
        } else if errno != EAGAIN, errno != EINTR {
            isBroken = true
        }
    }

    private func push(_ flow: inout Flow, to socket: Int32, breaking isBroken: inout Bool) {
        if !flow.bytes.isEmpty {
            let count = send(socket, flow.bytes, flow.bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            if count > 0 {
                flow.bytes.removeFirst(count)
            } else if errno != EAGAIN, errno != EINTR {
                isBroken = true
            }
        }
        if flow.isEnded, flow.bytes.isEmpty, !flow.isEndSent {
            shutdown(socket, Int32(SHUT_WR))
            flow.isEndSent = true
        }
    }

    private mutating func accept() {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        control.state.withLock { $0.accepted += 1 }
        if let server = try? upstream.connect() {
            links.append(Link(client: client, server: server))
        } else {
            close(client, reset: true)
        }
    }

    private mutating func dropLinks() {
        for link in links { drop(link, reset: true) }
        links = []
    }

    private func drop(_ link: Link, reset: Bool) {
        close(link.client, reset: reset)
        close(link.server, reset: reset)
    }

    private func close(_ socket: Int32, reset: Bool) {
        if reset {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
        Glibc.close(socket)
    }
}
