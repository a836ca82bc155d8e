import Glibc
import Synchronization

/// A proxy in front of a server that can fail as networks fail.
///
/// It works on a thread of its own and ends, with all its connections, with this object.
package final class FaultProxy: Sendable {
    /// What happens to bytes and connections.
    package enum Mode: Sendable {
        /// Everything goes through.
        case pass
        /// New connections are accepted, open ones stay open, no byte moves.
        case stall
        /// Requests reach the server, its answers are held back: commands run and nobody learns of it.
        case stallReplies
        /// Open connections are reset, new ones refused.
        case refuse
    }

    /// The loopback port to connect to.
    package let port: Int
    private let control: FaultProxyControl

    /// Starts a proxy in front of `upstream`.
    ///
    /// - Throws: `TestKitError` if there is no port for it.
    package init(to upstream: SocketAddress) throws {
        port = try FreePort.next()
        control = try FaultProxyControl()
        let engine = try FaultProxyEngine(address: .loopback(port), upstream: upstream, control: control)
        startThread {
            var engine = engine
            engine.run()
        }
    }

    deinit { control.tell { $0.isOver = true } }

    /// The address to connect to.
    package var address: SocketAddress { .loopback(port) }

    /// How many connections were accepted so far.
    package var acceptedCount: Int { control.state.withLock { $0.accepted } }

    /// Changes what happens from now on; in force when this returns.
    package func set(_ mode: Mode) async throws {
        try await settled(control.tell { $0.mode = mode })
    }

    /// Resets all open connections, once; the mode stays. Done when this returns.
    package func cut() async throws {
        try await settled(control.tell { $0.cuts += 1 })
    }

    private func settled(_ order: Int) async throws {
        try await eventually("the proxy obeys") { control.state.withLock { $0.obeyed >= order } }
    }
}

/// What the proxy's owner and its thread share.
final class FaultProxyControl: Sendable {
    struct State {
        var mode = FaultProxy.Mode.pass
        var cuts = 0
        var isOver = false
        var ordered = 0
        var obeyed = 0
        var accepted = 0
    }

    let state = Mutex(State())
    /// The end that the thread polls.
    let reader: Int32
    private let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestKitError("no pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// Gives an order and returns its number.
    @discardableResult
    func tell(_ change: (inout State) -> Void) -> Int {
        let number = state.withLock { state in
            change(&state)
            state.ordered += 1
            return state.ordered
        }
        var byte: UInt8 = 0
        write(writer, &byte, 1)
        return number
    }
}
