package import Analytics

/// Lists, retries and drops refused events over all partitions, in calls that keep Redis busy for a moment each.
package struct RefusedDesk: Sendable {
    /// What became of those that were to be retried or dropped.
    struct Outcome: Equatable {
        /// Retried or dropped, as was asked.
        var done = 0
        /// Not among the refused ones any more.
        var gone = 0
        /// Only the beginning was kept, so they stay.
        var cut = 0
    }

    /// A failure on the way, with what had been done before.
    struct Interrupted: Error {
        let reason: StoreError
        let before: Outcome
    }

    /// What to do with refused events.
    enum Action { case retry, drop }

    /// A page ends early where it has so many bytes.
    private static let pageBytes = 1 << 20
    private static let eventsPerRead = 20
    private static let eventsPerCall = 100

    private let store: any RefusedStore

    package init(store: any RefusedStore) { self.store = store }

    /// How many partitions there are.
    func partitionCount() async throws(StoreError) -> Int { try await store.partitionCount() }

    /// At most `limit` events after `after`, in `partition` or in all, one partition after the other, oldest first; and
    /// whether more follow.
    func list(
        partition: Int?, after: RefusedID?, limit: Int
    ) async throws(StoreError) -> (events: [RefusedEvent], hasMore: Bool) {
        let count = try await partitionCount()
        let partitions = partition.map { $0..<min($0 + 1, max(count, $0)) } ?? 0..<count
        var found: [RefusedEvent] = []
        var bytes = 0
        for partition in partitions where partition >= after?.partition ?? 0 {
            var position = after?.partition == partition ? after?.position ?? .zero : .zero
            while true {
                let some = try await store.refused(partition: partition, after: position, limit: Self.eventsPerRead)
                for event in some {
                    if found.count == limit || bytes >= Self.pageBytes { return (found, true) }
                    found.append(event)
                    bytes += event.byteCount
                }
                guard some.count == Self.eventsPerRead, let last = some.last else { break }
                position = last.id.position
            }
        }
        return (found, false)
    }

    /// Retries or drops the named events; all partitions must be there.
    func act(_ action: Action, _ ids: [RefusedID]) async throws(Interrupted) -> Outcome {
        var outcome = Outcome()
        for (partition, some) in Dictionary(grouping: ids, by: \.partition).sorted(by: { $0.key < $1.key }) {
            try await act(action, partition, some.map(\.position), &outcome)
        }
        return outcome
    }

    /// Retries or drops all that are refused now; what is refused again meanwhile waits for another time.
    func actOnAll(_ action: Action) async throws(Interrupted) -> Outcome {
        var outcome = Outcome()
        do throws(StoreError) {
            for partition in 0..<(try await partitionCount()) {
                let newest = try await store.newestRefused(partition: partition)
                var position = StreamID.zero
                while position < newest {
                    let some = try await store.refused(
                        partition: partition, after: position, limit: Self.eventsPerRead)
                    guard let last = some.last else { break }
                    position = last.id.position
                    let due = some.map(\.id.position).filter { $0 <= newest }
                    do throws(Interrupted) {
                        try await act(action, partition, due, &outcome)
                    } catch {
                        throw error.reason
                    }
                }
            }
        } catch {
            throw Interrupted(reason: error, before: outcome)
        }
        return outcome
    }

    private func act(
        _ action: Action, _ partition: Int, _ positions: [StreamID], _ outcome: inout Outcome
    ) async throws(Interrupted) {
        var rest = positions[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.eventsPerCall))
            rest = rest.dropFirst(Self.eventsPerCall)
            do throws(StoreError) {
                switch action {
                case .retry:
                    for one in try await store.retry(partition: partition, some) {
                        switch one {
                        case .retried: outcome.done += 1
                        case .gone: outcome.gone += 1
                        case .cut: outcome.cut += 1
                        }
                    }
                case .drop:
                    let dropped = try await store.drop(partition: partition, some)
                    outcome.done += dropped
                    outcome.gone += some.count - dropped
                }
            } catch {
                throw Interrupted(reason: error, before: outcome)
            }
        }
    }
}
