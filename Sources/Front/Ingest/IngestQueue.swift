package import Analytics

/// Appends the events of requests that arrive together in one call.
///
/// Pinned to the front's loop. While a call is on its way, what arrives waits and goes with the next: alone, a request is
/// sent at once; under load calls grow by themselves. Two are on their way at a time, so that Redis need not wait for us.
package actor IngestQueue {
    private struct Waiting {
        let group: AppendGroup
        let continuation: CheckedContinuation<Result<AppendOutcome, StoreError>, Never>
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
    private var waitingBytes = 0
    private var idleLanes: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false

    /// Makes a queue that sends nothing before it runs.
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

    /// Sends what comes until the task is cancelled, and then what has come.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<Self.lanes { group.addTask { await self.sendAll() } }
            // Lanes wait for work without looking at cancellation; this one looks for them.
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
            stop()
        }
    }

    /// Appends a group; returns when the store has it.
    ///
    /// - Throws: `StoreError`; `.unavailable` also where too much is waiting already.
    func append(_ group: AppendGroup) async throws(StoreError) -> AppendOutcome {
        let bytes = Self.bytes(group)
        guard !isStopping, waitingBytes + bytes <= maxWaitingBytes else {
            throw StoreError(
                .unavailable, store: "redis", operation: "weir_append",
                detail: isStopping ? "the server is stopping" : "too many events are waiting for it")
        }
        waitingBytes += bytes
        let result = await withCheckedContinuation { continuation in
            waiting.append(Waiting(group: group, continuation: continuation))
            idleLanes.popLast()?.resume()
        }
        return try result.get()
    }

    private func stop() {
        isStopping = true
        for lane in idleLanes { lane.resume() }
        idleLanes = []
    }

    private func sendAll() async {
        while true {
            if waiting.isEmpty {
                if isStopping { return }
                await withCheckedContinuation { idleLanes.append($0) }
                continue
            }
            let batch = takeBatch()
            let groups = Self.packed(batch.map(\.group))
            var outcomes: [AppendOutcome] = []
            var failure: StoreError?
            do {
                outcomes = try await log.append(groups.groups)
            } catch {
                failure = error
            }
            for (place, one) in batch.enumerated() {
                waitingBytes -= Self.bytes(one.group)
                one.continuation.resume(
                    returning: failure.map { .failure($0) } ?? .success(outcomes[groups.places[place]]))
            }
        }
    }

    private func takeBatch() -> [Waiting] {
        var bytes = 0
        let count = waiting.firstIndex { one in
            bytes += Self.bytes(one.group)
            return bytes > Self.maxBytesPerCall
        }
        let batch = Array(waiting.prefix(max(1, count ?? waiting.count)))
        waiting.removeFirst(batch.count)
        return batch
    }

    /// Puts groups without a key together, so that their events share stream entries; tells where each went.
    ///
    /// The first one's time of receipt stands for all: they came within the time of one call.
    static func packed(_ groups: [AppendGroup]) -> (groups: [AppendGroup], places: [Int]) {
        var packed: [AppendGroup] = []
        var places: [Int] = []
        var shared: Int?
        for group in groups {
            if group.idempotencyKey == nil, let place = shared {
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

    private static func bytes(_ group: AppendGroup) -> Int {
        group.entries.reduce(group.answer.count) { $0 + $1.ndjson.count }
    }
}
