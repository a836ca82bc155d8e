internal import Reactor
internal import Service
internal import Wire

/// The part of a connection's state that it has only as a WebSocket.
struct WebSocketState {
    let session: WebSocketSession
    var machine: WebSocketMachine
    let compression: PerMessageDeflate?
    let onMessage: @Sendable (WebSocketMessage, WebSocketSession) -> Void
    let onClose: @Sendable (WebSocketCloseCode, String) -> Void
    var onDrained: (@Sendable () -> Void)?
    var heardNs: UInt64
    var nextPingNs: UInt64
    /// Set once our close frame is sent: when the peer's must have come.
    var closeDeadlineNs: UInt64?
}

extension HTTPConnection {
    var isWebSocketOpen: Bool { webSocket != nil && webSocket?.closeDeadlineNs == nil }

    func upgrade(
        _ number: UInt64, protocols: [String],
        onMessage: @escaping @Sendable (WebSocketMessage, WebSocketSession) -> Void,
        onClose: @escaping @Sendable (WebSocketCloseCode, String) -> Void
    ) -> WebSocketSession? {
        guard isCurrent(number), let current = exchange else { return nil }
        do throws(HTTPParseError) {
            guard !isDraining else { throw HTTPParseError(.serviceUnavailable, "The server is stopping.") }
            let answer = try WebSocketHandshake.answer(
                current.head, protocols: protocols, compresses: configuration.webSocket.compresses)
            let session = WebSocketSession(connection: self, subprotocol: answer.subprotocol)
            let now = context.nowNs
            socket.write { output in
                HTTPEncoder.appendResponseHead(
                    HTTPStatus(101), fields: answer.fields, length: .unstated, keepAlive: true, minorVersion: 1,
                    dateLine: dateLine, to: &output)
            }
            answered(HTTPStatus(101), current.head.method, sinceNs: current.beganNs, nowNs: now)
            socket.setSendBuffer(bytes: configuration.webSocket.sendBufferBytes)
            exchange = nil
            phase = .webSocket
            webSocket = WebSocketState(
                session: session,
                machine: WebSocketMachine(
                    role: .server, maxMessageBytes: configuration.webSocket.maxMessageBytes,
                    mayCompress: answer.compression != nil),
                compression: answer.compression,
                onMessage: onMessage, onClose: onClose, heardNs: now,
                nextPingNs: now + configuration.webSocket.pingInterval.wholeNanoseconds)
            context.observer?.webSocketOpened()
            // Frames may have come right behind the request; they are read when the handler has returned.
            enterLater()
            return session
        } catch {
            var response = HTTPResponse(problem: error.status, detail: error.reason)
            if error.status == .upgradeRequired {
                response.fields.append("Upgrade", "websocket")
                response.fields.append("Sec-WebSocket-Version", "13")
            }
            respond(number, response)
            return nil
        }
    }

    private nonisolated func enterLater() { loop.execute { self.assumeIsolated { $0.process() } } }

    /// Takes one event from what was received; false where more must be received first.
    func readWebSocket() -> Bool {
        guard webSocket != nil, socket.inputCount > 0 else { return false }
        let (consumed, event) = socket.withInput { bytes in
            webSocket?.machine.next(bytes) ?? (0, .needMore)
        }
        socket.consume(consumed)
        webSocket?.heardNs = context.nowNs
        switch event {
        case .needMore: return consumed > 0
        case .text(let bytes): deliver(.text(bytes))
        case .binary(let bytes): deliver(.binary(bytes))
        case .compressed(let payload, let isText):
            switch context.compressor.decompress(payload, isText: isText) {
            case .success(let message): deliver(isText ? .text(message) : .binary(message))
            case .failure(let violation): return endWebSocket(violation)
            }
        case .ping(let payload):
            // Pongs to a peer that sends pings and reads nothing are as bounded as everything else.
            if socket.pendingBytes < configuration.maxPendingBytes { sendFrame(WebSocketFrame.encode(.pong, payload)) }
        case .pong: break
        case .close(let code, let reason):
            if webSocket?.closeDeadlineNs == nil { socket.write(WebSocketFrame.encodeClose(code)) }
            endWebSocket(code, reason)
            return false
        case .violation(let violation): return endWebSocket(violation)
        }
        return true
    }

    /// Closes with what the peer did wrong; false, since nothing more is read.
    private func endWebSocket(_ violation: WebSocketViolation) -> Bool {
        if webSocket?.closeDeadlineNs == nil {
            socket.write(WebSocketFrame.encodeClose(violation.code, violation.reason))
        }
        endWebSocket(violation.code, violation.reason)
        return false
    }

    private func deliver(_ message: WebSocketMessage) {
        guard let state = webSocket, state.closeDeadlineNs == nil else { return }
        state.onMessage(message, state.session)
    }

    func sendFrame(_ frame: [UInt8]) {
        guard isWebSocketOpen else { return }
        socket.write(frame)
    }

    func sendMessages(_ messages: [SharedMessage]) {
        guard isWebSocketOpen else { return }
        if let frames = joinedFrames(messages) { return socket.write(frames) }
        let compression = webSocketCompression
        socket.cork()
        for message in messages { socket.write(message.frame(compression, by: context.compressor)) }
        socket.uncork()
    }

    var webSocketCompression: PerMessageDeflate? { webSocket?.compression }

    /// What `sendMessages` sends, in one piece.
    func encode(_ messages: [SharedMessage]) -> [UInt8] {
        if let frames = joinedFrames(messages) { return frames }
        let compression = webSocketCompression
        if messages.count == 1 { return messages[0].frame(compression, by: context.compressor) }
        return messages.reduce(into: []) { $0 += $1.frame(compression, by: context.compressor) }
    }

    private func joinedFrames(_ messages: [SharedMessage]) -> [UInt8]? {
        guard let compression = webSocketCompression, compression.serverMayKeepContext else { return nil }
        return context.compressor.frames(of: messages, windowBits: compression.serverWindowBits)
    }

    func sendEncoded(_ bytes: [UInt8], unlessWaiting limit: Int) -> Bool {
        guard socket.pendingBytes <= limit else { return false }
        if isWebSocketOpen { socket.write(bytes) }
        return true
    }

    func onWebSocketDrained(_ body: @escaping @Sendable () -> Void) { webSocket?.onDrained = body }

    func closeWebSocket(_ code: WebSocketCloseCode, _ reason: String) {
        guard isWebSocketOpen else { return }
        socket.write(WebSocketFrame.encodeClose(code, reason))
        webSocket?.closeDeadlineNs = context.nowNs + configuration.webSocket.closeDeadline.wholeNanoseconds
    }

    func abortWebSocket(_ code: WebSocketCloseCode, _ reason: String) {
        guard webSocket != nil else { return }
        if socket.pendingBytes == 0 { socket.write(WebSocketFrame.encodeClose(code, reason)) }
        webSocketClosed(code, reason)
        close()
    }

    private func endWebSocket(_ code: WebSocketCloseCode, _ reason: String) {
        finish()
        webSocketClosed(code, reason)
    }

    /// Tells the owner, once.
    func webSocketClosed(_ code: WebSocketCloseCode, _ reason: String) {
        guard let state = webSocket else { return }
        webSocket = nil
        context.observer?.webSocketClosed()
        state.onClose(code, reason)
    }

    /// `hasTaken`: the kernel has taken bytes for the peer since the last tick.
    func tickWebSocket(_ nowNs: UInt64, hasTaken: Bool) {
        // Behind a backlog no ping gets to the peer, but the kernel takes more only as the peer does: it lives.
        if hasTaken && socket.pendingBytes > 0 { webSocket?.heardNs = nowNs }
        guard let state = webSocket else { return }
        if let deadline = state.closeDeadlineNs {
            if nowNs >= deadline { close() }
        } else if nowNs - min(state.heardNs, nowNs) > configuration.webSocket.silenceDeadline.wholeNanoseconds {
            close()
        } else if nowNs >= state.nextPingNs && socket.pendingBytes == 0 {
            webSocket?.nextPingNs = nowNs + configuration.webSocket.pingInterval.wholeNanoseconds
            sendFrame(WebSocketFrame.encode(.ping, []))
        }
    }
}
