internal import Service

/// A bounded queue from one thread to any number of tasks.
///
/// The thread blocks while the queue is full, so that what reads fast never piles up before what sends slowly.
final class Handoff<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiting: [(id: Int, continuation: CheckedContinuation<Element?, Never>)] = []
        var cancelled: Set<Int> = []
        var lastID = 0
        var isEnded = false
        var isStopped = false
    }

    private enum Put {
        case taken(by: CheckedContinuation<Element?, Never>?)
        case stopped
        case full
    }

    /// Also wakes the thread when it waits for something else.
    let wakePipe: WakePipe
    private let capacity: Int
    private let state = Lock(State())

    /// Makes an empty queue with room for `capacity` elements, at least 1.
    ///
    /// - Throws: `SystemError` where the system has no descriptors left.
    init(capacity: Int) throws(SystemError) {
        precondition(capacity > 0, "a queue without room never moves")
        self.capacity = capacity
        wakePipe = try WakePipe()
    }

    /// Whether the takers want no more.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    // MARK: The thread's side

    /// Adds `element`, waiting for room; false where the takers want no more.
    func put(_ element: Element) -> Bool {
        while true {
            let step = state.withLock { state -> Put in
                if state.isStopped { return .stopped }
                if !state.waiting.isEmpty { return .taken(by: state.waiting.removeFirst().continuation) }
                if state.elements.count == capacity { return .full }
                state.elements.append(element)
                return .taken(by: nil)
            }
            switch step {
            case .taken(let taker):
                taker?.resume(returning: element)
                return true
            case .stopped: return false
            case .full: _ = wakePipe.wait()
            }
        }
    }

    /// Says that no element will follow.
    func end() { finish { $0.isEnded = true } }

    // MARK: The takers' side

    /// The next element; nil after the last one, after `stop`, or in a cancelled task.
    func next() async -> Element? {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let element = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Element?, Never>) in
                let (result, madeRoom) = state.withLock { state -> (Element??, Bool) in
                    if state.isStopped || state.cancelled.remove(id) != nil { return (.some(nil), false) }
                    if !state.elements.isEmpty {
                        return (state.elements.removeFirst(), state.elements.count + 1 == capacity)
                    }
                    if state.isEnded { return (.some(nil), false) }
                    state.waiting.append((id, continuation))
                    return (.none, false)
                }
                if madeRoom { wakePipe.wake() }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Element?, Never>? in
                guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiting.remove(at: index).continuation
            }
            continuation?.resume(returning: nil)
        }
        state.withLock { _ = $0.cancelled.remove(id) }
        return element
    }

    /// Takes no more, throws away what waits, and lets the thread know.
    func stop() {
        finish { state in
            state.isStopped = true
            state.elements.removeAll()
        }
        wakePipe.wake()
    }

    private func finish(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            defer { state.waiting.removeAll() }
            return state.waiting.map(\.continuation)
        }
        for continuation in waiting { continuation.resume(returning: nil) }
    }
}
