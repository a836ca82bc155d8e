package import Analytics
package import Service

/// Shares the partitions with the workers of other processes, and follows their number.
///
/// Each worker counts as alive for a while in the store and learns there, twice a second, who else does; from that all
/// compute the same shares (`PartitionShare`). Between two looks they may disagree: the lease then keeps all but one away
/// from a partition, and the cursor keeps the numbers right in any case.
package final class WorkerTeam: Sendable {
    /// How a team works together.
    package struct Configuration: Sendable {
        /// This worker's name, unlike all others.
        package var owner: String
        /// The partitions that are configured: with fewer there are made more.
        package var partitionCount = 1
        /// How often the worker shows itself and looks around.
        package var every = Duration.milliseconds(500)
        /// How long it counts as alive after that.
        package var ttl = Duration.milliseconds(2_500)

        package init(owner: String) { self.owner = owner }
    }

    private struct State {
        var owners: [String] = []
        var partitionCount = 0
        var mine: Set<Int> = []
    }

    private let store: any TeamStore
    private let configuration: Configuration
    private let logger: Logger
    private let state = Lock(State())

    package init(store: any TeamStore, configuration: Configuration, logger: Logger) {
        self.store = store
        self.configuration = configuration
        self.logger = logger
    }

    /// Whether the partition is this worker's, as far as it knows; none is before the first look.
    package func isMine(_ partition: Int) -> Bool { state.withLock { $0.mine.contains(partition) } }

    /// How many partitions are this worker's.
    package var share: Int { state.withLock { $0.mine.count } }

    /// Looks after the team until cancelled; then leaves it, so that others need not wait for it to be missed.
    ///
    /// - Parameters:
    ///   - onLayout: told what the store says of the partitions, at each look.
    ///   - work: works on a partition whenever `isMine` says so; called once for each partition there is or will be.
    /// - Throws: what `work` throws.
    package func run(
        onLayout: @Sendable (PartitionLayout) -> Void = { _ in }, work: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            var started = 0
            while !Task.isCancelled, !group.isCancelled {
                do {
                    onLayout(try await look())
                } catch {
                    // Whoever cannot reach the store cannot work either; what it knew is as good as anything.
                    logger.debug("the other workers cannot be seen", ["reason": "\(error)"])
                }
                while started < state.withLock({ $0.partitionCount }) {
                    let partition = started
                    group.addTask { try await work(partition) }
                    started += 1
                }
                try? await Task.sleep(for: configuration.every)
            }
            _ = try? await store.workers(owner: configuration.owner, for: .zero)
        }
    }

    private func look() async throws(StoreError) -> PartitionLayout {
        let owners = try await store.workers(owner: configuration.owner, for: configuration.ttl).sorted()
        let layout = try await store.layout(atLeast: configuration.partitionCount)
        let before = state.withLock { $0 }
        guard owners != before.owners || layout.count != before.partitionCount else { return layout }
        let shares = PartitionShare.owners(of: layout.count, among: owners) ?? []
        let mine = Set(shares.indices.filter { shares[$0] == configuration.owner })
        state.withLock { $0 = State(owners: owners, partitionCount: layout.count, mine: mine) }
        if mine != before.mine {
            logger.notice(
                "partitions are shared out",
                [
                    "workers": .int(owners.count), "partitions": .int(layout.count),
                    "mine": "\(mine.sorted().map(String.init).joined(separator: " "))",
                ])
        }
        return layout
    }
}
