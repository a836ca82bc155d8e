/// The frame of RFC 6455, section 5.2.
///
/// ```
/// byte 0  FIN RSV1 RSV2 RSV3 opcode(4)     byte 1  MASK length(7): 0...125, 126 = 2 bytes follow, 127 = 8 bytes follow
/// then the length's bytes, then 4 bytes of mask where MASK is set, then the payload
/// ```
package enum WebSocketFrame {
    /// What a frame carries.
    package enum Opcode: UInt8, Sendable {
        case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10

        /// True for frames that may come between the fragments of a message, are whole, and hold at most 125 bytes.
        var isControl: Bool { rawValue >= 8 }
    }

    /// One whole frame, ready to be sent; `mask` is nil on the server's side and four unpredictable bytes on the client's.
    ///
    /// `compressed` marks a message whose payload is that of permessage-deflate (RSV1); on its first frame only.
    package static func encode(
        _ opcode: Opcode, _ payload: [UInt8], final: Bool = true, compressed: Bool = false, mask: UInt32? = nil
    ) -> [UInt8] {
        precondition(
            !opcode.isControl || payload.count <= 125 && final, "a control frame is whole and 125 bytes at most")
        precondition(!compressed || !opcode.isControl && opcode != .continuation, "a message is marked at its start")
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + 14)
        frame.append((final ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode.rawValue)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ...125: frame.append(maskBit | UInt8(payload.count))
        case ...0xFFFF:
            frame.append(maskBit | 126)
            append(UInt64(payload.count), bytes: 2, to: &frame)
        default:
            frame.append(maskBit | 127)
            append(UInt64(payload.count), bytes: 8, to: &frame)
        }
        guard let mask else { return frame + payload }
        append(UInt64(mask), bytes: 4, to: &frame)
        for (index, byte) in payload.enumerated() { frame.append(byte ^ maskByte(mask, index)) }
        return frame
    }

    /// A close frame; without a code where `code` is none that may be sent. The reason is cut at 123 bytes.
    package static func encodeClose(
        _ code: WebSocketCloseCode, _ reason: String = "", mask: UInt32? = nil
    ) -> [UInt8] {
        guard code.mayBeSent else { return encode(.close, [], mask: mask) }
        var payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        for character in reason where payload.count + character.utf8.count <= 125 {
            payload.append(contentsOf: character.utf8)
        }
        return encode(.close, payload, mask: mask)
    }

    static func maskByte(_ mask: UInt32, _ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: mask >> (24 - 8 * UInt32(index & 3)))
    }

    private static func append(_ value: UInt64, bytes: Int, to frame: inout [UInt8]) {
        for shift in stride(from: (bytes - 1) * 8, through: 0, by: -8) {
            frame.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }
}
