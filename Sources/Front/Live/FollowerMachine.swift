internal import Analytics

/// Where a front stands in one partition's live stream: decides which deltas of a batch are new, and notices what is missing.
///
/// ```
/// away ──begin──▶ loading ──loaded──▶ catchingUp ──all reads reached──▶ current
///   ▲                                                                     │
///   └────────────────────── a batch is missing, or `lose` ◀───────────────┘
/// ```
/// A rebuild reads the series in parts, each at its own cursor, while batches go on being applied; those are read from the
/// live stream afterwards, and skipped for the series that had been read later.
struct FollowerMachine {
    enum Phase: Equatable { case away, loading, catchingUp, current }

    /// Series with numbers below `end`, and from the part before it on, were read at `cursor`.
    private struct Part {
        let end: Int
        let cursor: StreamID
    }

    private(set) var phase = Phase.away
    /// The last live batch seen.
    private(set) var position = StreamID.zero
    /// The cursor after the last batch taken.
    private(set) var reached = StreamID.zero
    private var parts: [Part] = []
    /// The last batch taken ended at `reached`, so that the next begins there.
    private var isLinked = false
    /// Cursors ahead of `reached` at which others have read the store.
    private var seen: [StreamID] = []

    /// A rebuild begins; the live stream stood at `position` before anything was read.
    mutating func begin(position: StreamID) {
        self = FollowerMachine()
        self.position = position
        phase = .loading
    }

    /// The series with numbers from the last part's end up to `end` have been read at `cursor`; false where the store went
    /// back meanwhile, and the rebuild must begin again.
    mutating func read(numbersBelow end: Int, cursor: StreamID) -> Bool {
        precondition(phase == .loading, "a part is read while loading, not while \(phase)")
        if let last = parts.last, cursor < last.cursor {
            phase = .away
            return false
        }
        parts.append(Part(end: end, cursor: cursor))
        return true
    }

    /// Everything has been read. At least one part has been given, be it empty.
    mutating func loaded() {
        precondition(phase == .loading, "loading ends while \(phase)")
        reached = parts.first?.cursor ?? .zero
        phase = .catchingUp
        settle()
    }

    /// Others have read the store at `cursor`; the batches must come to it.
    mutating func saw(_ cursor: StreamID) {
        if cursor > reached { seen.append(cursor) }
    }

    /// What the partition held is lost.
    mutating func lose() { phase = .away }

    /// What a batch is to a follower.
    enum Verdict {
        /// What it adds is new, but for the series that `hasRead`.
        case new
        /// All it adds had been read.
        case known
        /// One before it is missing: the partition must be read anew.
        case gap
    }

    /// Takes the next batch.
    mutating func take(_ batch: LiveBatch) -> Verdict {
        precondition(phase == .catchingUp || phase == .current, "a batch comes while \(phase)")
        position = batch.position
        // A word of the compaction moves no cursor.
        if batch.from == batch.to && batch.deltas.isEmpty { return .known }
        // What was read before the first batch is known from the read. Every cursor is the end of some batch, so the first one
        // past it begins there; one that begins before it and ends behind it comes of a store that went back in between.
        if !isLinked && batch.to <= reached { return .known }
        // The same holds for a batch that passes over a cursor at which anything was read.
        let passesOver = { (cursor: StreamID) in batch.from < cursor && cursor < batch.to }
        guard batch.from == reached, batch.to > reached, !seen.contains(where: passesOver),
            !parts.contains(where: { passesOver($0.cursor) })
        else {
            phase = .away
            return .gap
        }
        isLinked = true
        reached = batch.to
        seen.removeAll { $0 <= reached }
        return .new
    }

    /// After a batch's deltas have been looked at: the partition may be current now.
    mutating func settle() {
        guard phase == .catchingUp, parts.allSatisfy({ $0.cursor <= reached }) else { return }
        parts = []
        phase = .current
    }

    /// The read already held what a batch that ended at `to` adds to series `number`.
    func hasRead(number: Int, to: StreamID) -> Bool {
        guard let part = parts.first(where: { number < $0.end }) else { return false }
        return to <= part.cursor
    }
}
