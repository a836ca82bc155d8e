package import Service

/// What a front counts of itself; made anew from the same registry it is the same.
package struct FrontMetrics: Sendable {
    /// What became of a request with events.
    enum IngestOutcome: String, CaseIterable {
        case accepted, duplicate
        /// The client's fault.
        case refused
        /// Ours, or a store's.
        case failed
    }

    /// What became of a question.
    enum QueryOutcome: String, CaseIterable {
        case answered
        /// Answered, and a store was missing.
        case degraded
        case refused, failed
    }

    let acceptedEvents: Counter
    let rejectedEvents: Counter
    let receivedBytes: Counter
    let appendSeconds: Histogram
    private let requests: [IngestOutcome: Counter]
    private let queries: [QueryOutcome: Counter]
    private let querySeconds: Histogram
    private let tierSeconds: [QueryTier: Histogram]
    private let missing: [String: Counter]
    /// Questions answered, by the tiers that answered.
    private let answers: [[String]: Counter]
    private let withoutPostgres: Counter
    /// Questions that waited for an equal one.
    let sharedReads: Counter
    /// Pieces of history that were read as values made ahead.
    let labelPieces: Counter
    /// Questions answered, for `GET /api/v1/status`.
    let tally = Lock(QueryTally())

    /// What is kept of history; nil where nothing is.
    let cache: HistoryCache?

    /// Registers them; those of `cache` once, with the first that has one.
    package init(_ registry: MetricsRegistry, cache: HistoryCache? = nil) {
        self.cache = cache
        cache?.register(registry)
        func events(_ outcome: String) -> Counter {
            registry.counter(
                "weir_ingest_events_total", help: "Events received, by outcome.", labels: ["outcome": outcome])
        }
        acceptedEvents = events("accepted")
        rejectedEvents = events("rejected")
        receivedBytes = registry.counter(
            "weir_ingest_received_bytes_total", help: "Bytes of bodies with events, unpacked.")
        appendSeconds = registry.histogram(
            "weir_ingest_append_seconds", help: "Time from a checked request to the log's answer, in seconds.")
        requests = Dictionary(
            uniqueKeysWithValues: IngestOutcome.allCases.map {
                (
                    $0,
                    registry.counter(
                        "weir_ingest_requests_total", help: "Requests with events, by outcome.",
                        labels: ["outcome": $0.rawValue])
                )
            })
        queries = Dictionary(
            uniqueKeysWithValues: QueryOutcome.allCases.map {
                (
                    $0,
                    registry.counter(
                        "weir_queries_total", help: "Questions, by outcome.", labels: ["outcome": $0.rawValue])
                )
            })
        querySeconds = registry.histogram(
            "weir_query_seconds", help: "Time from a question to its answer, in seconds.")
        tierSeconds = Dictionary(
            uniqueKeysWithValues: QueryTier.allCases.map {
                (
                    $0,
                    registry.histogram(
                        "weir_query_tier_seconds", help: "Time to read one tier's part of an answer, in seconds.",
                        labels: ["tier": $0.rawValue])
                )
            })
        answers = Dictionary(
            uniqueKeysWithValues: QueryTally.combinations.map { tiers in
                (
                    tiers,
                    registry.counter(
                        "weir_query_answers_total", help: "Questions answered, by the tiers that were read.",
                        labels: ["tiers": tiers.isEmpty ? "none" : tiers.joined(separator: "+")])
                )
            })
        withoutPostgres = registry.counter(
            "weir_queries_without_postgres_total",
            help: "Questions answered for which PostgreSQL was not needed; their share is the cache hit rate.")
        sharedReads = registry.counter(
            "weir_query_shared_reads_total", help: "Questions answered by what was being read for an equal one.")
        labelPieces = registry.counter(
            "weir_query_label_pieces_total", help: "Pieces of history read as values made ahead, by one label.")
        missing = Dictionary(
            uniqueKeysWithValues: [QueryTier.redis, .postgres].map {
                (
                    $0.rawValue,
                    registry.counter(
                        "weir_query_missing_total", help: "Answers from which a store is missing.",
                        labels: ["store": $0.rawValue])
                )
            })
    }

    func ingested(_ outcome: IngestOutcome) { requests[outcome]?.add() }

    func asked(_ outcome: QueryOutcome) { queries[outcome]?.add() }

    /// Counts an answer.
    ///
    /// - Parameters:
    ///   - tiers: those that were read, fastest first.
    ///   - stores: those that are missing from it.
    ///   - seconds: from the question to the answer.
    func answered(tiers: [String], degraded stores: [String], seconds: Double) {
        let postgres = QueryTier.postgres.rawValue
        let isHit = !tiers.contains(postgres) && !stores.contains(postgres)
        answers[tiers]?.add()
        if isHit { withoutPostgres.add() }
        let nowNs = TimeSource.system.monotonicNs()
        tally.withLock { $0.count(tiers: tiers, isHit: isHit, nowNs: nowNs) }
        asked(stores.isEmpty ? .answered : .degraded)
        querySeconds.observe(seconds)
        for store in stores { missing[store]?.add() }
    }

    func read(_ tier: QueryTier, nanoseconds: UInt64) { tierSeconds[tier]?.observe(nanoseconds: nanoseconds) }
}
