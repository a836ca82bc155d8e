/// What became of a partition of history that is closed and was to be put in the order of its series.
package struct RewriteReport: Equatable, Sendable {
    /// How it went.
    package enum Outcome: Equatable, Sendable {
        /// A dry run: the next pass would do it.
        case planned
        case rewritten(rows: Int, bytes: Int64)
        /// It stays as it was and is tried again in an hour.
        case postponed(reason: String)
    }

    /// The partition, in the schema weir.
    package let name: String
    /// What it took before, with its index, in bytes.
    package let bytes: Int64
    package let outcome: Outcome

    package init(name: String, bytes: Int64, outcome: Outcome) {
        self.name = name
        self.bytes = bytes
        self.outcome = outcome
    }
}
