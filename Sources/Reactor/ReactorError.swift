internal import Glibc

/// What went wrong with a loop, a listener or a socket.
package struct ReactorError: Error, Sendable, CustomStringConvertible {
    /// What a caller may branch on.
    package enum Code: Sendable, Equatable {
        /// Descriptors, memory or threads have run out.
        case resources
        /// The address to listen on is in use.
        case addressInUse
        /// The address cannot be resolved or is not ours.
        case badAddress
        /// The peer refused, reset or is out of reach.
        case disconnected
        case timedOut
        case cancelled
    }

    package let code: Code
    /// What was tried: a system call and, where there is one, the address.
    package let operation: String
    /// The system's words for it.
    package let detail: String

    package init(code: Code, operation: String, detail: String) {
        self.code = code
        self.operation = operation
        self.detail = detail
    }

    init(_ code: Code, _ operation: String, _ systemCode: CInt) {
        self.init(code: code, operation: operation, detail: String(cString: strerror(systemCode)))
    }

    package var description: String { "\(operation): \(detail)" }
}
