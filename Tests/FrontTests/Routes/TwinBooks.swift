import Analytics
import Service

/// Books in memory, and history that may be down or ahead of them.
final class TwinBooks: BooksStore, HistoryBooks {
    struct State {
        var partitions: [PartitionBooks] = []
        var history: [HistoryCount] = []
        var byHour: [HistoryHour] = []
        var hoursAsked: [Int64] = []
        var redisFailure: StoreError?
        var postgresFailure: StoreError?
        var reads = 0
        /// The cursor that the books have from the second read on.
        var laterCursor: StreamID?
    }

    private let state = Lock(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var now: State { state.withLock { $0 } }

    func partitionCount() async throws(StoreError) -> Int {
        if let failure = now.redisFailure { throw failure }
        return now.partitions.count
    }

    func books(partition: Int, hoursMs: [Int64]) async throws(StoreError) -> PartitionBooks {
        if let failure = now.redisFailure { throw failure }
        return state.withLock { state in
            state.reads += 1
            state.hoursAsked = hoursMs
            var books = state.partitions[partition]
            if state.reads > 1, let later = state.laterCursor { books.state.cursor = later }
            return books
        }
    }

    func counted(partition: Int, except recent: RecentCount) async throws(StoreError) -> HistoryCount {
        if let failure = now.postgresFailure { throw failure }
        return now.history[partition]
    }

    func countedByHour(fromMs: Int64, toMs: Int64) async throws(StoreError) -> [HistoryHour] {
        if let failure = now.postgresFailure { throw failure }
        return now.byHour
    }
}

/// Refused events in memory, in one partition or several; Redis may become full on the way.
final class TwinRefused: RefusedStore {
    struct State {
        var events: [RefusedEvent] = []
        var partitionCount = 1
        /// Calls that still succeed.
        var callsLeft = Int.max
        var failure = StoreError(.full, store: "redis", operation: "weir_retry", detail: "OOM")
        var largestCall = 0
        /// What is retried is refused again, as something new.
        var refusesAgain = false
    }

    private let state = Lock(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var now: State { state.withLock { $0 } }

    func add(_ count: Int, partition: Int = 0, isWhole: Bool = true, fields: [String] = ["service", "x"]) {
        change { state in
            for _ in 0..<count {
                let id = RefusedID(
                    partition: partition, position: StreamID(ms: UInt64(state.events.count) + 1, sequence: 0))
                state.events.append(
                    RefusedEvent(
                        id: id, entry: "7-0", reason: "ts is wrong", receivedMs: 77, byteCount: 20, isWhole: isWhole,
                        fields: fields.map { Array($0.utf8) }))
            }
        }
    }

    func partitionCount() async throws(StoreError) -> Int { now.partitionCount }

    func refused(partition: Int, after position: StreamID, limit: Int) async throws(StoreError) -> [RefusedEvent] {
        Array(now.events.filter { $0.id.partition == partition && $0.id.position > position }.prefix(limit))
    }

    func newestRefused(partition: Int) async throws(StoreError) -> StreamID {
        now.events.last { $0.id.partition == partition }?.id.position ?? .zero
    }

    func retry(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> [RetryOutcome] {
        try state.withLock { state throws(StoreError) in
            try Self.call(&state, positions.count)
            return positions.map { position in
                let id = RefusedID(partition: partition, position: position)
                guard let place = state.events.firstIndex(where: { $0.id == id }) else { return .gone }
                if !state.events[place].isWhole { return .cut }
                let event = state.events.remove(at: place)
                if state.refusesAgain {
                    let next = StreamID(ms: (state.events.last?.id.position.ms ?? 0) + 1_000, sequence: 0)
                    state.events.append(
                        RefusedEvent(
                            id: RefusedID(partition: partition, position: next), entry: event.entry,
                            reason: event.reason, receivedMs: 78, byteCount: 20, isWhole: true, fields: event.fields))
                }
                return .retried
            }
        }
    }

    func drop(partition: Int, _ positions: [StreamID]) async throws(StoreError) -> Int {
        try state.withLock { state throws(StoreError) in
            try Self.call(&state, positions.count)
            let before = state.events.count
            state.events.removeAll { $0.id.partition == partition && positions.contains($0.id.position) }
            return before - state.events.count
        }
    }

    private static func call(_ state: inout State, _ count: Int) throws(StoreError) {
        state.largestCall = max(state.largestCall, count)
        state.callsLeft -= 1
        if state.callsLeft < 0 { throw state.failure }
    }
}
