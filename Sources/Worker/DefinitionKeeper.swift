package import Analytics
package import Service

/// Brings the configured metrics into the store, where every worker and front follows them by their version.
///
/// A configuration is put forward once, when the process starts or its file has changed: of two workers with different
/// files the one that came last counts, and neither undoes the other's for ever.
package struct DefinitionKeeper: Sendable {
    /// Why the configured metrics cannot be taken.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// These metrics are configured with another kind than the one they have.
        case kindChanged([String])

        package var description: String {
            switch self {
            case .kindChanged(let names):
                "the kind of \(names.joined(separator: ", ")) has changed (or whether it counts events or a value); what "
                    + "is stored under a name cannot change its kind: give the metric a new name, and the old one stays "
                    + "readable"
            }
        }
    }

    private let store: any PartitionStore
    private let logger: Logger

    package init(store: any PartitionStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Stores `metrics` as the next version, where they differ from the current one; waits while the store is away.
    ///
    /// - Throws: `Failure`, or `CancellationError`.
    package func put(_ metrics: [MetricDefinition]) async throws {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(5))
        while true {
            do {
                let held = try await store.leadingDefinitions() ?? Definitions(version: 0, metrics: [])
                let (updated, changedKind) = held.updated(to: metrics)
                if !changedKind.isEmpty { throw Failure.kindChanged(changedKind) }
                guard let updated else { return }
                if try await store.define(updated, expected: held.version, partition: 0) {
                    logger.notice("metric definitions stored", ["version": "\(updated.version)"])
                    return
                }
            } catch let error as StoreError {
                try Task.checkCancellation()
                guard error.code == .unavailable || error.code == .timedOut || error.code == .full else { throw error }
                logger.debug("metric definitions wait for the store", ["reason": "\(error)"])
            }
            try await Task.sleep(for: backoff.next())
        }
    }
}
