/// Why a store did not do what was asked; the store's own error, as the processes need to see it.
package struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What to branch on.
    package enum Code: Sendable, Equatable {
        /// Out of reach: not connected, refused, cut off.
        case unavailable
        case timedOut
        /// It has no room (Redis at its memory limit, a disk full); reading may still work.
        case full
        /// It answered that the request is wrong; trying again does not help.
        case rejected
        /// What it holds cannot be read: damaged, or of a version this program does not know.
        case incompatible
    }

    package let code: Code
    /// `redis` or `postgres`.
    package let store: StaticString
    /// What was asked: `FCALL weir_apply`.
    package let operation: String
    /// The store's words; never user data.
    package let detail: String
    /// True where the request may have been carried out although no answer came.
    package let mayHaveRun: Bool

    package init(
        _ code: Code, store: StaticString, operation: String, detail: String, mayHaveRun: Bool = false
    ) {
        self.code = code
        self.store = store
        self.operation = operation
        self.detail = detail
        self.mayHaveRun = mayHaveRun
    }

    package static func == (a: StoreError, b: StoreError) -> Bool {
        a.code == b.code && a.description == b.description && a.mayHaveRun == b.mayHaveRun
    }

    package var description: String { "\(store): \(operation): \(detail)" }
}
