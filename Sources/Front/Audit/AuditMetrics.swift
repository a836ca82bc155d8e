internal import Analytics
package import Service
internal import Wire

/// Audits once a minute and tells on /metrics whether the books balance, so that somebody can be woken when they do not.
package final class AuditMetrics: Sendable {
    private static let interval = Duration.seconds(60)
    private static let hourMs: Int64 = 3_600_000

    private struct Known {
        var isBalanced: Bool
        var atMs: Int64
    }

    private let reader: AuditReader
    private let time: TimeSource
    private let known = Lock<Known?>(nil)

    /// - Parameters:
    ///   - registry: has no series of ours before the first audit.
    ///   - reader: asked for the last 24 hours. While a store does not answer, what was known stays.
    ///   - time: the clock.
    package init(_ registry: MetricsRegistry, reader: AuditReader, time: TimeSource = .system) {
        self.reader = reader
        self.time = time
        registry.collector(
            .gauge, "weir_audit_balanced",
            help: "1 where every accepted event is accounted for at the last audit, 0 where not."
        ) { [known] in
            known.withLock { $0 }.map { [([:], $0.isBalanced ? 1 : 0)] } ?? []
        }
        registry.collector(
            .gauge, "weir_audit_timestamp_seconds", help: "When the last whole audit was made, in seconds since 1970."
        ) { [known] in
            known.withLock { $0 }.map { [([:], Double($0.atMs) / 1_000)] } ?? []
        }
    }

    /// Audits until cancelled.
    package func run() async {
        while !Task.isCancelled {
            await audit()
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// One audit.
    func audit() async {
        let nowMs = time.wallMs()
        let hours = StepLadder.floor(nowMs - 24 * Self.hourMs, Self.hourMs)..<StepLadder.ceiling(nowMs, Self.hourMs)
        // Half of an audit says nothing, and neither does one before the first event.
        guard let (audit, degraded) = try? await reader.read(hours), degraded.isEmpty, !audit.partitions.isEmpty else {
            return
        }
        known.withLock { $0 = Known(isBalanced: audit.isBalanced, atMs: nowMs) }
    }
}
