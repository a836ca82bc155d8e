internal import Service
internal import Wire

/// A message for many clients: each form in which they take it is made once, when the first of them needs it.
///
/// Any thread may send it to any session; the bytes are shared by all of them.
package final class SharedMessage: Sendable {
    private struct Forms {
        var frame: [UInt8]?
        /// By the bits of the client's window.
        var compressedFrames: [Int: [UInt8]] = [:]
        var event: [UInt8]?
    }

    package let payload: [UInt8]
    /// What an event stream calls it; nil where it is only told as a message.
    private let eventName: String?
    private let eventID: String?
    private let opcode: WebSocketFrame.Opcode
    private let forms = Lock(Forms())

    /// A text message, which must be UTF-8; `event` and `eventID` (the `Last-Event-ID` of a client that returns) are for event
    /// streams.
    package init(text: [UInt8], event: String? = nil, eventID: String? = nil) {
        payload = text
        opcode = .text
        eventName = event
        self.eventID = eventID
    }

    /// A binary message.
    package init(binary: [UInt8]) {
        payload = binary
        opcode = .binary
        eventName = nil
        eventID = nil
    }

    /// Its frame without compression.
    package var frame: [UInt8] {
        if let known = forms.withLock({ $0.frame }) { return known }
        let frame = WebSocketFrame.encode(opcode, payload)
        forms.withLock { $0.frame = frame }
        return frame
    }

    /// A frame with `payload`, which stands for this message.
    func frame(compressed payload: [UInt8]) -> [UInt8] { WebSocketFrame.encode(opcode, payload, compressed: true) }

    /// Its block in an event stream (`text/event-stream`).
    package var eventBlock: [UInt8] {
        if let known = forms.withLock({ $0.event }) { return known }
        let block = ServerSentEvent.encode(payload, name: eventName, id: eventID)
        forms.withLock { $0.event = block }
        return block
    }

    /// Its frame for clients that agreed on `compression`: plain where compressing does not pay.
    func frame(_ compression: PerMessageDeflate?, by compressor: MessageCompressor) -> [UInt8] {
        guard let bits = compression?.serverWindowBits, compressor.isWorthwhile(payload) else { return frame }
        if let known = forms.withLock({ $0.compressedFrames[bits] }) { return known }
        let packed = compressor.compress(payload, windowBits: bits)
        let made = packed.count < payload.count ? WebSocketFrame.encode(opcode, packed, compressed: true) : frame
        forms.withLock { $0.compressedFrames[bits] = made }
        return made
    }
}
