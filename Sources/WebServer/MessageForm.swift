package import Wire

/// The form in which a connection takes messages: those with equal forms, on the same server, take the same bytes.
package enum MessageForm: Hashable, Sendable {
    /// Frames, with the compression agreed on, if any.
    case webSocket(PerMessageDeflate?)
    /// Blocks of an event stream, in chunks or not.
    case eventStream(isChunked: Bool)
}
