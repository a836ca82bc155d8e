/// One side's reading of a WebSocket: bytes in, messages and control frames out.
///
/// Joins fragments (control frames may come between them), unmasks, validates text while it arrives, keeps messages under
/// the limit. A pure machine, used like `HTTPRequestParser`: show it the unread bytes, drop the `consumed` ones.
package struct WebSocketMachine {
    /// Which end of the connection this is: a client masks its frames, a server must not.
    package enum Role: Sendable { case server, client }

    /// What the connection has to act on.
    package enum Event: Hashable {
        case needMore
        /// A whole text message, valid UTF-8.
        case text([UInt8])
        case binary([UInt8])
        /// A whole message as permessage-deflate sent it: to be decompressed, to no more than the limit, and text to be checked.
        case compressed([UInt8], isText: Bool)
        /// Answer with a pong of the same payload.
        case ping([UInt8])
        case pong([UInt8])
        /// The peer closes; nothing comes after. `noStatus` where it gave no code.
        case close(WebSocketCloseCode, reason: String)
        /// The peer broke the protocol: close with this code. Nothing comes after.
        case violation(WebSocketViolation)
    }

    private struct Frame {
        let opcode: WebSocketFrame.Opcode
        let isFinal: Bool
        let length: Int
        let mask: UInt32?
        var taken = 0
    }

    private let role: Role
    private let maxMessageBytes: Int
    private let mayCompress: Bool
    private var frame: Frame?
    /// The kind of the message whose fragments are being joined.
    private var kind: WebSocketFrame.Opcode?
    /// That message is compressed.
    private var isCompressed = false
    private var message: [UInt8] = []
    private var control: [UInt8] = []
    private var validator = UTF8Validator()
    private var isFinished = false

    /// Makes the reader of one connection; messages over `maxMessageBytes` are violations with code 1009. Compressed ones are
    /// violations unless `mayCompress`.
    package init(role: Role, maxMessageBytes: Int = 64 * 1024, mayCompress: Bool = false) {
        self.role = role
        self.maxMessageBytes = maxMessageBytes
        self.mayCompress = mayCompress
    }

    /// Reads on in `bytes`, which begin with the first byte not consumed so far.
    package mutating func next(_ bytes: Span<UInt8>) -> (consumed: Int, event: Event) {
        if isFinished { return (bytes.count, .needMore) }
        var position = 0
        do throws(WebSocketViolation) {
            while true {
                if frame == nil {
                    let rest = bytes.extracting(position..<bytes.count)
                    guard
                        let header = try WebSocketFrameHeader(
                            rest, masked: role == .server, mayCompress: mayCompress)
                    else { return (position, .needMore) }
                    position += header.size
                    try begin(header)
                }
                guard let event = try payload(bytes, &position) else {
                    if frame == nil { continue }
                    return (position, .needMore)
                }
                return (position, event)
            }
        } catch {
            isFinished = true
            return (position, .violation(error))
        }
    }

    private mutating func begin(_ header: WebSocketFrameHeader) throws(WebSocketViolation) {
        switch header.opcode {
        case .text, .binary:
            guard kind == nil else {
                throw WebSocketViolation(.protocolError, "a message began before the last one ended")
            }
            kind = header.opcode
            isCompressed = header.isCompressed
        case .continuation:
            guard kind != nil else { throw WebSocketViolation(.protocolError, "a continuation of no message") }
        case .close, .ping, .pong: break
        }
        if !header.opcode.isControl && header.length > maxMessageBytes - message.count {
            throw WebSocketViolation.tooBig(maxBytes: maxMessageBytes)
        }
        frame = Frame(
            opcode: header.opcode, isFinal: header.isFinal, length: header.length, mask: header.mask)
    }

    /// Takes what is there of the current frame's payload; an event where that completes a message or control frame.
    private mutating func payload(
        _ bytes: Span<UInt8>, _ position: inout Int
    ) throws(WebSocketViolation) -> Event? {
        guard var current = frame else { return nil }
        let count = min(current.length - current.taken, bytes.count - position)
        let range = position..<position + count
        position += count
        if current.opcode.isControl {
            WebSocketMachine.append(bytes, range, current, to: &control)
        } else {
            let start = message.count
            WebSocketMachine.append(bytes, range, current, to: &message)
            if kind == .text && !isCompressed && !validator.take(message[start...]) {
                throw WebSocketViolation.notUTF8
            }
        }
        current.taken += count
        guard current.taken == current.length else {
            frame = current
            return nil
        }
        frame = nil
        return current.opcode.isControl ? try controlComplete(current.opcode) : try messageFrameComplete(current)
    }

    private mutating func messageFrameComplete(_ last: Frame) throws(WebSocketViolation) -> Event? {
        guard last.isFinal else { return nil }
        guard kind == .binary || validator.isComplete else { throw WebSocketViolation.notUTF8 }
        let isText = kind == .text
        let whole = message
        message = []
        kind = nil
        if isCompressed { return .compressed(whole, isText: isText) }
        return isText ? .text(whole) : .binary(whole)
    }

    private mutating func controlComplete(_ opcode: WebSocketFrame.Opcode) throws(WebSocketViolation) -> Event {
        let payload = control
        control.removeAll(keepingCapacity: true)
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default:
            guard !payload.isEmpty else {
                isFinished = true
                return .close(.noStatus, reason: "")
            }
            guard payload.count >= 2 else { throw WebSocketViolation(.protocolError, "a close code has two bytes") }
            let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
            guard code.mayBeSent else { throw WebSocketViolation(.protocolError, "not a close code") }
            guard let reason = String(validating: payload[2...], as: UTF8.self) else {
                throw WebSocketViolation(.invalidPayload, "a close reason must be UTF-8")
            }
            isFinished = true
            return .close(code, reason: reason)
        }
    }

    private static func append(_ bytes: Span<UInt8>, _ range: Range<Int>, _ frame: Frame, to target: inout [UInt8]) {
        guard let mask = frame.mask else { return bytes.append(range, to: &target) }
        target.reserveCapacity(target.count + range.count)
        var index = frame.taken
        for position in range {
            target.append(bytes[position] ^ WebSocketFrame.maskByte(mask, index))
            index += 1
        }
    }
}
