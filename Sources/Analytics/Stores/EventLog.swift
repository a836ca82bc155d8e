/// The log of raw events: where accepted events go before anything counts them.
package protocol EventLog: Sendable {
    /// Appends each group, all of it or nothing; returns an outcome for each.
    ///
    /// The store holds the events of those that it says are appended.
    /// - Throws: where it failed for all; where `mayHaveRun`, nobody knows what the store holds.
    func append(_ groups: [AppendGroup]) async throws(StoreError) -> [AppendOutcome]
}

/// Events of one request.
package struct AppendGroup: Sendable {
    /// Names the request, so that a repetition is not counted again; nil where the sender takes that chance.
    package var idempotencyKey: String?
    /// Tells a repetition from another request under the same key: a digest of the body.
    package var fingerprint: UInt64
    /// When the request came, ms since 1970: the time of events without one, and what late and future are judged by.
    package var receivedMs: Int64
    /// Stream entries: NDJSON of at most 500 events and 64 KiB each, every line checked.
    package var entries: [Entry]
    /// Stored under the key and given back for a repetition.
    package var answer: [UInt8]

    /// One entry of the stream, applied as a whole.
    package struct Entry: Sendable {
        package var ndjson: [UInt8]
        package var eventCount: Int

        package init(ndjson: [UInt8], eventCount: Int) {
            self.ndjson = ndjson
            self.eventCount = eventCount
        }
    }

    package init(
        idempotencyKey: String?, fingerprint: UInt64, receivedMs: Int64, entries: [Entry], answer: [UInt8]
    ) {
        self.idempotencyKey = idempotencyKey
        self.fingerprint = fingerprint
        self.receivedMs = receivedMs
        self.entries = entries
        self.answer = answer
    }
}

/// What became of a group.
package enum AppendOutcome: Equatable, Sendable {
    case appended
    /// The key was used before, for the same body; the answer that was stored with it.
    case duplicate(answer: [UInt8])
    /// The key was used before, for another body.
    case conflict
    /// It failed for this group, and not for others; where `mayHaveRun`, nobody knows whether the store holds it.
    case failed(StoreError)
}
