internal import WebServer
internal import Wire

/// A client's event stream (`text/event-stream`), as the hub sees it.
final class EventStreamSocket: LiveSocket {
    /// How long a client waits until it comes back.
    private static let retryMs = 2_000
    private let stream: HTTPBodyStream
    let form: MessageForm

    init(_ stream: HTTPBodyStream) {
        self.stream = stream
        // Kept: of one that has ended, nobody could tell any more, and others would get what is made by it.
        form = stream.form
        stream.write(ServerSentEvent.retry(ms: Self.retryMs))
    }

    func send(messages: [SharedMessage]) { stream.write(Self.blocks(messages)) }

    func encode(_ messages: [SharedMessage]) -> [UInt8] {
        HTTPBodyStream.encode(Self.blocks(messages), isChunked: form == .eventStream(isChunked: true))
    }

    func send(encoded bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        stream.write(encoded: bytes, unlessWaiting: limit)
    }

    /// Pieces of one chunk: what is due leaves in one write.
    private static func blocks(_ messages: [SharedMessage]) -> [UInt8] {
        messages.count == 1 ? messages[0].eventBlock : messages.reduce(into: []) { $0 += $1.eventBlock }
    }

    var pendingBytes: Int { stream.pendingBytes }

    func onDrained(_ body: @escaping @Sendable () -> Void) { stream.onDrained(body) }

    /// Ends the stream; there is no place for a code, and clients come back by themselves.
    func close(_ code: WebSocketCloseCode, _ reason: String) { stream.finish() }

    func abort(_ code: WebSocketCloseCode, _ reason: String) { stream.abort() }

    func sendHeartbeat() { if stream.pendingBytes == 0 { stream.write(ServerSentEvent.heartbeat) } }
}
