import Foundation
import Synchronization

@testable import Redis

/// Accepts connections on a loopback port and answers each with the same bytes, whatever it is asked.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: CInt

    init(answer: String) throws {
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                guard bind(listener, raw, size) == 0, listen(listener, 8) == 0, getsockname(listener, raw, &size) == 0
                else { throw POSIXError(.EADDRINUSE) }
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
        Thread.detachNewThread {
            while true {
                let peer = accept(listener, nil, nil)
                if peer < 0 { return }
                _ = write(peer, answer, answer.utf8.count)
                close(peer)
            }
        }
    }

    deinit { shutdown(listener, CInt(SHUT_RDWR)) }
}

/// Sees whether a client is still alive.
final class Weak: Sendable {
    private struct Reference { weak var client: RedisClient? }
    private let reference = Mutex(Reference())

    func set(_ client: RedisClient) { reference.withLock { $0.client = client } }

    var isGone: Bool { reference.withLock { $0.client == nil } }
}
