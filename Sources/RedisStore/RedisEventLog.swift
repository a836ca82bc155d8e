package import Analytics
package import Redis
package import Service
internal import Synchronization

/// The log of raw events in Redis streams.
///
/// A group without a key goes to any partition, one with a key to the partition that the layout says. Layouts change while
/// fronts run, each of which learns of it a moment later: so each group with a key carries the time until which its place is
/// certain, and Redis refuses it past that (`MOVED`); then the layout is read anew.
package final class RedisEventLog: EventLog {
    /// A layout, as far as it can be relied on: on the connection it was read on, since a restarted Redis may have lost its
    /// last second and with it what this says.
    private struct Standing {
        let layout: PartitionLayout
        let session: RedisSession
        let readNs: UInt64

        /// The store's clock now, or a little before.
        func storeMs(_ nowNs: UInt64) -> Int64 { layout.readMs + Int64((nowNs - readNs) / 1_000_000) }
    }

    /// How often a changing layout is asked again before a group is given up.
    private static let maxAttempts = 5
    private static let layoutFreshNs: UInt64 = 2_000_000_000

    private let client: RedisClient
    private let configuredCount: Int
    private let keyLifeMs: Int
    private let time: TimeSource
    private let standing = Lock<Standing?>(nil)
    private let memory = Lock<RedisMemory?>(nil)
    /// Bytes of events sent since that look at the memory: under load half a second may fill what is left.
    private let writtenBytes = Atomic<Int>(0)
    /// The partition of the next groups without a key: they spread in turn.
    private let turn = Atomic<Int>(0)

    /// `partitionCount`, at least 1, is how many partitions there are to be; there may be more. `idempotency` is how long a
    /// key is remembered.
    package init(
        client: RedisClient, partitionCount: Int, idempotency: Duration = .seconds(3600), time: TimeSource = .system
    ) {
        precondition(partitionCount >= 1, "there is at least one partition")
        self.client = client
        configuredCount = partitionCount
        keyLifeMs = idempotency.wholeMs
        self.time = time
    }

    // MARK: Following

    /// Reads the layout, and makes partitions where there are fewer than configured.
    @discardableResult
    package func readLayout() async throws(StoreError) -> PartitionLayout { try await stand().layout }

    /// Looks twice a second at the layout and at the memory that Redis has left, until cancelled. While it is full, groups
    /// are refused; a log that does not run does not see that.
    package func run(
        onLayout: @Sendable (PartitionLayout) -> Void = { _ in }, onMemory: @Sendable (RedisMemory) -> Void = { _ in }
    ) async {
        while !Task.isCancelled {
            do {
                onLayout(try await readLayout())
                let before = writtenBytes.load(ordering: .relaxed)
                let seen = try await RedisMemory.read(client)
                memory.withLock { $0 = seen }
                writtenBytes.subtract(before, ordering: .relaxed)
                if let seen { onMemory(seen) }
            } catch {
                // Out of reach is out of reach: whoever appends is told so.
                memory.withLock { $0 = nil }
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func stand() async throws(StoreError) -> Standing {
        let session = try await session()
        let command = RedisPartitions.layoutCommand(atLeast: configuredCount, keyLifeMs: keyLifeMs)
        let reply = try await mapping { () throws(RedisError) in try await session.send(command) }
        let read = Standing(layout: try PartitionLayout(reply), session: session, readNs: time.monotonicNs())
        standing.withLock { $0 = read }
        return read
    }

    private func current() async throws(StoreError) -> Standing {
        let session = try await session()
        if let held = standing.withLock({ $0 }), held.session.epoch == session.epoch,
            time.monotonicNs() - held.readNs < Self.layoutFreshNs
        {
            return held
        }
        return try await stand()
    }

    /// The connection there is; without one it fails at once.
    private func session() async throws(StoreError) -> RedisSession {
        try await mapping { () throws(RedisError) in try await client.session(timeout: .zero) }
    }

    // MARK: Appending

    package func append(_ groups: [AppendGroup]) async throws(StoreError) -> [AppendOutcome] {
        let written = writtenBytes.load(ordering: .relaxed)
        if let memory = memory.withLock({ $0 }), memory.isFull(written: written) {
            let detail = memory.fullness(written: written)
            throw StoreError(.full, store: "redis", operation: "weir_append", detail: detail)
        }
        writtenBytes.add(
            groups.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.ndjson.count } }, ordering: .relaxed)
        var outcomes = [AppendOutcome?](repeating: nil, count: groups.count)
        let next = turn.wrappingAdd(1, ordering: .relaxed).oldValue & .max
        for attempt in 0..<Self.maxAttempts where outcomes.contains(nil) {
            do throws(StoreError) {
                let standing = attempt == 0 ? try await current() : try await stand()
                await append(groups, standing, turn: next, &outcomes)
            } catch {
                for place in groups.indices where outcomes[place] == nil { outcomes[place] = .failed(error) }
            }
        }
        let all = outcomes.map { $0 ?? .failed(Self.unsettled) }
        let failures = all.compactMap(\.failure)
        if failures.count == groups.count, let first = failures.first {
            throw failures.first(where: \.mayHaveRun) ?? first
        }
        return all
    }

    /// Tries each group without an outcome once; those that must be routed anew still have none afterwards.
    private func append(
        _ groups: [AppendGroup], _ standing: Standing, turn: Int, _ outcomes: inout [AppendOutcome?]
    ) async {
        var looks: [Int: [AppendCall.Part]] = [:]
        var appends: [Int: [AppendCall.Part]] = [:]
        let storeMs = standing.storeMs(time.monotonicNs())
        for place in groups.indices where outcomes[place] == nil {
            guard let key = groups[place].idempotencyKey else {
                appends[turn % standing.layout.count, default: []].append(.init(place: place, kind: .plain))
                continue
            }
            let route = standing.layout.route(hash: Self.hash(key), atMs: storeMs)
            for partition in route.earlier {
                looks[partition, default: []].append(.init(place: place, kind: .look(fromMs: route.settledMs)))
            }
            appends[route.partition, default: []].append(
                .init(place: place, kind: .keyed(beforeMs: route.beforeMs)))
        }
        var waiting: Set<Int> = []
        for (place, reply) in await send(looks, groups, standing.session) {
            switch reply {
            case .outcome(let outcome): outcomes[place] = outcome
            case .elsewhere: waiting.insert(place)
            case .unknown: break
            }
        }
        for partition in appends.keys {
            appends[partition]?.removeAll { outcomes[$0.place] != nil || waiting.contains($0.place) }
        }
        for (place, reply) in await send(appends, groups, standing.session) {
            if case .outcome(let outcome) = reply { outcomes[place] = outcome }
        }
    }

    /// One call for each partition, all in one write.
    private func send(
        _ parts: [Int: [AppendCall.Part]], _ groups: [AppendGroup], _ session: RedisSession
    ) async -> [(place: Int, reply: AppendCall.Reply)] {
        let calls = parts.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { AppendCall(partition: $0.key, parts: $0.value) }
        guard !calls.isEmpty else { return [] }
        do throws(RedisError) {
            let replies = try await session.pipeline(calls.map { $0.command(groups, keyLifeMs: keyLifeMs) })
            return zip(calls, replies).flatMap { $0.read($1) }
        } catch {
            return calls.flatMap { $0.failed(StoreError(error)) }
        }
    }

    private static let unsettled = StoreError(
        .unavailable, store: "redis", operation: "weir_append", detail: "the number of partitions is changing")

    /// FNV-1a: the same on every front, whatever its process.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension AppendOutcome {
    fileprivate var failure: StoreError? {
        if case .failed(let error) = self { error } else { nil }
    }
}
