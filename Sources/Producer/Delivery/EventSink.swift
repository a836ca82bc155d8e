/// Where batches of events go: the ingest API of a running front.
///
/// One call is one attempt; whoever calls retries, under the batch's own key.
package protocol EventSink: Sendable {
    /// Hands one batch over and returns the server's answer.
    ///
    /// - Throws: `SinkError`; also when the calling task is cancelled, as `unavailable`.
    func send(_ batch: EventBatch) async throws(SinkError) -> IngestAnswer
}

/// Events that travel and count together.
package struct EventBatch: Sendable, Equatable {
    /// NDJSON: one event a line, each line with its line feed.
    package let body: [UInt8]
    /// How many events there are.
    package let count: Int
    /// Sent as `Idempotency-Key`: however often the batch arrives, it counts once.
    package let key: String

    /// Makes a batch of `count` lines.
    package init(body: [UInt8], count: Int, key: String) {
        self.body = body
        self.count = count
        self.key = key
    }
}

/// What the server says about a batch that it took.
package struct IngestAnswer: Sendable, Equatable {
    package let accepted: Int
    package let rejected: Int
    /// The first lines that were refused; the server lists at most 20.
    package let errors: [RejectedLine]
    /// The batch had been counted before.
    package let duplicate: Bool

    /// Makes an answer, by default one without any rejected line.
    package init(accepted: Int, rejected: Int = 0, errors: [RejectedLine] = [], duplicate: Bool = false) {
        self.accepted = accepted
        self.rejected = rejected
        self.errors = errors
        self.duplicate = duplicate
    }
}

/// One line of a batch that the server refused.
package struct RejectedLine: Sendable, Equatable {
    /// Counted from 1 within the batch.
    package let line: Int
    package let reason: String

    package init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }
}

/// Why a batch was not taken.
package enum SinkError: Error, Sendable, Equatable {
    /// Try again: no connection, no answer, 429, 5xx; not before `retryAfter` where the server named a time.
    case unavailable(detail: String, retryAfter: Duration?)
    /// Trying again is useless: 400, 401, 403, 404, 413, 415, 422; `lines` are those that the problem document lists.
    case refused(status: Int, detail: String, lines: [RejectedLine])
}
