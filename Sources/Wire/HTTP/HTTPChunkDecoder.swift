/// The chunked transfer coding (RFC 9112, section 7.1) as a state machine; extensions and trailers are read and dropped.
///
/// ```
/// size ─CRLF▶ data(n) ─n bytes▶ dataEnd ─CRLF▶ size        size "0" ─CRLF▶ trailer lines ─empty line▶ done
/// ```
struct HTTPChunkDecoder {
    private enum State {
        case size(value: Int, digits: Int)
        case sizeExtension(value: Int)
        case sizeEnd(value: Int)
        case data(remaining: Int)
        case dataCR, dataLF
        case trailer(lineBytes: Int)
        case trailerLF(lineBytes: Int)
        case done
    }

    enum Step: Equatable {
        case needMore
        /// The place of body bytes within what was given.
        case data(Range<Int>)
        case end
    }

    /// Bytes of extensions and trailers taken from one message.
    private static let maxExtraBytes = 8 * 1024

    private var state = State.size(value: 0, digits: 0)
    private var extraBytes = 0

    /// Takes from `bytes` from `position` on, moves it, and says what was found.
    mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) throws(HTTPParseError) -> Step {
        while position < bytes.count {
            if case .data(let remaining) = state {
                let taken = position..<position + min(remaining, bytes.count - position)
                position = taken.upperBound
                state = taken.count == remaining ? .dataCR : .data(remaining: remaining - taken.count)
                return .data(taken)
            }
            let byte = bytes[position]
            position += 1
            state = try after(byte)
            if case .done = state { return .end }
        }
        return .needMore
    }

    private mutating func after(_ byte: UInt8) throws(HTTPParseError) -> State {
        switch state {
        case .size(let value, let digits):
            if let digit = ASCII.hexDigit(byte), digits < 15 {
                return .size(value: value << 4 | Int(digit), digits: digits + 1)
            }
            guard digits > 0 else { break }
            if byte == ASCII.cr { return .sizeEnd(value: value) }
            if byte == UInt8(ascii: ";") || byte == ASCII.space || byte == ASCII.tab {
                return .sizeExtension(value: value)
            }
        case .sizeExtension(let value):
            try countExtra()
            if byte == ASCII.cr { return .sizeEnd(value: value) }
            if ASCII.isFieldText(byte) { return .sizeExtension(value: value) }
        case .sizeEnd(let value):
            guard byte == ASCII.lf else { break }
            return value == 0 ? .trailer(lineBytes: 0) : .data(remaining: value)
        case .dataCR:
            if byte == ASCII.cr { return .dataLF }
        case .dataLF:
            if byte == ASCII.lf { return .size(value: 0, digits: 0) }
        case .trailer(let lineBytes):
            try countExtra()
            if byte == ASCII.cr { return .trailerLF(lineBytes: lineBytes) }
            if ASCII.isFieldText(byte) { return .trailer(lineBytes: lineBytes + 1) }
        case .trailerLF(let lineBytes):
            guard byte == ASCII.lf else { break }
            return lineBytes == 0 ? .done : .trailer(lineBytes: 0)
        case .data, .done: preconditionFailure("no byte of a chunk's frame is due in state \(state)")
        }
        throw HTTPParseError(.badRequest, "The chunked body is malformed.")
    }

    private mutating func countExtra() throws(HTTPParseError) {
        extraBytes += 1
        guard extraBytes <= HTTPChunkDecoder.maxExtraBytes else {
            throw HTTPParseError(.headTooLarge, "Chunk extensions and trailers are too long.")
        }
    }
}
