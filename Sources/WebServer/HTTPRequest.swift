internal import Reactor
package import Wire

/// A whole request, its body decompressed.
package struct HTTPRequest: Sendable {
    package let head: HTTPRequestHead
    package let body: [UInt8]
    /// Values of the route's `{…}` segments, decoded, in the path's order.
    package internal(set) var pathParameters: [(name: String, value: String)] = []
    private let peer: Endpoint

    init(head: HTTPRequestHead, body: [UInt8], peer: Endpoint) {
        self.head = head
        self.body = body
        self.peer = peer
    }

    package var method: HTTPMethod { head.method }
    package var path: String { head.path }
    package var fields: HTTPFields { head.fields }

    /// The decoded value of the route's segment `{name}`.
    ///
    /// - Precondition: the route has such a segment.
    package func pathParameter(_ name: String) -> String {
        guard let found = pathParameters.first(where: { $0.name == name }) else {
            preconditionFailure("the route has no segment {\(name)}")
        }
        return found.value
    }

    /// The client's address without its port; `unix` for a unix socket's.
    package var peerHost: String {
        switch peer {
        case .tcp(let host, _): host
        case .unix: "unix"
        }
    }
}
