/// What went wrong between us and Redis.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller may branch on.
    package enum Code: Sendable, Equatable {
        /// No answer within the deadline; the connection is given up, since later replies would no longer match.
        case timedOut
        /// There is no connection, or it ended before the answer came.
        case disconnected
        /// Redis answered with an error; `kind` is its first word.
        case rejected
        /// The other side does not speak the protocol; the connection is given up.
        case malformedReply
        /// Too much is waiting for Redis already; nothing was sent.
        case overloaded
        /// The caller's task was cancelled while it waited.
        case cancelled
        /// The address or another setting cannot be used.
        case badConfiguration
    }

    package let code: Code
    /// The command, such as `XADD` or `FCALL weir_apply`.
    package let operation: StaticString
    /// The server's or the system's words; never user payload.
    package let detail: String
    /// Whether Redis may have run the command all the same: some of it was sent, and no answer to it was seen.
    package let mayHaveRun: Bool

    /// The first word of an error reply (`NOSCRIPT`, `OOM`, `WRONGTYPE`); empty for other codes.
    package var kind: Substring {
        code == .rejected ? detail.prefix { $0 != " " } : ""
    }

    package init(_ code: Code, _ operation: StaticString, _ detail: String, mayHaveRun: Bool = false) {
        self.code = code
        self.operation = operation
        self.detail = detail
        self.mayHaveRun = mayHaveRun
    }

    package var description: String {
        let hint = mayHaveRun ? " (it may have run)" : ""
        return "Redis \(operation): \(code == .rejected ? "" : "\(code): ")\(detail)\(hint)"
    }

    package static func == (left: RedisError, right: RedisError) -> Bool {
        left.code == right.code && left.operation.description == right.operation.description
            && left.detail == right.detail && left.mayHaveRun == right.mayHaveRun
    }
}
