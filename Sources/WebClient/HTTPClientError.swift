internal import Reactor

/// Why a request got no answer.
package struct HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a caller may branch on.
    package enum Code: Sendable {
        /// No connection could be made; the request was not sent.
        case unreachable
        /// The connection ended before the answer was complete.
        case disconnected
        case timedOut
        /// The server does not speak HTTP as it should, or its answer is over the limit.
        case malformedAnswer
        case cancelled
    }

    package let code: Code
    package let detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    init(connecting error: ReactorError) {
        switch error.code {
        case .cancelled: self.init(.cancelled, error.description)
        case .timedOut: self.init(.timedOut, error.description)
        default: self.init(.unreachable, error.description)
        }
    }

    /// True where the server may have acted on the request: retry only what is idempotent.
    package var mayHaveRun: Bool { code != .unreachable }

    package var description: String { detail }
}
