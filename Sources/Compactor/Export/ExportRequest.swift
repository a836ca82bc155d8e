package import Analytics

/// What is to be written out.
package struct ExportRequest: Sendable {
    /// How rows are written.
    package enum Format: String, CaseIterable, Sendable {
        case csv, ndjson
    }

    package var metric: String
    /// Names with commas between them; all that the kind answers if nil.
    package var aggregations: String?
    package var filter = LabelFilter()
    /// ms since 1970; rounded down to a whole bucket.
    package var fromMs: Int64
    /// ms since 1970; rounded up to a whole bucket, and down to what was compacted.
    package var toMs: Int64
    package var resolution = HistoryResolution.minute
    package var format = Format.csv

    package init(metric: String, fromMs: Int64, toMs: Int64) {
        self.metric = metric
        self.fromMs = fromMs
        self.toMs = toMs
    }
}

/// Why nothing can be written out; its text says how to mend it.
package struct ExportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What a caller may branch on.
    package enum Code: Sendable {
        /// The request asks for what there is not.
        case badRequest
        /// Retention dropped a part of the range while it was read.
        case dropped
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// What was written out.
package struct ExportSummary: Equatable, Sendable {
    package var rows = 0
    /// The range that was used, whole buckets, ms since 1970.
    package var fromMs: Int64
    package var toMs: Int64
    /// Reads of the store, and the most rows that one of them returned.
    package var reads = 0
    package var mostRowsRead = 0

    init(fromMs: Int64, toMs: Int64) {
        self.fromMs = fromMs
        self.toMs = toMs
    }
}
