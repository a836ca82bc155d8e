internal import Deflate
internal import Service
internal import Wire

/// Compresses and decompresses the messages of all WebSockets of a server, each message by itself.
///
/// So a server needs one stream of zlib for what comes in and one for each size of window that its clients can have.
final class MessageCompressor: Sendable {
    private struct Kind: Hashable {
        let windowBits: Int
        let level: Int
    }

    private struct Streams {
        var deflaters: [Kind: MessageDeflater] = [:]
        var inflater: MessageInflater?
    }

    private static let largeBytes = 64 * 1024
    private let configuration: WebSocketConfiguration
    private let observer: (any HTTPServerObserver)?
    private let streams = Lock(Streams())

    init(_ configuration: WebSocketConfiguration, observer: (any HTTPServerObserver)?) {
        self.configuration = configuration
        self.observer = observer
    }

    /// False for what is too small to gain.
    func isWorthwhile(_ message: [UInt8]) -> Bool { message.count >= configuration.compressFromBytes }

    func compress(_ message: [UInt8], windowBits: Int) -> [UInt8] {
        // The loop serves everybody else meanwhile: what is large takes the fast way.
        let level = message.count > Self.largeBytes ? 1 : configuration.compressionLevel
        let kind = Kind(windowBits: windowBits, level: level)
        let packed = streams.withLock { streams in
            let deflater = streams.deflaters[kind] ?? MessageDeflater(windowBits: windowBits, level: level)
            streams.deflaters[kind] = deflater
            return deflater.compress(message)
        }
        observer?.webSocketCompressed(fromBytes: message.count, toBytes: packed.count)
        return packed
    }

    /// The message that a client sent as `payload`; the violation where it is none, or too long.
    func decompress(_ payload: [UInt8], isText: Bool) -> Result<[UInt8], WebSocketViolation> {
        let maxBytes = configuration.maxMessageBytes
        let inflated = streams.withLock { streams -> Result<[UInt8], GzipError> in
            let inflater = streams.inflater ?? MessageInflater()
            streams.inflater = inflater
            return Result { () throws(GzipError) in try inflater.inflate(payload, maxBytes: maxBytes) }
        }
        switch inflated {
        case .failure(.tooLarge): return .failure(.tooBig(maxBytes: maxBytes))
        case .failure: return .failure(WebSocketViolation(.invalidPayload, "a compressed message is damaged"))
        case .success(let message):
            var validator = UTF8Validator()
            guard !isText || validator.take(message[...]) && validator.isComplete else { return .failure(.notUTF8) }
            return .success(message)
        }
    }
}
