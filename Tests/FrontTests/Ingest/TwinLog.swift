import Analytics
import Service

/// The log in memory: remembers keys as the real one does, can be held, and can fail.
final class TwinLog: EventLog {
    struct State {
        var calls: [[AppendGroup]] = []
        var entries: [AppendGroup.Entry] = []
        var keys: [String: (fingerprint: UInt64, answer: [UInt8])] = [:]
        var failure: StoreError?
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    var calls: [[AppendGroup]] { state.withLock { $0.calls } }
    var eventCount: Int { state.withLock { $0.entries.reduce(0) { $0 + $1.eventCount } } }
    var text: String { state.withLock { String(decoding: $0.entries.flatMap(\.ndjson), as: UTF8.self) } }
    var heldCount: Int { state.withLock { $0.held.count } }

    func fail(_ failure: StoreError?) { state.withLock { $0.failure = failure } }

    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let held = state.withLock { state in
            defer { state.held = [] }
            state.isHeld = false
            return state.held
        }
        for one in held { one.resume() }
    }

    func append(_ groups: [AppendGroup]) async throws(StoreError) -> [AppendOutcome] {
        if state.withLock({ $0.isHeld }) {
            await withCheckedContinuation { continuation in
                let isHeld = state.withLock { state in
                    if state.isHeld { state.held.append(continuation) }
                    return state.isHeld
                }
                if !isHeld { continuation.resume() }
            }
        }
        return try state.withLock { state throws(StoreError) in
            state.calls.append(groups)
            if let failure = state.failure { throw failure }
            return groups.map { group in
                if let key = group.idempotencyKey {
                    if let known = state.keys[key] {
                        return known.fingerprint == group.fingerprint ? .duplicate(answer: known.answer) : .conflict
                    }
                    state.keys[key] = (group.fingerprint, group.answer)
                }
                state.entries += group.entries
                return .appended
            }
        }
    }
}
