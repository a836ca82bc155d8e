package import WebServer
package import Wire

/// A client's connection, as the hub needs it: `WebSocketSession`, `EventStreamSocket`, or a test's recorder. Used on the hub's
/// loop only.
package protocol LiveSocket: AnyObject, Sendable {
    /// Sends messages in one write; they are shared with other sockets.
    func send(messages: [SharedMessage])
    /// In which form it takes messages: sockets of equal form take the same bytes.
    var form: MessageForm { get }
    /// The bytes that messages are in one write to a socket of this form.
    func encode(_ messages: [SharedMessage]) -> [UInt8]
    /// Sends what `encode` made for this form; false, and nothing was sent, where more than `limit` bytes wait.
    func send(encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool
    /// Bytes the client has not taken yet.
    var pendingBytes: Int { get }
    /// Calls `body` on the loop whenever a backlog has been sent.
    func onDrained(_ body: @escaping @Sendable () -> Void)
    /// Begins the closing handshake.
    func close(_ code: WebSocketCloseCode, _ reason: String)
    /// Cuts the connection off, with a close frame where that can still be sent.
    func abort(_ code: WebSocketCloseCode, _ reason: String)
    /// Says that the server lives, where nothing else does so; called every 15 s.
    func sendHeartbeat()
}

/// The hub's one timer, on its loop; the executable hands in its event loop's.
package protocol LiveAlarm: AnyObject {
    /// Fires `after` from now on, whatever was set before.
    func reset(after: Duration)
}
