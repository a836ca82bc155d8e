/// Decides which connection serves whom, and when to make one; a value without I/O or clock.
///
/// ```
/// connecting ──connected──▶ leased or idle ──lost / idle too long──▶ gone
///     └──failed──▶ gone; the next attempt after a pause        leased ──released──▶ leased, idle or gone
/// ```
struct PoolMachine {
    /// What the pool has to do, in this order.
    enum Action: Equatable {
        /// Make the connection `id`, then say `connected` or `connectFailed`.
        case connect(id: Int)
        /// Give the connection to who asked.
        case lease(id: Int, request: UInt64, idleSinceNs: UInt64)
        /// Tell who asked that there is no connection for them.
        case refuse(request: UInt64, Refusal)
        /// Close the connection; it is gone already for the machine.
        case close(id: Int)
        /// Say `retry` after a pause that grows with every failure in a row.
        case pauseBeforeRetry
    }

    enum Refusal: Equatable {
        case tooManyWaiting
        case serverAway
        case closed
    }

    private enum Connection: Equatable {
        case connecting
        case idle(sinceNs: UInt64)
        case leased
    }

    private let maxConnections: Int
    private let maxWaiting: Int
    private let failsFast: Bool
    private var connections: [Int: Connection] = [:]
    /// Idle ones, the one used last at the end: it is the next to be used, and those at the front may grow old.
    private var idle: [Int] = []
    private var waiting: [UInt64] = []
    private var lastID = 0
    private var isPausing = false
    private var isClosed = false

    init(maxConnections: Int, maxWaiting: Int, failsFast: Bool) {
        self.maxConnections = maxConnections
        self.maxWaiting = maxWaiting
        self.failsFast = failsFast
    }

    var connectionCount: Int { connections.count }
    var leasedCount: Int { connections.values.count { $0 == .leased } }
    var waitingCount: Int { waiting.count }

    /// Somebody wants a connection.
    mutating func request(_ request: UInt64) -> [Action] {
        if isClosed { return [.refuse(request: request, .closed)] }
        if let id = idle.last { return [lease(id, to: request)] }
        if isPausing && failsFast { return [.refuse(request: request, .serverAway)] }
        if waiting.count >= maxWaiting { return [.refuse(request: request, .tooManyWaiting)] }
        waiting.append(request)
        return connectIfNeeded()
    }

    /// Somebody does not want one any more; true if they were still waiting.
    mutating func withdraw(_ request: UInt64) -> Bool {
        guard let index = waiting.firstIndex(of: request) else { return false }
        waiting.remove(at: index)
        return true
    }

    /// A connection was made.
    mutating func connected(_ id: Int, nowNs: UInt64) -> [Action] {
        if isClosed { return [.close(id: id)] }
        precondition(connections[id] == .connecting, "connected, but not connecting: \(id)")
        return makeIdle(id, nowNs)
    }

    /// A connection could not be made.
    mutating func connectFailed(_ id: Int) -> [Action] {
        if isClosed { return [] }
        precondition(connections[id] == .connecting, "failed to connect, but not connecting: \(id)")
        connections[id] = nil
        guard !isPausing else { return [] }
        isPausing = true
        let refused = failsFast ? waiting : []
        if failsFast { waiting = [] }
        return refused.map { .refuse(request: $0, .serverAway) } + [.pauseBeforeRetry]
    }

    /// The pause after a failure is over.
    mutating func retry() -> [Action] {
        isPausing = false
        return isClosed ? [] : connectIfNeeded()
    }

    /// A lease is over; a connection that cannot be used again is closed.
    mutating func released(_ id: Int, isReusable: Bool, nowNs: UInt64) -> [Action] {
        if isClosed { return [.close(id: id)] }
        precondition(connections[id] == .leased, "released, but not leased: \(id)")
        if isReusable { return makeIdle(id, nowNs) }
        connections[id] = nil
        return [.close(id: id)] + connectIfNeeded()
    }

    /// An idle connection ended by itself.
    mutating func lost(_ id: Int) {
        guard case .idle = connections[id] else { return }
        connections[id] = nil
        idle.removeAll { $0 == id }
    }

    /// Closes what nobody has used since `ns`.
    mutating func closeIdle(since ns: UInt64) -> [Action] {
        let old = idle.filter { id in
            if case .idle(let sinceNs) = connections[id] { sinceNs <= ns } else { false }
        }
        for id in old { lost(id) }
        return old.map { .close(id: $0) }
    }

    /// Refuses all who wait and closes what is idle; what is leased or connecting is closed when it comes back.
    mutating func close() -> [Action] {
        isClosed = true
        defer {
            waiting = []
            idle = []
            connections = [:]
        }
        return waiting.map { .refuse(request: $0, .closed) } + idle.map { .close(id: $0) }
    }

    private mutating func makeIdle(_ id: Int, _ nowNs: UInt64) -> [Action] {
        connections[id] = .idle(sinceNs: nowNs)
        idle.append(id)
        return waiting.isEmpty ? [] : [lease(id, to: waiting.removeFirst())]
    }

    private mutating func lease(_ id: Int, to request: UInt64) -> Action {
        guard case .idle(let sinceNs) = connections[id] else { preconditionFailure("leased, but not idle: \(id)") }
        connections[id] = .leased
        idle.removeAll { $0 == id }
        return .lease(id: id, request: request, idleSinceNs: sinceNs)
    }

    private mutating func connectIfNeeded() -> [Action] {
        var actions: [Action] = []
        var connecting = connections.values.count { $0 == .connecting }
        while !isPausing && connecting < waiting.count && connections.count < maxConnections {
            lastID += 1
            connections[lastID] = .connecting
            connecting += 1
            actions.append(.connect(id: lastID))
        }
        return actions
    }
}
