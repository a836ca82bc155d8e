internal import Service

/// Asks the parts of one run to come to an end; once set it stays set.
final class StopSignal: Sendable {
    private struct State {
        var isSet = false
        var lastID = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Lock(State())

    var isSet: Bool { state.withLock { $0.isSet } }

    /// Wakes all who wait, now and later.
    func set() {
        let waiting = state.withLock { state in
            state.isSet = true
            defer { state.waiting.removeAll() }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the signal is set or the task cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    if state.isSet || state.cancelled.remove(id) != nil { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                if let continuation = state.waiting.removeValue(forKey: id) { return continuation }
                state.cancelled.insert(id)
                return nil
            }
            continuation?.resume()
        }
        state.withLock { _ = $0.cancelled.remove(id) }
    }

    /// Sleeps for `duration`; false where it ended early because of the signal or of a cancelled task.
    func sleep(_ duration: Duration, _ pause: @escaping Pause) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await pause(duration)) != nil }
            group.addTask {
                await self.wait()
                return false
            }
            let sleptThrough = await group.next() ?? false
            group.cancelAll()
            return sleptThrough
        }
    }
}
