/// What a run group knows about its parts; decides what is started, stopped and given up, and when all is over.
///
///     starting ──all started──▶ running ──a part ends, or stop is asked──▶ stopping ──none left──▶ finished
///         └───────────────── the same ─────────────────────────────────────▲
struct RunGroupMachine {
    struct Part {
        let deadline: Duration
        let endsGroup: Bool
    }

    enum Event {
        case started(Int)
        case ended(Int, failure: ExitCode?)
        case stopAsked
        case deadline(Int)
    }

    enum Action: Equatable {
        case start(Int)
        case cancel(Int, deadline: Duration)
        case giveUp(Int)
        case finish(ExitCode)
    }

    private let parts: [Part]
    private let total: Duration
    private var alive: Set<Int> = []
    private var exitCode = ExitCode.success
    /// Since when the group is stopping, in monotonic nanoseconds, and the part whose turn it is.
    private var stopping: (sinceNs: UInt64, part: Int?)?

    init(parts: [Part], total: Duration) {
        self.parts = parts
        self.total = total
    }

    /// The first thing to do.
    mutating func begin() -> [Action] { start(0) }

    mutating func handle(_ event: Event, nowNs: UInt64) -> [Action] {
        switch event {
        case .started(let part):
            return stopping == nil ? start(part + 1) : []
        case .ended(let part, let failure):
            guard alive.remove(part) != nil else { return [] }
            if let failure, exitCode == .success { exitCode = failure }
            if stopping == nil {
                return failure != nil || parts[part].endsGroup || alive.isEmpty ? stop(nowNs) : []
            }
            return stopping?.part == part ? stopNext(nowNs) : []
        case .stopAsked:
            return stopping == nil ? stop(nowNs) : []
        case .deadline(let part):
            guard stopping?.part == part, alive.remove(part) != nil else { return [] }
            if exitCode == .success { exitCode = .failure }
            return [.giveUp(part)] + stopNext(nowNs)
        }
    }

    private mutating func start(_ part: Int) -> [Action] {
        guard part < parts.count else { return parts.isEmpty ? [.finish(.success)] : [] }
        alive.insert(part)
        return [.start(part)]
    }

    private mutating func stop(_ nowNs: UInt64) -> [Action] {
        stopping = (nowNs, nil)
        return stopNext(nowNs)
    }

    private mutating func stopNext(_ nowNs: UInt64) -> [Action] {
        guard let sinceNs = stopping?.sinceNs, let last = alive.max() else { return [.finish(exitCode)] }
        stopping = (sinceNs, last)
        let left = total - .nanoseconds(Int64(nowNs - sinceNs))
        return [.cancel(last, deadline: max(.zero, min(parts[last].deadline, left)))]
    }
}
