/// Everything of a frame before its payload, checked for what one frame can violate.
struct WebSocketFrameHeader {
    let opcode: WebSocketFrame.Opcode
    let isFinal: Bool
    /// RSV1: this frame begins a compressed message.
    let isCompressed: Bool
    let length: Int
    let mask: UInt32?
    /// Bytes of the header itself: 2...14.
    let size: Int

    /// Reads a header at the start of `bytes`; nil where it is not complete yet. `mayCompress` says that permessage-deflate was
    /// agreed on.
    ///
    /// - Throws: the violation that ends the connection.
    init?(_ bytes: Span<UInt8>, masked: Bool, mayCompress: Bool) throws(WebSocketViolation) {
        guard bytes.count >= 2 else { return nil }
        let isCompressed = bytes[0] & 0x40 != 0
        guard bytes[0] & 0x30 == 0, mayCompress || !isCompressed else {
            throw WebSocketViolation(.protocolError, "reserved bits are set")
        }
        guard let opcode = WebSocketFrame.Opcode(rawValue: bytes[0] & 0x0F) else {
            throw WebSocketViolation(.protocolError, "unknown opcode")
        }
        guard !isCompressed || opcode == .text || opcode == .binary else {
            throw WebSocketViolation(.protocolError, "only the first frame of a message is marked as compressed")
        }
        guard (bytes[1] & 0x80 != 0) == masked else {
            throw WebSocketViolation(.protocolError, masked ? "frames must be masked" : "frames must not be masked")
        }
        let short = Int(bytes[1] & 0x7F)
        let isFinal = bytes[0] & 0x80 != 0
        guard !opcode.isControl || isFinal && short <= 125 else {
            throw WebSocketViolation(.protocolError, "control frames are whole and 125 bytes at most")
        }
        let lengthBytes = short < 126 ? 0 : short == 126 ? 2 : 8
        let size = 2 + lengthBytes + (masked ? 4 : 0)
        guard bytes.count >= size else { return nil }
        var length = UInt64(short)
        if lengthBytes > 0 {
            length = WebSocketFrameHeader.integer(bytes, 2..<2 + lengthBytes)
            guard length > (lengthBytes == 2 ? 125 : 0xFFFF), length <= UInt64(Int64.max) else {
                throw WebSocketViolation(.protocolError, "the length is not in its shortest form")
            }
        }
        self.opcode = opcode
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.length = Int(length)
        mask = masked ? UInt32(WebSocketFrameHeader.integer(bytes, size - 4..<size)) : nil
        self.size = size
    }

    private static func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}

/// What a peer did wrong, as the close frame says it.
package struct WebSocketViolation: Error, Hashable, Sendable {
    package let code: WebSocketCloseCode
    package let reason: String

    package init(_ code: WebSocketCloseCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    /// What both the reader of frames and whoever decompresses messages find.
    package static let notUTF8 = WebSocketViolation(.invalidPayload, "text must be UTF-8")

    /// A message is longer than `maxBytes`, compressed or not.
    package static func tooBig(maxBytes: Int) -> WebSocketViolation {
        WebSocketViolation(.messageTooBig, "messages are limited to \(maxBytes) bytes")
    }
}
