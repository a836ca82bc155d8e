import Synchronization

/// One event of a `text/event-stream`.
package struct StreamEvent: Sendable, Hashable {
    /// What listeners call it; `message` where the server gave no name.
    package var name = "message"
    package var id: String?
    package var data = ""
}

/// A client of server-sent events for tests; one task at a time receives.
package final class EventStreamClient: Sendable {
    /// The status line and fields of the answer.
    package let head: [String]
    /// The connection; closed when this object goes.
    package let socket: TestSocket
    private let state = Mutex((text: "", comments: 0))

    private init(_ socket: TestSocket, head: [String]) {
        self.socket = socket
        self.head = head
    }

    /// Asks for a stream at `target`; whatever the answer is, its head is read.
    package static func connect(
        port: Int, _ target: String, headers: [String: String] = [:], receiveBufferBytes: Int? = nil
    ) async throws -> EventStreamClient {
        let socket = try TestSocket(to: .loopback(port), receiveBufferBytes: receiveBufferBytes)
        let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        try await socket.send(
            "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAccept: text/event-stream\r\n\(fields)\r\n")
        var head: [String] = []
        while let line = try await Optional(socket.receiveLine()), !line.isEmpty { head.append(line) }
        return EventStreamClient(socket, head: head)
    }

    /// Comments heard so far.
    package var comments: Int { state.withLock { $0.comments } }

    /// Waits for the next event; nil at the end of the stream.
    package func receive(within deadline: Duration = .seconds(10)) async throws -> StreamEvent? {
        let end = ContinuousClock.now + deadline
        while true {
            while let block = nextBlock() {
                if let event = parse(block) { return event }
            }
            guard try await receiveChunk(within: end - .now) else { return nil }
        }
    }

    /// Waits for the next event called `name`; others before it are passed over.
    package func receive(_ name: String, within deadline: Duration = .seconds(10)) async throws -> StreamEvent {
        let end = ContinuousClock.now + deadline
        while let event = try await receive(within: end - .now) { if event.name == name { return event } }
        throw TestKitError("the stream ended without \(name)")
    }

    /// Waits for the next piece of the stream, which `receive` looks at; false at its end.
    package func receiveChunk(within deadline: Duration = .seconds(10)) async throws -> Bool {
        let size = try await socket.receiveLine(within: deadline)
        guard let count = Int(size, radix: 16) else { throw TestKitError("no size of a chunk: \(size)") }
        let bytes = try await socket.receive(count: count + 2, within: deadline)
        state.withLock { $0.text += String(decoding: bytes.dropLast(2), as: UTF8.self) }
        return count > 0
    }

    private func nextBlock() -> Substring? {
        state.withLock { state in
            guard let end = state.text.firstRange(of: "\n\n") else { return nil }
            let block = state.text[..<end.lowerBound]
            state.text = String(state.text[end.upperBound...])
            return block
        }
    }

    private func parse(_ block: Substring) -> StreamEvent? {
        var event = StreamEvent()
        var data: [Substring] = []
        for line in block.split(separator: "\n") {
            if line.hasPrefix(":") { state.withLock { $0.comments += 1 } }
            let parts = line.split(separator: ": ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "event": event.name = String(parts[1])
            case "id": event.id = String(parts[1])
            case "data": data.append(parts[1])
            default: break
            }
        }
        event.data = data.joined(separator: "\n")
        return data.isEmpty ? nil : event
    }
}
