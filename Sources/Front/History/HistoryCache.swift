internal import Analytics
package import Service

/// What a front keeps of PostgreSQL: pieces of answers that lie wholly in the past, bounded by bytes, the least recently used out
/// first.
///
/// A piece stays true until the compaction says that its time has changed (`forget`, by the live stream). Who reads
/// one says so before (`begin`), and it is kept only if nothing of it has changed since:
/// ```
/// reader       begin ──── SELECT … ──────────────── keep: refused, the piece may be older than the commit
/// compaction         COMMIT ──── settle ─▶ forget
/// ```
/// Threading: safe from any thread.
package final class HistoryCache: Sendable {
    /// What a piece is about: all but its time.
    struct Question: Hashable, Sendable {
        let metric: String
        let by: [String]
        let filter: LabelFilter
        let stepMs: Int64

        init(_ query: Query) {
            metric = query.metric.name
            by = query.by
            filter = query.filter
            stepMs = query.isOneBucket ? .max : query.stepMs
        }
    }

    struct Key: Hashable, Sendable {
        let question: Question
        let rangeMs: Range<Int64>
    }

    /// Of `begin`, for `keep`.
    struct Ticket: Sendable {
        fileprivate let change: Int
    }

    /// What it has done since the start, and what it holds.
    package struct Counts: Sendable, Equatable {
        package var hits = 0
        package var misses = 0
        /// Pieces that went to make room.
        package var evictions = 0
        /// Pieces that went because their time has changed, or may have.
        package var outdated = 0
        package var pieces = 0
        package var bytes = 0
    }

    private struct Entry {
        var chunk: HistoryChunk
        var bytes: Int
        let keptNs: UInt64
        var usedIn: Int
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var counts = Counts()
        /// Counts uses; the least recently used entry has the least.
        var use = 0
        /// Uses, oldest first, with what was used then; those that are not the last of their entry are skipped.
        var uses: [(use: Int, key: Key)] = []
        var firstUse = 0
        /// Counts changes of history.
        var change = 0
        /// The last changes, each with its number.
        var changes: [(number: Int, rangeMs: Range<Int64>)] = []
    }

    /// Changes that are remembered for reads under way; a read that takes longer than these keeps nothing.
    private static let rememberedChanges = 1_000
    /// Pieces that were kept for longer are read anew: for those who change history by hand.
    private static let freshNs: UInt64 = 3_600_000_000_000

    package let maxBytes: Int
    private let time: TimeSource
    private let state = Lock(State())

    /// - Parameters:
    ///   - maxBytes: 0 keeps nothing.
    ///   - time: the clocks.
    package init(maxBytes: Int, time: TimeSource = .system) {
        self.maxBytes = maxBytes
        self.time = time
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// The piece; nil where it is not kept.
    ///
    /// `allowsOld`: also one that was kept for longer than an hour, for who cannot read it anew.
    func piece(_ key: Key, allowsOld: Bool = false) -> HistoryChunk? {
        let nowNs = time.monotonicNs()
        return state.withLock { state in
            guard let entry = state.entries[key], allowsOld || nowNs < entry.keptNs &+ Self.freshNs else {
                if !allowsOld { state.counts.misses += 1 }
                return nil
            }
            state.counts.hits += 1
            Self.touch(key, &state)
            return entry.chunk
        }
    }

    /// The piece, with the columns of `aggregations`, which are kept with it; nil where it is not kept.
    ///
    /// - Complexity: O(rows) for new columns, some µs each with a sketch.
    func completed(_ key: Key, _ aggregations: [Aggregation]) -> HistoryChunk? {
        state.withLock { state in
            guard var entry = state.entries.removeValue(forKey: key) else { return nil }
            let before = entry.bytes
            entry.chunk.complete(aggregations, seconds: Double(key.question.stepMs) / 1_000)
            entry.bytes = entry.chunk.byteCount
            state.counts.bytes += entry.bytes - before
            state.entries[key] = entry
            Self.shrink(&state, to: maxBytes)
            return entry.chunk
        }
    }

    /// Somebody is about to read pieces.
    func begin() -> Ticket { state.withLock { Ticket(change: $0.change) } }

    /// Keeps what was read, unless its time has changed since `ticket`, or it alone is more than a fourth of all there is room for.
    @discardableResult
    func keep(_ chunk: HistoryChunk, _ key: Key, _ ticket: Ticket) -> Bool {
        let bytes = chunk.byteCount
        guard bytes <= maxBytes / 4 else { return false }
        let nowNs = time.monotonicNs()
        return state.withLock { state in
            // What lies before the changes that are remembered is not known.
            guard state.changes.first.map({ $0.number <= ticket.change + 1 }) ?? (ticket.change == state.change),
                !state.changes.contains(where: { $0.number > ticket.change && $0.rangeMs.overlaps(key.rangeMs) })
            else { return false }
            Self.remove(key, &state)
            state.use += 1
            state.entries[key] = Entry(chunk: chunk, bytes: bytes, keptNs: nowNs, usedIn: state.use)
            state.uses.append((state.use, key))
            state.counts.bytes += bytes
            state.counts.pieces += 1
            Self.shrink(&state, to: maxBytes)
            return true
        }
    }

    /// History has changed in `rangeMs` (ms since 1970).
    package func forget(_ rangeMs: Range<Int64>) {
        if rangeMs.isEmpty { return }
        state.withLock { state in
            state.change += 1
            state.changes.append((state.change, rangeMs))
            if state.changes.count > Self.rememberedChanges { state.changes.removeFirst(Self.rememberedChanges / 2) }
            for key in state.entries.keys where key.rangeMs.overlaps(rangeMs) {
                Self.remove(key, &state)
                state.counts.outdated += 1
            }
        }
    }

    /// What has changed is not known: everything may have.
    package func forgetAll() { forget(.min ..< .max) }

    private static func touch(_ key: Key, _ state: inout State) {
        state.use += 1
        state.entries[key]?.usedIn = state.use
        state.uses.append((state.use, key))
        guard state.uses.count - state.firstUse > 4 * state.entries.count + 1_000 else { return }
        // Most of these are not the last use of their entry.
        state.uses = state.entries.map { ($0.value.usedIn, $0.key) }.sorted { $0.0 < $1.0 }
        state.firstUse = 0
    }

    private static func shrink(_ state: inout State, to maxBytes: Int) {
        while state.counts.bytes > maxBytes, state.firstUse < state.uses.count {
            let (use, key) = state.uses[state.firstUse]
            state.firstUse += 1
            guard state.entries[key]?.usedIn == use else { continue }
            remove(key, &state)
            state.counts.evictions += 1
        }
        if state.firstUse > 1_000 && state.firstUse > state.uses.count / 2 {
            state.uses.removeFirst(state.firstUse)
            state.firstUse = 0
        }
    }

    private static func remove(_ key: Key, _ state: inout State) {
        guard let entry = state.entries.removeValue(forKey: key) else { return }
        state.counts.bytes -= entry.bytes
        state.counts.pieces -= 1
    }
}

extension HistoryCache {
    /// Shows what it does and holds.
    func register(_ registry: MetricsRegistry) {
        let counts = { @Sendable [self] in self.counts }
        registry.function(
            .counter, "weir_query_cache_hits_total", help: "Pieces of history that were kept from before.",
            read: { Double(counts().hits) })
        registry.function(
            .counter, "weir_query_cache_misses_total", help: "Pieces of history that had to be read.",
            read: { Double(counts().misses) })
        registry.function(
            .counter, "weir_query_cache_evictions_total", help: "Pieces of history that went to make room.",
            read: { Double(counts().evictions) })
        registry.function(
            .counter, "weir_query_cache_outdated_total",
            help: "Pieces of history that went because their time has changed, or may have.",
            read: { Double(counts().outdated) })
        registry.function(
            .gauge, "weir_query_cache_bytes", help: "Memory of what is kept of history, in bytes.",
            read: { Double(counts().bytes) })
        registry.function(
            .gauge, "weir_query_cache_max_bytes", help: "The most of it (--query-cache), in bytes.",
            read: { [self] in Double(maxBytes) })
    }
}
