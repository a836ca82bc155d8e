internal import Service

/// Asks a front, over one connection that is kept.
package protocol QuestionAsker: Sendable {
    /// Asks for `target` and waits for the whole answer, whatever its status.
    ///
    /// - Throws: `AskError` where none comes.
    func ask(_ target: String) async throws(AskError) -> Answer
}

/// Why a question got no answer, in words that are the same each time it happens.
package struct AskError: Error, Sendable {
    package let detail: String

    package init(_ detail: String) { self.detail = detail }
}

/// What a load keeps of an answer.
package struct Answer: Sendable, Equatable {
    package let status: Int
    /// Of the body, as it was after decompression.
    package let bytes: Int
    /// Time that the server says it took, in ms; nil where it does not say.
    package let tookMs: Double?
    /// The step that was used, in ms; nil where the answer does not say.
    package let stepMs: Int?
    /// Whether a store was missing.
    package let isDegraded: Bool
    /// Whether PostgreSQL was not needed; nil where the answer does not say.
    package let isWithoutPostgres: Bool?

    /// What stands before and behind the series of an answer of the query API fits into so many bytes.
    private static let (headBytes, tailBytes) = (1_024, 512)

    /// Reads `body` as an answer of the query API, or as any other. Looks only at its ends: the series are not parsed.
    package init(status: Int, body: [UInt8]) {
        self.status = status
        bytes = body.count
        // A name before it cannot hold the mark: there its quotes would be escaped.
        let head = String(decoding: body.prefix(Self.headBytes), as: UTF8.self)
        stepMs = head.ranges(of: "\"step\":").first.flatMap { mark in
            Int(head[mark.upperBound...].prefix { $0.isASCII && $0.isNumber })
        }
        let tail = String(decoding: body.suffix(Self.tailBytes), as: UTF8.self)
        tookMs = Self.text(after: "\"took_ms\":", in: tail).flatMap { Double($0.prefix { $0 != "}" && $0 != "," }) }
        let degraded = Self.list("\"degraded\":[", in: tail)
        isDegraded = degraded?.isEmpty == false
        isWithoutPostgres = Self.list("\"tiers\":[", in: tail).map { tiers in
            !tiers.contains("\"postgres\"") && !(degraded?.contains("\"postgres\"") ?? false)
        }
    }

    private static func text(after mark: String, in tail: String) -> Substring? {
        // The last one: before it, a label may say anything.
        tail.ranges(of: mark).last.map { tail[$0.upperBound...] }
    }

    private static func list(_ mark: String, in tail: String) -> [Substring]? {
        text(after: mark, in: tail).map { $0.prefix { $0 != "]" }.split(separator: ",") }
    }
}
