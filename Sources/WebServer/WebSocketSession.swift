internal import Reactor
package import Wire

/// A message from a WebSocket's client.
package enum WebSocketMessage: Hashable, Sendable {
    /// Valid UTF-8.
    case text([UInt8])
    case binary([UInt8])
}

/// The server's end of one WebSocket.
///
/// From any thread; on the loop it happens at once. After the end, nothing happens.
package final class WebSocketSession: Sendable {
    private let connection: HTTPConnection
    /// The subprotocol agreed on, if any.
    package let subprotocol: String?

    init(connection: HTTPConnection, subprotocol: String?) {
        self.connection = connection
        self.subprotocol = subprotocol
    }

    /// Sends an encoded frame (`WebSocketFrame.encode`), which thousands of sessions may share: it is not copied where it is
    /// large, and goes straight to the kernel where nothing waits.
    package func send(frame: [UInt8]) {
        if connection.loop.isCurrent {
            connection.assumeIsolated { $0.sendFrame(frame) }
        } else {
            connection.enter { $0.sendFrame(frame) }
        }
    }

    /// Sends messages in one write, compressed where the client agreed on it and it pays.
    package func send(messages: [SharedMessage]) {
        if connection.loop.isCurrent {
            connection.assumeIsolated { $0.sendMessages(messages) }
        } else {
            connection.enter { $0.sendMessages(messages) }
        }
    }

    /// In which form this client takes messages. On the loop only.
    package var form: MessageForm { .webSocket(connection.assumeIsolated { $0.webSocketCompression }) }

    /// The bytes that `messages` are in one write to this client, and to all of the server that have its `form`. On the loop only.
    package func encode(_ messages: [SharedMessage]) -> [UInt8] {
        connection.assumeIsolated { $0.encode(messages) }
    }

    /// Sends what `encode` made, here or for another client of equal `form`: the bytes are shared, and go straight to the kernel
    /// where nothing waits. On the loop only.
    ///
    /// - Returns: false, and nothing was sent, where more than `limit` bytes wait for this client.
    package func send(encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        connection.assumeIsolated { $0.sendEncoded(bytes, unlessWaiting: limit) }
    }

    /// Sends a text message to this client alone.
    package func send(text: [UInt8]) { send(messages: [SharedMessage(text: text)]) }

    /// Sends a binary message to this client alone.
    package func send(binary: [UInt8]) { send(messages: [SharedMessage(binary: binary)]) }

    /// Bytes the client has not taken yet; what to drop or merge by. On the loop only.
    package var pendingBytes: Int { connection.assumeIsolated { $0.pendingBytes } }

    /// False once either side has begun to close. On the loop only.
    package var isOpen: Bool { connection.assumeIsolated { $0.isWebSocketOpen } }

    /// Calls `body` on the loop whenever a backlog has been sent.
    package func onDrained(_ body: @escaping @Sendable () -> Void) { connection.enter { $0.onWebSocketDrained(body) } }

    /// Begins the closing handshake.
    package func close(_ code: WebSocketCloseCode, _ reason: String = "") {
        connection.enter { $0.closeWebSocket(code, reason) }
    }

    /// Cuts the connection without waiting for anything: for a client whose backlog is past all bounds. A close frame is
    /// still tried where nothing is queued before it.
    package func abort(_ code: WebSocketCloseCode, _ reason: String = "") {
        connection.enter { $0.abortWebSocket(code, reason) }
    }
}
