import Glibc
import Synchronization

/// Loopback ports for servers under test.
package enum FreePort {
    private static let held = Mutex<[Int32]>([])

    /// A TCP port that nobody listens on and no other test run will be given while this process lives.
    ///
    /// Below Linux's range for outgoing connections, so that no client socket can take it in between. The reservation among
    /// test runs is an abstract Unix socket's name, which vanishes with the process.
    /// - Throws: `TestKitError` when a thousand tries found none.
    package static func next() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: 15000..<32000)
            guard let reservation = reserve(port) else { continue }
            if canListen(port) {
                held.withLock { $0.append(reservation) }
                return port
            }
            close(reservation)
        }
        throw TestKitError("no free loopback port between 15000 and 32000")
    }

    private static func reserve(_ port: Int) -> Int32? {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return nil }
        let bound = SocketAddress.unix("\0weir-test-port-\(port)").withPointer { bind(socket, $0, $1) }
        if bound == 0 { return socket }
        close(socket)
        return nil
    }

    private static func canListen(_ port: Int) -> Bool {
        guard let listener = try? SocketAddress.loopback(port).listen() else { return false }
        close(listener)
        return true
    }
}
