package import WebServer
package import Wire

/// A client's connection, as the hub needs it: `WebSocketSession`, `EventStreamSocket`, or a test's recorder. Used on the hub's
/// loop only.
package protocol LiveSocket: AnyObject, Sendable {
    /// Sends messages in one write; they are shared with other sockets.
    func send(messages: [SharedMessage])
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
