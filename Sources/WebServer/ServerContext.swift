internal import Reactor
internal import Service
internal import Wire

/// What all connections of a server share and none changes.
final class ServerContext: Sendable {
    let loop: EventLoop
    let configuration: HTTPServerConfiguration
    let handler: any RequestHandler
    let observer: (any HTTPServerObserver)?
    let logger: Logger
    let time: TimeSource
    let compressor: MessageCompressor

    init(
        loop: EventLoop, configuration: HTTPServerConfiguration, handler: any RequestHandler,
        observer: (any HTTPServerObserver)?, logger: Logger, time: TimeSource
    ) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
        self.observer = observer
        self.logger = logger
        self.time = time
        compressor = MessageCompressor(configuration.webSocket, observer: observer)
    }

    /// Nanoseconds that never go back.
    var nowNs: UInt64 { time.monotonicNs() }
}
