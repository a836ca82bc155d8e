/// What went wrong between us and PostgreSQL.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    /// What a caller may branch on.
    package enum Code: Sendable, Equatable {
        /// Not done in time; the statement was cancelled, or the connection given up where that did not help.
        case timedOut
        /// There is no connection, or it ended before the answer came.
        case disconnected
        /// PostgreSQL refused; `sqlState` says why.
        case rejected
        /// A value is not what the caller takes it for: another type, or NULL.
        case wrongType
        /// Too many wait for a connection already.
        case overloaded
        /// The caller's task was cancelled, and with it the statement.
        case cancelled
        /// The connection string or another setting cannot be used.
        case badConfiguration
    }

    package let code: Code
    /// What was tried, in the caller's word for it, such as `insert minute rows`.
    package let operation: StaticString
    /// The server's message, or the system's words.
    package let message: String
    /// The server's five-character code, such as `23505`; nil where the server said nothing.
    package let sqlState: String?
    /// The server's further words; may hold values of rows, so it does not belong into logs.
    package let detail: String?
    package let hint: String?
    /// Whether the statement may have taken effect all the same.
    package let mayHaveRun: Bool

    package init(
        _ code: Code, _ operation: StaticString, _ message: String, sqlState: String? = nil, detail: String? = nil,
        hint: String? = nil, mayHaveRun: Bool = false
    ) {
        self.code = code
        self.operation = operation
        self.message = message
        self.sqlState = sqlState
        self.detail = detail
        self.hint = hint
        self.mayHaveRun = mayHaveRun
    }

    package var description: String {
        let state = sqlState.map { " [\($0)]" } ?? ""
        let hint = hint.map { " (hint: \($0))" } ?? ""
        let ran = mayHaveRun ? " (it may have run)" : ""
        return "PostgreSQL \(operation): \(code == .rejected ? "" : "\(code): ")\(message)\(state)\(hint)\(ran)"
    }

    /// The same with another code, for when the connection or the deadline is what really matters.
    func with(_ code: Code, _ operation: StaticString, mayHaveRun: Bool) -> PostgresError {
        PostgresError(
            code, operation, message, sqlState: sqlState, detail: detail, hint: hint, mayHaveRun: mayHaveRun)
    }
}
