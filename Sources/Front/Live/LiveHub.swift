package import Analytics
package import Service
internal import Wire

/// The live side of a front: follows the stores, keeps what is asked, and tells every client what has changed.
///
/// Pinned to the loop of the web server whose sockets it writes to. `run` does the work; clients come through `connect` and
/// `receive` (see `LiveHub+Route`). Everything a client can see is decided in `LiveMemory`, `LiveGroup` and `Pacer`, which do no I/O.
package actor LiveHub {
    /// What the hub does in tasks of its own.
    enum Job: Sendable {
        case follow(partition: Int)
        case fill(LiveQuestion)
    }

    nonisolated let executor: any SerialExecutor
    let store: any RecentStore
    let history: any LiveHistory
    let cache: HistoryCache?
    let time: TimeSource
    let configuration: LiveConfiguration
    let logger: Logger
    let metrics: LiveMetrics
    let isStoreAway: @Sendable () -> Bool
    let pause: @Sendable (Duration) async -> Void
    private let makeAlarm: @Sendable (@escaping @Sendable () -> Void) -> any LiveAlarm
    private let jobs: AsyncStream<Job>
    let newJobs: AsyncStream<Job>.Continuation

    let memory: LiveMemory
    var clients: [UInt64: LiveClient] = [:]
    var subscriptions: [SubscriptionRequest: Subscription] = [:]
    /// How many subscriptions each group has, and since when (monotonic) it has none.
    var subscribers: [LiveQuestion: [Subscription]] = [:]
    var idleSinceNs: [LiveQuestion: UInt64] = [:]
    /// Questions asked by polling, and those of them that have a group, with when (monotonic) they were last asked.
    var polled = AskedQuestions()
    /// Ends of long questions, as merged for those who asked before.
    var ends: [KeptEnd.Key: KeptEnd] = [:]
    var pollGroups: [LiveQuestion: UInt64] = [:]
    /// Groups that are kept though nobody asks, and those that are not since they were too large.
    var standing: Set<LiveQuestion> = []
    var tooLargeToStand: Set<LiveQuestion> = []
    /// Those that came out coarser than they should, and when (monotonic) they are tried again.
    var standingRetryNs: [LiveQuestion: UInt64] = [:]
    private var nextLimitNs: UInt64 = 0
    /// Groups whose filling is under way.
    var filling: Set<LiveQuestion> = []
    /// Subscriptions with a change to send.
    var dirty: [Subscription] = []
    /// Clients with frames to write.
    var unwritten: [LiveClient] = []
    /// Clients that are told the same, those of them with something to write, and clients that may have come to be in one.
    var cohorts: [Cohort.Key: Cohort] = [:]
    var dueCohorts: [Cohort] = []
    var settled: [LiveClient] = []
    /// What was encoded for those who came last.
    var recentSnapshots = RecentSnapshots()
    /// Clients from which something is kept back.
    var behind: [UInt64: LiveClient] = [:]
    /// Who waits for the followers to move.
    var waitingForNews: [CheckedContinuation<Void, Never>] = []
    /// Partitions whose store does not answer.
    var unreachable: Set<Int> = []
    /// When (monotonic) each partition's store last answered its follower.
    var heardNs: [Int: UInt64] = [:]
    /// Other stores that are missing, by what the executable says.
    var missing: Set<String> = []
    var toldDegraded: [String] = []
    /// When (monotonic) the store last said what metrics there are.
    var definitionsReadNs: UInt64 = 0
    /// Event streams that were asked for before the metrics were known.
    var heldStreams: [() -> Void] = []
    /// A number that no other front has, so that what clients have seen of another is not taken for ours.
    let front = UInt64.random(in: 0...UInt64.max)
    private(set) var isStopping = false
    private var lastClient: UInt64 = 0
    private var alarm: (any LiveAlarm)?
    private var alarmNs = UInt64.max
    private var nextHousekeepingNs: UInt64 = 0
    private var nextHeartbeatNs: UInt64 = 0
    var nextRetryNs: UInt64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    /// Makes a hub that does not run yet.
    ///
    /// `executor` is the event loop of the web server; `history` reads the part of a window that lies before the ring.
    /// `makeAlarm` makes the loop's timer that calls the given function, and is called on the loop, in `run`. `isStoreAway` is
    /// what others know of the followed store, sooner than a follower that waits for it. `cache` is told what changes in history.
    /// `pause` waits, or returns early where the task is cancelled.
    package init(
        executor: any SerialExecutor, store: any RecentStore, history: any LiveHistory, cache: HistoryCache? = nil,
        time: TimeSource = .system,
        configuration: LiveConfiguration = LiveConfiguration(), logger: Logger = .silent,
        metrics: LiveMetrics = LiveMetrics(MetricsRegistry()),
        makeAlarm: @escaping @Sendable (@escaping @Sendable () -> Void) -> any LiveAlarm,
        isStoreAway: @escaping @Sendable () -> Bool = { false },
        pause: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.executor = executor
        self.store = store
        self.history = history
        self.cache = cache
        self.time = time
        self.configuration = configuration
        self.logger = logger
        self.metrics = metrics
        self.makeAlarm = makeAlarm
        self.isStoreAway = isStoreAway
        self.pause = pause
        (jobs, newJobs) = AsyncStream.makeStream()
        memory = LiveMemory(now: time.wallMs() / 1000, maxRingBytes: configuration.maxRingBytes, cache: cache)
    }

    /// Follows the stores and serves the clients until the task is cancelled; then closes the clients with 1001.
    ///
    /// Start it on the loop (`loop.spawn`), so that every step runs there.
    package func run() async {
        alarm = makeAlarm { [weak self] in self?.assumeIsolated { $0.tick() } }
        tick()
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watchPartitions() }
                group.addTask { await self.keepStandingGroups() }
                for await job in jobs {
                    switch job {
                    case .follow(let partition): group.addTask { await self.follow(partition) }
                    case .fill(let question): group.addTask { await self.fill(question) }
                    }
                }
                group.cancelAll()
                stop()
            }
        } onCancel: {
            newJobs.finish()
        }
    }

    /// A store other than the one followed is missing, or is there again; clients are told.
    package func setMissing(_ store: String, _ isMissing: Bool) {
        if isMissing { missing.insert(store) } else { missing.remove(store) }
        tellStatus()
    }

    /// Everything is in memory, up to where the followers stand: for `/readyz`.
    package var isCurrent: Bool { memory.isCurrent }

    /// Distinct subscriptions, each shared by all who asked for it.
    package var subscriptionCount: Int { subscriptions.count }

    /// The stores that are missing now, as clients are told.
    package var degraded: [String] {
        (missing.union(unreachable.isEmpty ? [] : ["redis"])).sorted()
    }

    /// A number for a new client.
    func nextClientID() -> UInt64 {
        lastClient += 1
        return lastClient
    }

    private func stop() {
        isStopping = true
        for client in clients.values { client.socket.close(.goingAway, "The server is shutting down.") }
        clients = [:]
        // They refer to each other.
        for subscription in subscriptions.values { subscription.cohorts = [:] }
        cohorts = [:]
        recentSnapshots.removeAll()
        dueCohorts = []
        settled = []
        subscriptions = [:]
        subscribers = [:]
        dirty = []
        unwritten = []
        behind = [:]
        let streams = heldStreams
        heldStreams = []
        for refuse in streams { refuse() }
        alarm = nil
        news()
    }

    // MARK: Time

    /// What is due now is sent; once a second the windows move on.
    func tick() {
        alarmNs = .max
        if isStopping { return }
        let now = time.monotonicNs()
        if now >= nextHousekeepingNs {
            nextHousekeepingNs = now + 1_000_000_000
            keepHouse(now)
        }
        flush(now)
    }

    /// Sets the timer for the next thing that is due.
    func setAlarm(_ nowNs: UInt64) {
        let next = dirty.reduce(nextHousekeepingNs) { min($0, $1.dueNs ?? .max) }
        guard next < alarmNs else { return }
        alarmNs = next
        alarm?.reset(after: .nanoseconds(Int64(next > nowNs ? next - nowNs : 0)))
    }

    private func keepHouse(_ now: UInt64) {
        for group in memory.advance(to: time.wallMs() / 1000) { startFilling(group.question) }
        for (question, since) in idleSinceNs where now >= since + UInt64(nanoseconds: idleTime(question)) {
            drop(question)
        }
        if now >= nextLimitNs {
            nextLimitNs = now + 10_000_000_000
            limitPollGroups(now)
            memory.values.limit(nowNs: now)
        }
        recentSnapshots.removeAll()
        closeStalled(now)
        if now >= nextHeartbeatNs {
            nextHeartbeatNs = now + UInt64(nanoseconds: configuration.heartbeat)
            for client in clients.values { client.socket.sendHeartbeat() }
        }
        if now >= nextRetryNs {
            nextRetryNs = now + UInt64(nanoseconds: configuration.retry)
            for group in memory.groups.values where group.isReady && !group.degraded.isEmpty { group.readAgain() }
        }
        fillOutdated()
        metrics.clients.set(Double(clients.count))
        metrics.subscriptions.set(Double(subscriptions.count))
        metrics.groups.set(Double(memory.groups.count))
        metrics.ringBytes.set(Double(memory.ring.byteCount))
    }

    /// Forgets a question nobody asks any more.
    func drop(_ question: LiveQuestion) {
        idleSinceNs[question] = nil
        guard subscribers[question] == nil, !standing.contains(question) else { return }
        pollGroups[question] = nil
        memory.drop(question)
    }

    // MARK: Waiting for the followers

    /// Returns after the next batch, or any other change of what is held.
    func nextNews() async {
        if isStopping { return }
        await withCheckedContinuation { waitingForNews.append($0) }
    }

    /// Something has changed in what is held.
    func news() {
        let waiting = waitingForNews
        waitingForNews = []
        for continuation in waiting { continuation.resume() }
    }
}

extension UInt64 {
    /// A length of time; at most 584 years.
    init(nanoseconds duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
