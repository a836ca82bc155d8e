package import Analytics

/// Why events were not stored.
enum IngestError: Error {
    /// Too much is waiting for the store already.
    case busy
    /// The front is about to end.
    case stopping
    case store(StoreError)
}

/// Appends the events of requests that arrive together in one call.
///
/// Pinned to the front's loop. While a call is on its way, what arrives waits and goes with the next: alone, a request is
/// sent at once; under load calls grow by themselves. Two are on their way at a time, so that Redis need not wait for us.
/// A request whose client has gone goes on all the same: others travel in the same call.
package actor IngestQueue {
    private struct Waiting {
        let group: AppendGroup
        let byteCount: Int
        let continuation: CheckedContinuation<Result<AppendOutcome, IngestError>, Never>
    }

    private static let lanes = 2
    private static let maxBytesPerCall = 4 << 20

    private nonisolated let executor: any SerialExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    private let log: any EventLog
    private let maxWaitingBytes: Int
    private var waiting: [Waiting] = []
    private var idleLanes: [AsyncStream<Void>.Continuation] = []
    private var isStopping = false

    /// Bytes of events that wait or are on their way.
    private(set) var waitingBytes = 0

    /// Makes a queue; `run` does the work.
    ///
    /// - Parameters:
    ///   - executor: the front's event loop.
    ///   - log: where events go.
    ///   - maxWaitingBytes: requests past it are refused, so that a slow store costs bounded memory.
    package init(executor: any SerialExecutor, log: any EventLog, maxWaitingBytes: Int = 64 << 20) {
        self.executor = executor
        self.log = log
        self.maxWaitingBytes = maxWaitingBytes
    }

    /// Sends what comes until the task is cancelled; once, on the executor. Stop the server before: what is still on its
    /// way then is given up.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<Self.lanes { group.addTask { await self.sendAll() } }
        }
        isStopping = true
        for one in waiting { one.continuation.resume(returning: .failure(.stopping)) }
        waiting = []
    }

    /// Appends a group; returns when the store has it.
    func append(_ group: AppendGroup) async throws(IngestError) -> AppendOutcome {
        guard !isStopping else { throw .stopping }
        let byteCount = group.entries.reduce(group.answer.count) { $0 + $1.ndjson.count }
        guard waitingBytes + byteCount <= maxWaitingBytes else { throw .busy }
        waitingBytes += byteCount
        let result = await withCheckedContinuation { continuation in
            waiting.append(Waiting(group: group, byteCount: byteCount, continuation: continuation))
            idleLanes.popLast()?.yield()
        }
        return try result.get()
    }

    private func sendAll() async {
        let (signals, signal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        var wakeUps = signals.makeAsyncIterator()
        while !Task.isCancelled {
            if waiting.isEmpty {
                idleLanes.append(signal)
                if await wakeUps.next(isolation: self) == nil { return }
            } else {
                await send(takeBatch())
            }
        }
    }

    private func send(_ batch: [Waiting]) async {
        let packed = Self.packed(batch.map(\.group))
        var outcomes: [AppendOutcome] = []
        var failure: StoreError?
        do {
            outcomes = try await log.append(packed.groups)
        } catch {
            failure = error
        }
        for (one, place) in zip(batch, packed.places) {
            waitingBytes -= one.byteCount
            one.continuation.resume(returning: failure.map { .failure(.store($0)) } ?? .success(outcomes[place]))
        }
    }

    private func takeBatch() -> [Waiting] {
        var bytes = 0
        let count = waiting.firstIndex { one in
            bytes += one.byteCount
            return bytes > Self.maxBytesPerCall
        }
        let batch = Array(waiting.prefix(max(1, count ?? waiting.count)))
        waiting.removeFirst(batch.count)
        return batch
    }

    /// Puts groups without a key together, so that their events share stream entries; tells where each went.
    ///
    /// Only those that came within the same millisecond: the time of receipt decides what is late, and must stay what the
    /// events were checked against.
    static func packed(_ groups: [AppendGroup]) -> (groups: [AppendGroup], places: [Int]) {
        var packed: [AppendGroup] = []
        var places: [Int] = []
        var shared: Int?
        for group in groups {
            if group.idempotencyKey == nil, let place = shared, packed[place].receivedMs == group.receivedMs {
                for entry in group.entries { Self.add(entry, to: &packed[place].entries) }
                places.append(place)
            } else {
                if group.idempotencyKey == nil { shared = packed.count }
                places.append(packed.count)
                packed.append(group)
            }
        }
        return (packed, places)
    }

    private static func add(_ entry: AppendGroup.Entry, to entries: inout [AppendGroup.Entry]) {
        guard let last = entries.indices.last,
            entries[last].eventCount + entry.eventCount <= EventPacker.maxEventsPerEntry,
            entries[last].ndjson.count + entry.ndjson.count <= EventPacker.maxBytesPerEntry
        else {
            entries.append(entry)
            return
        }
        entries[last].eventCount += entry.eventCount
        entries[last].ndjson.append(contentsOf: entry.ndjson)
    }
}
