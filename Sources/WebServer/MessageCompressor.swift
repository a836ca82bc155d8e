internal import Deflate
internal import Service
internal import Wire

/// Compresses and decompresses the messages of all WebSockets of a server, each message by itself, or all of a write together.
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
        /// What was written last, oldest first.
        var writes: [Write] = []

        mutating func deflater(_ kind: Kind) -> MessageDeflater {
            if let known = deflaters[kind] { return known }
            let made = MessageDeflater(windowBits: kind.windowBits, level: kind.level)
            deflaters[kind] = made
            return made
        }
    }

    private struct Write {
        let messages: [SharedMessage]
        let windowBits: Int
        let frames: [UInt8]

        func isOf(_ others: [SharedMessage], _ bits: Int) -> Bool {
            windowBits == bits && messages.count == others.count && zip(messages, others).allSatisfy { $0 === $1 }
        }
    }

    private static let largeBytes = 64 * 1024
    /// As many different dashboards as are likely to be due at the same instant.
    private static let keptWrites = 16
    /// Larger messages, as snapshots are, are told to few at a time and gain little from what was said before.
    private static let joinedBytes = 8 * 1024
    private static let joinedTotalBytes = 64 * 1024
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
            streams.deflater(kind).compress(message)
        }
        observer?.webSocketCompressed(fromBytes: message.count, toBytes: packed.count)
        return packed
    }

    /// The frames of several messages that go out in one write, each compressed in reference to those before it; nil where they
    /// are better sent one by one. Made once for all clients that are sent the same at the same time.
    ///
    /// Half of a small update is what all updates have in common, and eight of them make a dashboard. The client must keep its
    /// context, though ours begins anew with each write, so that it does not matter what a client was sent before.
    func frames(of messages: [SharedMessage], windowBits: Int) -> [UInt8]? {
        guard messages.count > 1 else { return nil }
        let (made, packedBytes) = streams.withLock { streams -> ([UInt8]?, Int?) in
            if let known = streams.writes.last(where: { $0.isOf(messages, windowBits) }) { return (known.frames, nil) }
            guard messages.allSatisfy({ $0.payload.count <= Self.joinedBytes }),
                messages.reduce(0, { $0 + $1.payload.count }) <= Self.joinedTotalBytes
            else { return (nil, nil) }
            let deflater = streams.deflater(Kind(windowBits: windowBits, level: configuration.compressionLevel))
            var frames: [UInt8] = []
            var packedBytes = 0
            for (index, message) in messages.enumerated() {
                let packed = deflater.compress(message.payload, continues: index > 0)
                packedBytes += packed.count
                frames += message.frame(compressed: packed)
            }
            if streams.writes.count == Self.keptWrites { streams.writes.removeFirst() }
            streams.writes.append(Write(messages: messages, windowBits: windowBits, frames: frames))
            return (frames, packedBytes)
        }
        if let packedBytes {
            observer?.webSocketCompressed(fromBytes: messages.reduce(0) { $0 + $1.payload.count }, toBytes: packedBytes)
        }
        return made
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
